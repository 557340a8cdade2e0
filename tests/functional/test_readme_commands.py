"""Every command of the README's step-by-step part, run as written on small data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documented_commands import Walk, commands_of, new_desk
from tests.fixtures_engines import ROOT

STEPS = (ROOT / "README.md").read_text(encoding="utf-8").split("## The real thing, step by step")[1].split("\n## ")[0]
COMMANDS = commands_of(STEPS)


@pytest.fixture
def desk(drawn_images: Path, tmp_path: Path) -> Path:
    return new_desk(tmp_path, drawn_images)


def test_the_readme_has_the_commands_that_are_run_here() -> None:
    assert [command.split()[:2] for command in COMMANDS] == [
        ["obs-layout", "pack"],
        ["obs-layout", "verify"],
        ["obs-layout", "push"],
        ["obs-layout", "push"],
        ["modelarts-local", "check"],
        ["modelarts-local", "train"],
        ["modelarts-local", "check"],
        ["modelarts-local", "serve"],
        ["modelarts-local", "predict"],
        ["curl", "-F"],
    ]


def test_the_commands_work_in_the_order_of_the_readme(desk: Path, bucket: str) -> None:
    with Walk(desk, bucket) as walk:
        said = [walk.type(command) for command in COMMANDS]
    assert said[6] == "nothing found in out/V0001 (package, 6 files, fit for the MXNet engine of 2019 to 2023)\n"
    assert re.match(r"cat.jpg: (flower|house|key) \d", said[8])
    assert '"predicted_label"' in said[9]
