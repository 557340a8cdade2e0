"""Where the custom images cannot be tried, tools/can-make-roots says why in a sentence; `make test-images` asks it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.static.sources import ROOT

# What a machine answers that could try them, as far as it is asked by programs
ANSWERS = {"uname": "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac", "id": "echo 0"}
PROGRAMS = ("debootstrap", "unshare", "nsenter")


def ask(folder: Path, answers: dict[str, str], missing: str = "") -> subprocess.CompletedProcess[str]:
    """Run it on a machine whose programs are these scripts alone."""
    for name, script in {**ANSWERS, **dict.fromkeys(PROGRAMS, "true"), **answers}.items():
        if name != missing:
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
    command = ["/bin/sh", str(ROOT / "tools" / "can-make-roots")]
    return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True)


def test_a_machine_that_has_everything_is_taken_without_a_word(tmp_path: Path) -> None:
    done = ask(tmp_path, {})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("answers", "missing", "said"),
    [
        ({"id": "echo 1000"}, "", "they are made in a folder as their root (chroot), which root alone may do."),
        ({"uname": "echo Darwin"}, "", "they are for Linux on x86-64, and this is Darwin/Darwin."),
        (
            {},
            "debootstrap",
            "debootstrap is missing; apt-get install --no-install-recommends debootstrap util-linux.",
        ),
        (
            {"unshare": "exit 1"},
            "",
            "this machine gives root no namespaces of its own (unshare), as in most containers.",
        ),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    answers: dict[str, str], missing: str, said: str, tmp_path: Path
) -> None:
    done = ask(tmp_path, answers, missing)
    assert done.returncode == 1
    assert done.stderr == f"the images cannot be tried here: {said}\n"


def test_the_make_target_asks_it_first() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.partition("\ntest-images:")[2].splitlines()[1:3]
    assert recipe == ["\t@tools/can-make-roots", "\t$(BIN)/python -m pytest -m images"]
