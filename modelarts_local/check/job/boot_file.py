"""The boot file: which of the code folder's files it is, and T1 on where it lies."""

from __future__ import annotations

import os
from typing import Iterator

from ...errors import CommandLineError
from ..findings import Finding, printable
from ..rules import finding
from .source import python_files, read_source


def guess_boot_file(folder: str, shown: str) -> str:
    """Return the name of the one file at the top of the code folder that looks like a program with --data_url.

    Raises CommandLineError, with the candidates, when there is none or more than one.
    """
    names = sorted(name for name in python_files(folder) if "/" not in name)
    top = [read_source(os.path.join(folder, name), name) for name in names]
    programs = [source for source in top if "__main__" in source.text]
    both = [source for source in programs if "data_url" in source.text]
    for candidates in (both, programs, [source for source in top if "data_url" in source.text], top):
        if len(candidates) == 1:
            return candidates[0].name
        if candidates:
            could_be = printable(", ".join(source.name for source in candidates[:8]))
            raise CommandLineError(f"{shown}: the boot file could be any of {could_be}. Name it with --boot-file.")
    raise CommandLineError(f"{shown} has no .py file at its top. Choose the folder that holds the boot file.")


def boot_name(folder: str, boot_file: str) -> str:
    """Return the boot file's name below the code folder, with slashes; one outside begins with "..".

    boot_file: its path, or its name in the folder.
    """
    inside = os.path.join(folder, boot_file)
    path = inside if os.path.exists(inside) or not os.path.exists(boot_file) else boot_file
    return os.path.relpath(os.path.realpath(path), os.path.realpath(folder)).replace(os.sep, "/")


def find_misplaced_boot_file(folder: str, shown: str, name: str) -> Iterator[Finding]:
    """T1: a boot file that the platform does not start, because it is missing, outside or no .py."""
    place = f"{shown.rstrip('/')}/{name}"
    if name.startswith("../"):
        yield finding(
            "T1", place, None, "a boot file outside the code folder", f"a .py file in {shown}",
            "Move it into the code folder; the platform copies that folder and nothing beside it.",
        )  # fmt: skip
    elif not os.path.isfile(os.path.join(folder, name)):
        yield finding(
            "T1", place, None, "no boot file of that name", f"a .py file in {shown}",
            f"Name one that is there with --boot-file; found: {_python_files(folder)}.",
        )  # fmt: skip
    elif not name.endswith(".py"):
        yield finding(
            "T1", place, None, f"a boot file that ends in {os.path.splitext(name)[1] or 'nothing'}", "a .py file",
            "Write a .py file that does the same, and name it with --boot-file.",
        )  # fmt: skip


def _python_files(folder: str) -> str:
    return ", ".join(sorted(name for name in os.listdir(folder) if name.endswith(".py"))[:8]) or "none"
