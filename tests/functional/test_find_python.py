"""tools/find-python: the first thing that `make` runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures_engines import ROOT


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def find_python(engine: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "tools" / "find-python"), engine],
        # without the choice that a caller of make may have made
        env={**{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}, **environment},
        capture_output=True,
        text=True,
    )


def path_with_uname(folder: Path, system: str, machine: str) -> str:
    """A PATH on which uname tells of that system."""
    script(folder / "uname", f'test "$1" = -s && echo {system} || echo {machine}')
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_a_python_that_fits_is_printed() -> None:
    result = find_python("local", PYTHON=sys.executable)
    assert (result.returncode, result.stdout.strip()) == (0, sys.executable)


def test_python_3_13_is_refused_with_what_works(tmp_path: Path) -> None:
    newest = script(tmp_path / "python3", 'test "$1" = --version && echo "Python 3.13.0"; exit 1')
    result = find_python("local", PYTHON=str(newest))
    assert result.returncode == 1
    assert result.stderr == (
        f"MXNet 1.9.1 runs on Python 3.8 to 3.12 with the venv module, and PYTHON={newest} is Python 3.13.0; install "
        "one of those (Debian: python3-venv) and, if it is not on PATH, run make with PYTHON=/path/to/python3.11.\n"
    )


@pytest.mark.parametrize(
    ("engine", "system", "machine", "sentence"),
    [
        (
            "local",
            "Darwin",
            "arm64",
            "no wheel for macOS on Apple silicon; an x86-64 Python 3.8 to 3.12 under Rosetta 2 works (run make with "
            "PYTHON=/path/to/x86-64/python), and so does a Linux container.",
        ),
        (
            "local",
            "FreeBSD",
            "amd64",
            "no wheel for FreeBSD/amd64; Linux on x86-64 or aarch64 and macOS on x86-64 work",
        ),
        ("parity", "Linux", "aarch64", "MXNet 1.2.1 has a wheel for Linux on x86-64 only, this is Linux/aarch64"),
    ],
)
def test_a_platform_without_a_wheel_is_named_with_what_works(
    engine: str, system: str, machine: str, sentence: str, tmp_path: Path
) -> None:
    result = find_python(engine, PATH=path_with_uname(tmp_path, system, machine))
    assert result.returncode == 1
    assert sentence in result.stderr


@pytest.mark.parametrize(("machine", "code"), [("x86_64", 0), ("arm64", 1)])
def test_on_apple_silicon_it_is_the_given_python_that_counts(machine: str, code: int, tmp_path: Path) -> None:
    given = script(
        tmp_path / "a python",
        f'case "$*" in *platform.machine*) echo {machine} ;; *) exec "{sys.executable}" "$@" ;; esac',
    )
    result = find_python("local", PATH=path_with_uname(tmp_path, "Darwin", "arm64"), PYTHON=str(given))
    assert (result.returncode, result.stdout.strip()) == (code, "" if code else str(given))


def test_a_python_3_6_with_a_space_in_its_path_is_taken(tmp_path: Path) -> None:
    given = script(tmp_path / "python 3.6", "exit 0")
    result = find_python("parity", PATH=path_with_uname(tmp_path, "Linux", "x86_64"), PYTHON36=str(given))
    assert (result.returncode, result.stdout.strip()) == (0, str(given))


def test_no_python_3_6_says_how_to_get_one(tmp_path: Path) -> None:
    result = find_python("parity", PYTHON36="no-such-python", PYENV_ROOT=str(tmp_path))
    assert result.returncode == 1
    assert "No Python 3.6 found" in result.stderr and "pyenv install 3.6.15" in result.stderr
