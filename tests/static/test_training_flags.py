"""docs/training-flags.md is what the command lines of codes/ say, and the README's table agrees with it."""

from __future__ import annotations

import re

import pytest

from tests.static.sources import ROOT
from tools.training_flags_page import page

import arguments
from recipes import Recipe

WRITTEN = (ROOT / "docs" / "training-flags.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\S+)` \| (.*?) \| (.*?) \| (.*) \|$", re.MULTILINE)


def rows(markdown: str) -> dict[str, tuple[str, str, str]]:
    """(default, takes, what it does) of each flag of the training job."""
    of_the_job = markdown.split("## The other two programs")[0]
    return {name: (default, takes, does) for name, default, takes, does in ROW.findall(of_the_job) if name[0] == "-"}


def test_the_page_of_flags_is_that_of_the_parsers() -> None:
    assert page() == WRITTEN, "make it anew with: PYTHONPATH=.:codes python3 -m tools.training_flags_page"


def test_every_flag_has_a_row_that_says_what_it_takes_and_does() -> None:
    flags = {f"--{name}" for name in arguments._flag_names(arguments.build_parser())} - {"--help"}
    assert set(rows(WRITTEN)) == flags
    assert all(all(cells) for cells in rows(WRITTEN).values())


@pytest.mark.parametrize(
    ("flag", "default", "takes"),
    [
        ("--data_url", "required", "a folder or URL"),
        ("--num_layers", "34", "`18`, `34`, `50`"),
        ("--image_size", "224", "number of pixels from 16 to 1024"),
        ("--lr_step", "the recipe's, half a cosine", "numbers of at least 1 with commas, as in 16,24,27"),
        ("--save_minutes", "10", "number of at least 0"),
        ("--gpus", "none", "different GPU numbers with commas, as in 0,2"),
    ],
)
def test_a_row_says_default_and_choices(flag: str, default: str, takes: str) -> None:
    assert rows(WRITTEN)[flag][:2] == (default, takes)


def test_every_part_of_a_recipe_has_a_row() -> None:
    parts = WRITTEN.split("## Parts of a recipe")[1].split("\n## ")[0]
    assert [name for name in re.findall(r"^\| `(\w+)` \|", parts, re.MULTILINE)] == list(Recipe._fields)


def test_the_readme_has_the_same_defaults() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"\| `(--\w+)` \| ([\w.]+) \|", readme)
    assert len(named) > 6
    assert [(flag, default) for flag, default in named if rows(WRITTEN)[flag][0] != default] == []
