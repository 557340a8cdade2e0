"""The tutorial: every command runs as written, on small data, and what it says of flags is what the job has."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from tests.documented_commands import Walk, commands_of, new_desk
from tests.fixtures_engines import ROOT

import arguments

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
IN_CHINESE = (ROOT / "docs" / "tutorial.zh-CN.md").read_text(encoding="utf-8")
FOR_THE_PLATFORM = re.compile(r"https://ADDRESS|modelarts-local submit")  # the latter has tests of its own
AT_HOME = [command for command in commands_of(TUTORIAL) if not FOR_THE_PLATFORM.search(command)]
FLAG_ROW = re.compile(r"^\| `(--[a-z_]+)` \| ([^|]+?) \|", re.MULTILINE)


@pytest.fixture
def desk(drawn_images: Path, tmp_path: Path) -> Path:
    return new_desk(tmp_path, drawn_images)


def test_every_command_of_the_tutorial_works_in_its_order(desk: Path, bucket: str) -> None:
    with Walk(desk, bucket) as walk:
        said = {command: walk.type(command) for command in AT_HOME}
    assert said["modelarts-local check out/V0001"].startswith("nothing found in out/V0001")
    assert re.match(r"cat.jpg: (flower|house|key) \d", said["modelarts-local predict cat.jpg"])
    pages = [(desk / f"wrong-{number}.html").read_text(encoding="utf-8") for number in (1, 2)]
    tables = [(desk / f"answers-{number}.csv").read_text(encoding="utf-8") for number in (1, 2)]
    assert all(page.startswith("<!doctype html>") for page in pages)
    assert [len(table.splitlines()) for table in tables] == [10, 10], "a head and nine validation pictures"
    assert tables[0] != tables[1], "two trainings, so not the same model asked twice"
    assert (desk / "out-v2" / "model" / "config.json").exists()


def test_the_tutorial_trains_serves_and_asks() -> None:
    verbs = [" ".join(command.split()[:2]) for command in AT_HOME]
    assert verbs.count("modelarts-local train") == 3
    assert verbs.count("modelarts-local serve") == 2
    assert verbs.count("modelarts-local predict") == 3
    assert {"obs-layout pack", "obs-layout verify", "obs-layout push", "modelarts-local check", "curl -F"} <= set(verbs)


def test_both_languages_have_the_same_commands_and_the_same_flags() -> None:
    assert commands_of(IN_CHINESE) == commands_of(TUTORIAL)
    assert [row[0] for row in FLAG_ROW.findall(IN_CHINESE)] == [row[0] for row in FLAG_ROW.findall(TUTORIAL)]


@pytest.mark.parametrize(
    ("text", "by_the_recipe"), [(TUTORIAL, "recipe"), (IN_CHINESE, "由配方决定")], ids=["en", "zh"]
)
def test_the_defaults_in_the_table_are_those_of_the_job(text: str, by_the_recipe: str) -> None:
    said = dict(FLAG_ROW.findall(text))
    parser = arguments.build_parser()
    defaults = {flag: parser.get_default(flag[2:]) for flag in said}
    assert said == {
        flag: by_the_recipe if value == argparse.SUPPRESS else str(value) for flag, value in defaults.items()
    }
    assert len(said) == 8
