"""Every package is pinned, and docs/dependencies.md names it with its licence."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from tests.static.sources import ROOT
from tools.dependency_page import HEADINGS, LOCAL, NOT_SAID, PAGE, PARITY, Pinned, pinned

TEXT = PAGE.read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?!package|---)(\S+) \| (\S+) \| (.+) \|$", re.MULTILINE)
REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9_.-]+)", re.MULTILINE)


def rows(after: str) -> list[tuple[str, str, str]]:
    """The rows of the table below a heading."""
    return ROW.findall(TEXT.split(after)[1].split("\n## ")[0])


def required() -> set[str]:
    """The names in setup.cfg: what is always installed, and all extras."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    return {key(name) for text in texts for name in REQUIREMENT.findall(re.sub(r"#.*", "", text))}


def key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("heading", "path"), HEADINGS.items())
def test_the_page_names_what_is_pinned(heading: str, path: Path) -> None:
    assert [Pinned(name, version) for name, version, _ in rows(heading)] == sorted(
        pinned(path), key=lambda each: each.name.lower()
    )


def test_every_licence_is_known() -> None:
    table = [row for heading in HEADINGS for row in rows(heading)]
    assert [name for name, _, licence in table if licence == NOT_SAID] == []
    assert len(table) > 100


def test_every_direct_dependency_is_pinned() -> None:
    assert required() - {key(each.name) for each in pinned(LOCAL)} == {"setuptools"}  # for Python 3.12 alone


def test_the_engine_is_that_of_setup_cfg() -> None:
    assert Pinned("mxnet", "1.9.1") in pinned(LOCAL)
    assert Pinned("mxnet", "1.2.1.post1") in pinned(PARITY)
