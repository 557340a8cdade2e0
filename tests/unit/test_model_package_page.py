"""docs/model-package.md says what the job writes: files, members and values."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator

from modelarts_local.check.rules import RULES
from tests.fixtures_engines import CODES, ROOT

import export
from dataset.preprocessing import Preprocessing

DOCUMENT = (ROOT / "docs" / "model-package.md").read_text(encoding="utf-8")
TEMPLATE = json.loads((CODES / "model_template" / "config.json").read_text(encoding="utf-8"))
# JSON schemas and what is measured, which the page tells in words
TOLD_IN_WORDS = ("metrics", "data")


def section(title: str) -> str:
    return DOCUMENT.split(f"## {title}\n")[1].split("\n## ")[0]


def first_cells(markdown: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", markdown, re.MULTILINE)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of all that is no object or list, and of what is told in words, as (path, None)."""
    if path.rpartition(".")[2] in TOLD_IN_WORDS:
        yield path, None
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from leaves(member, f"{path}[{place}]")
    else:
        yield path, value


def test_the_page_lists_the_files_that_the_job_writes() -> None:
    before = DOCUMENT.split("\n## ")[0]
    assert first_cells(before) == list(export.FILES)
    assert re.findall(r"[├└]── (\S+\.\w+) ", before) == list(export.FILES)


def test_the_page_lists_every_member_of_config_json_with_its_value() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \|", section("`config.json`"), re.MULTILINE)
    expected = dict(leaves(TEMPLATE))
    assert [path for path, _ in rows] == list(expected)
    assert [(path, cell) for path, cell in rows if expected[path] is not None and cell != f"`{expected[path]}`"] == []


def test_the_page_lists_every_member_of_preprocessing_json() -> None:
    members = Preprocessing.for_image_size(224).to_json()
    assert first_cells(section("`preprocessing.json`")) == list(members)


def test_the_page_has_the_deployments_variables() -> None:
    variables = export.deployment_environment(224, 101)
    assert first_cells(section("The deployment's three variables")) == [name for name, _ in variables]
    assert variables == (
        ("input_data_name", "images"),
        ("input_data_shape", "0,3,224,224"),
        ("output_data_shape", "0,101"),
    )


def test_the_rules_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"\b([MS]\d+)\b", DOCUMENT))
    assert len(named) > 10 and named <= set(RULES)
