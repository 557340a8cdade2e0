"""Which Python `--engine` means, and what is said when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from modelarts_local.engines import engine_string, find_engine, find_python
from modelarts_local.errors import CommandLineError


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_local_is_this_python() -> None:
    assert find_python("local") == sys.executable


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    python = script(tmp_path / "python9", "exit 0")
    assert find_python(python) == python


def test_an_engine_that_is_not_there_is_told_with_what_there_is() -> None:
    with pytest.raises(CommandLineError) as refusal:
        find_python("/nowhere/python3.6")
    assert str(refusal.value) == (
        "--engine=/nowhere/python3.6: there is no such program. Give local, parity or the path of a Python that has "
        "MXNet."
    )


def test_an_engine_without_mxnet_says_what_it_lacks(tmp_path: Path) -> None:
    python = script(tmp_path / "python", 'echo "ModuleNotFoundError: No module named mxnet" >&2; exit 1')
    with pytest.raises(CommandLineError) as refusal:
        find_engine(python)
    assert str(refusal.value) == (
        f"--engine={python}: {python} cannot import MXNet: ModuleNotFoundError: No module named mxnet"
    )


def test_an_engine_that_fails_silently_is_told_so(tmp_path: Path) -> None:
    python = script(tmp_path / "python", "exit 1")
    with pytest.raises(CommandLineError, match=r"cannot import MXNet: it said nothing$"):
        find_engine(python)


def test_a_file_that_is_no_program_does_not_run(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_bytes(b"\x7fELF and nothing more")
    python.chmod(0o755)
    with pytest.raises(CommandLineError) as refusal:
        find_engine(str(python))
    assert str(refusal.value).startswith(f"--engine={python}: {python} does not run: [Errno 8] Exec format error")


def test_an_engine_is_called_as_the_platform_calls_its_own() -> None:
    assert engine_string("1.2.1", "3.6.15") == "MXNet-1.2.1-python3.6"
