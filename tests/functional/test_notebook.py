"""docs/notebook.ipynb runs from top to bottom, and what is stored in it is what such a run shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import nbformat
import pytest

from tests.fixtures_engines import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
MAX_BYTES = 500 * 1000
RUN_TIMEOUT_S = 900
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:tmp|home|root|work|var|usr|opt|Users|private)/|[A-Z]:\\")
CHINESE = re.compile("[\u4e00-\u9fff]")
PICTURES = ("image/png", "image/jpeg")

Cell = Any  # as JSON has it


def cells_of(path: Path) -> list[Cell]:
    return list(json.loads(path.read_text(encoding="utf-8"))["cells"])


def code_cells(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell["cell_type"] == "code"]


def said_in(cells: list[Cell]) -> str:
    """All text that the cells show."""
    return "".join("".join(output.get("text", ())) for cell in code_cells(cells) for output in cell["outputs"])


def kinds_shown(cell: Cell) -> Iterator[str]:
    """What a cell shows: the stream or the form of each output."""
    for output in cell["outputs"]:
        yield from [output["name"]] if output["output_type"] == "stream" else sorted(output.get("data", {"error": ""}))


@pytest.fixture(scope="module")
def stored() -> list[Cell]:
    return cells_of(NOTEBOOK)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> list[Cell]:
    """The cells after a run of their own, beside which the stored file stays as it is."""
    before = NOTEBOOK.read_bytes()
    path = tmp_path_factory.mktemp("notebook") / "notebook.ipynb"
    done = subprocess.run(
        [sys.executable, "-m", "tools.run_notebook", f"--to={path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert NOTEBOOK.read_bytes() == before
    return cells_of(path)


def test_the_stored_file_can_be_read_on_its_own(stored: list[Cell]) -> None:
    assert NOTEBOOK.stat().st_size < MAX_BYTES
    nbformat.validate(json.loads(NOTEBOOK.read_text(encoding="utf-8")))
    code = code_cells(stored)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    shown = [kind for cell in code for kind in kinds_shown(cell)]
    assert len([kind for kind in shown if kind in PICTURES]) == 3
    assert set(shown) <= {"stdout", *PICTURES}


def test_nothing_that_is_stored_tells_of_one_machine(stored: list[Cell]) -> None:
    outputs = [cell.get("outputs", ()) for cell in stored]
    texts = [part for output in outputs for part in output if "image/png" not in part.get("data", {})]
    assert MACHINE_PATH.findall(json.dumps(texts)) == []
    assert all(cell["metadata"] == {} for cell in stored)


def test_each_section_is_headed_and_summed_up_in_chinese_too(stored: list[Cell]) -> None:
    texts = ["".join(cell["source"]) for cell in stored if cell["cell_type"] == "markdown"]
    assert len(texts) > 7
    for text in texts:
        assert CHINESE.search(text.split("\n", 1)[1]), text
        assert not text.startswith("#") or re.match(r"##? [\w ]+ / [\u4e00-\u9fff]+\n", text), text


@pytest.mark.notebook
def test_a_new_run_shows_what_is_stored(stored: list[Cell], executed: list[Cell]) -> None:
    assert [cell["source"] for cell in executed] == [cell["source"] for cell in stored]
    assert [list(kinds_shown(cell)) for cell in code_cells(executed)] == [
        list(kinds_shown(cell)) for cell in code_cells(stored)
    ]
    assert MACHINE_PATH.findall(said_in(executed)) == []


@pytest.mark.parametrize("which", ["stored", pytest.param("executed", marks=pytest.mark.notebook)])
def test_both_networks_learn_and_the_package_passes(which: str, request: pytest.FixtureRequest) -> None:
    said = said_in(request.getfixturevalue(which))
    assert "packed 600 images of 10 classes into data: 480 for training, 120 for validation" in said
    assert "verified 600 images in data: all good" in said
    assert "nothing found in out/resnet (package, 6 files, fit for the MXNet engine of 2019 to 2023)" in said
    right = re.search(r"^(\d+) of 120 validation pictures are right$", said, re.MULTILINE)
    # ten kinds: twelve would be chance, with a standard deviation of three
    assert right and int(right.group(1)) > 30
    best = [float(accuracy) for accuracy in re.findall(r"best epoch is .* accuracy ([\d.]+)", said)]
    assert len(best) == 2 and round(best[0] * 120) == int(right.group(1))
    assert min(best) > 0.2
    assert len(re.findall(r"^ +\d  +[\d.]+%  +[\d.]+%$", said, re.MULTILINE)) == 8
