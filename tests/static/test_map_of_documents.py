"""docs/index.md leads to every page, the READMEs lead to it, and the notebook names only what is there."""

from __future__ import annotations

import json
import re

import pytest

from tests.static.sources import ROOT
from tests.static.test_documents import FLAG, LINK, dead_links, known_flags

__all__ = ["known_flags"]  # a fixture

DOCS = ROOT / "docs"
NOTEBOOK = DOCS / "notebook.ipynb"


def notebook_text(*kinds: str) -> str:
    """The source of all cells of some kinds: "markdown", "code"."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] in kinds)


def test_the_map_leads_to_every_page() -> None:
    links = {link.partition("#")[0] for link in LINK.findall((DOCS / "index.md").read_text(encoding="utf-8"))}
    pages = {path.name for path in DOCS.iterdir() if path.suffix in (".md", ".ipynb")} - {"index.md"}
    assert len(pages) > 20
    assert sorted(pages - links) == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_readme_leads_to_the_map(name: str) -> None:
    assert "(docs/index.md)" in (ROOT / name).read_text(encoding="utf-8")


def test_every_link_and_flag_in_the_notebook_leads_somewhere(known_flags: set[str]) -> None:
    assert len(LINK.findall(notebook_text("markdown"))) > 5
    assert list(dead_links(NOTEBOOK, notebook_text("markdown"))) == []
    assert sorted(set(FLAG.findall(notebook_text("markdown", "code"))) - known_flags) == []


def test_figures_stand_on_the_pages_that_are_linked_and_not_on_that_of_benchmarks() -> None:
    prose = re.sub(r"`[^`]*`|^ {4}.*$|\([^)]*\)", "", (DOCS / "benchmarks.md").read_text(encoding="utf-8"), flags=re.M)
    measured = re.findall(r"\d[\d.,]* (?:%|ms|s|images|points|times)\b", prose)
    assert measured == []
