"""docs/architecture.md and its drawing agree with the rules that the imports are held to."""

from __future__ import annotations

import re

from tests.static.sources import ROOT
from tests.static.test_who_imports_whom import JOB_MODULES, PARTS, Part

DOCUMENT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DRAWING = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
THE_JOB = frozenset(JOB_MODULES.split())


def row_of(part: Part) -> str:
    """A line of the table: the folder, and all it may import but itself."""
    others = {name for name in part.imports if not f"/{part.folder}".endswith("/" + name.replace(".", "/"))}
    has_the_job = others >= THE_JOB
    names = sorted(name.replace("modelarts_local.", "") for name in others - (THE_JOB if has_the_job else set()))
    return f"| `{part.folder}/` | {', '.join(['*the job*'] * has_the_job + [f'`{name}`' for name in names])} |"


def drawn_names() -> list[str]:
    """Files, and folders by the slash at their end; a name of two lines is joined."""
    texts = re.findall(r"<text[^>]*bold[^>]*>([^<]+)</text>", DRAWING)
    return re.findall(r"\w+(?:/|\.py)", "".join(texts))


def test_the_table_of_imports_is_that_of_the_rules() -> None:
    expected = [row_of(part) for part in PARTS]
    section = DOCUMENT.split("## Who may import whom")[1].split("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("| `")]
    assert written == expected, "the rows should be:\n" + "\n".join(expected)


def test_everything_that_is_drawn_is_there() -> None:
    places = (ROOT, ROOT / "codes", ROOT / "modelarts_local")
    assert {"train_caltech.py", "model_template/", "handler_worker/", "demo/"} <= set(drawn_names())
    assert [name for name in drawn_names() if not any((place / name).exists() for place in places)] == []
