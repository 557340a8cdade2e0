"""What the documents name is there: flags, make targets, files and headings."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path
from typing import Iterator

import pytest

from tests.static.sources import FOLDERS, ROOT, files_below

PARSERS = (
    "arguments",
    "plot_network",
    "quantize_model",
    "moxing_shim.command_line",
    "obs_layout.arguments",
    "modelarts_local.cli",
    "demo.__main__",
    "benchmarks.hostile_load",
    "benchmarks.packing",
    "benchmarks.serving",
    "benchmarks.soak",
    "benchmarks.recipe_search.command_line",
    "benchmarks.recipes",
    "benchmarks.training",
    "benchmarks.transfer",
)
FOREIGN_FLAGS = {
    "--help": "argparse",
    "--stop": "obs_layout/minio/start-minio",
    "--logdir": "tensorboard",
    "--upgrade": "pip",
    "--no-deps": "pip",
    "--num-thread": "im2rec",
    "--cpus": "docker",
    "--build-arg": "docker",
    "--rm": "docker",
    "--volume": "docker",
    "--publish": "docker",
}
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9_-]*")
TARGET = re.compile(r"\bmake(?: +(?:-\w+|\w+=\S+))* +([a-z][a-z-]*)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    below = [path for folder in (*FOLDERS, "docs") for path in files_below(ROOT / folder)]
    return [path for path in (*sorted(ROOT.glob("*.md")), *below) if path.suffix == ".md"]


def document_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


each_document = pytest.mark.parametrize("path", documents(), ids=document_id)


@pytest.fixture(scope="session")
def known_flags() -> set[str]:
    """The flags of all our programs and the few of others that the documents speak of."""
    parsers = [importlib.import_module(name).build_parser() for name in PARSERS]
    return set(FOREIGN_FLAGS).union(*map(flags_of, parsers))


def flags_of(parser: argparse.ArgumentParser) -> set[str]:
    """Every long flag of a parser and of its commands; argparse lists them nowhere in public."""
    flags = set()
    for action in parser._actions:
        flags.update(option for option in action.option_strings if option.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            flags.update(*map(flags_of, action.choices.values()))
    return flags


def code_of(markdown: str) -> str:
    """The blocks and spans that are set as code, one a line; in prose `make sure` is no target."""
    fenced = re.findall(r"^ *```.*?\n(.*?)^ *```", markdown, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^(?: {4}|\t).*$", markdown, re.MULTILINE)
    return "\n".join([*fenced, *indented, *re.findall(r"`([^`\n]+)`", markdown)])


def dead_links(path: Path, markdown: str) -> Iterator[str]:
    """Relative links to a file or a heading that is not there."""
    for link in LINK.findall(markdown):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            yield link
        elif anchor and target.suffix == ".md":
            text = markdown if target == path else target.read_text(encoding="utf-8")
            if anchor not in map(anchor_of, HEADING.findall(text)):
                yield link


def anchor_of(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def test_there_are_documents() -> None:
    assert ROOT / "obs_layout" / "README.md" in documents()


@each_document
def test_every_flag_in_a_document_exists(path: Path, known_flags: set[str]) -> None:
    assert sorted(set(FLAG.findall(path.read_text(encoding="utf-8"))) - known_flags) == []


@each_document
def test_every_make_target_in_a_document_exists(path: Path) -> None:
    assert sorted(set(TARGET.findall(code_of(path.read_text(encoding="utf-8")))) - make_targets()) == []


@each_document
def test_every_relative_link_in_a_document_leads_somewhere(path: Path) -> None:
    assert list(dead_links(path, path.read_text(encoding="utf-8"))) == []


def test_flags_of_every_program_are_known(known_flags: set[str]) -> None:
    assert {"--num_epochs", "--train-ratio", "--dry-run", "--port", "--url", "--keep", "--runs"} <= known_flags
    assert "--max_epoches" not in known_flags


def test_a_flag_is_found_in_prose_and_in_code() -> None:
    assert FLAG.findall("Set `--lr_step=1,2` or --dry-run; a -- b --- c") == ["--lr_step", "--dry-run"]


def test_a_target_is_found_in_code_and_not_in_prose() -> None:
    markdown = "To make sure:\n\n    make demo IMAGES=x\n\n```\nmake PYTHON=python3 venv\n```\n`make test-parity`"
    assert sorted(TARGET.findall(code_of(markdown))) == ["demo", "test-parity", "venv"]


def test_the_makefile_has_targets() -> None:
    assert {"venv", "demo", "test"} <= make_targets()
    assert "no-such-target" not in make_targets()


@pytest.mark.parametrize("link", ["gone.md", "../Makefile.am", "README.md#no-such-heading", "#no-such-heading"])
def test_a_dead_link_is_found(link: str) -> None:
    path = ROOT / "obs_layout" / "README.md"
    assert list(dead_links(path, f"# Pack\n[text]({link})")) == [link]


@pytest.mark.parametrize("link", ["README.md", "../Makefile", "#pack-it", "README.md#pack-it", "https://a.example/b"])
def test_a_link_that_leads_somewhere_passes(link: str) -> None:
    assert list(dead_links(ROOT / "obs_layout" / "README.md", f"# Pack it!\n[text]({link})")) == []


def test_both_readmes_show_the_same_commands() -> None:
    def blocks(name: str) -> list[str]:
        return [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line.startswith("    ")]

    def commands(name: str) -> list[str]:
        return [line.split("  #")[0] for line in blocks(name)]

    assert commands("README.md") == commands("README.zh-CN.md")
    assert len(commands("README.md")) > 20
