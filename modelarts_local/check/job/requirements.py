"""T9: pip-requirements.txt, which the platform installs before the boot file runs, and the wheels beside it."""

from __future__ import annotations

import difflib
import os
import re
from typing import Iterator

from ...platform_rules import REQUIREMENTS as FILE
from ..findings import WARNING, Finding
from ..known_modules import MOXING_PACKAGES, NOT_MOXING
from ..python_versions import PLATFORM_PYTHON
from ..rules import finding
from ..wheels import WHEEL, fits_python
from .source import Job

_NEAR = 0.75  # chosen: takes in requirements.txt and pip_requirement.text, leaves out readme.txt
_PINNED = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?\s*===?\s*[\w.!+*-]+\s*(;.*)?")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?\s*((===?|[<>~!]=?)\s*[\w.!+*-]+\s*,?\s*)*(;.*)?")
_OLD_PLATFORMS = re.compile(r"any|linux_x86_64|manylinux1_x86_64")
_NEWER_PLATFORMS = re.compile(r"manylinux(2010|2014|_2_\d+)_x86_64")


def required_packages(folder: str) -> set[str]:
    """Return the names of the packages that pip-requirements.txt brings, in pip's own spelling."""
    names = set()
    for _, line in _lines(folder):
        wheel = WHEEL.fullmatch(os.path.basename(line))
        written = wheel["name"] if wheel else re.split(r"[^\w.-]", line, maxsplit=1)[0]
        names.add(normal_name(written))
    return names


def _is_moxing(line: str) -> bool:
    return not line.endswith(".whl") and normal_name(re.split(r"[^\w.-]", line, maxsplit=1)[0]) in MOXING_PACKAGES


def normal_name(name: str) -> str:
    """Return a package's name in pip's own spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_requirement_faults(job: Job) -> Iterator[Finding]:
    """T9: a file that pip never sees, lines it does not take, wheels that are missing or fit another Python."""
    yield from _badly_named(job)
    named = set()
    for number, line in _lines(job.folder):
        named.add(os.path.basename(line))
        yield from _line_faults(job, number, line)
    for name in sorted(os.listdir(job.folder)):
        if name.endswith(".whl") and name not in named:
            yield finding(
                "T9", job.place(name), None, f"a wheel that {FILE} does not name", f"a line {name} in {FILE}",
                "Add the line; nothing else installs a wheel.", severity=WARNING,
            )  # fmt: skip


def _lines(folder: str) -> list[tuple[int, str]]:
    path = os.path.join(folder, FILE)
    if not os.path.isfile(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as stream:
        stripped = [re.sub(r"(^|\s)#.*", "", line).strip() for line in stream]
    return [(number, line) for number, line in enumerate(stripped, 1) if line]


def _badly_named(job: Job) -> Iterator[Finding]:
    if os.path.isfile(os.path.join(job.folder, FILE)):
        return
    for name in sorted(os.listdir(job.folder)):
        likeness = difflib.SequenceMatcher(None, name.lower(), FILE).ratio()
        if likeness >= _NEAR and os.path.isfile(os.path.join(job.folder, name)):
            yield finding(
                "T9", job.place(name), None, f"a file called {name}, which the platform does not look for", FILE,
                f"Rename it to {FILE}, or remove it when the job needs nothing installed.", severity=WARNING,
            )  # fmt: skip
    for name in sorted(os.listdir(job.folder)):
        if os.path.isfile(os.path.join(job.folder, name, FILE)):
            yield finding(
                "T9", job.place(f"{name}/{FILE}"), None, f"{FILE} in a folder inside the code folder",
                f"{FILE} at the top of the code folder", "Move it up; the platform looks nowhere else.",
                severity=WARNING,
            )  # fmt: skip


def _line_faults(job: Job, number: int, line: str) -> Iterator[Finding]:
    place = job.place(FILE)
    if _is_moxing(line):
        yield finding(
            "T9", place, number, f"{line[:60]!r}, {NOT_MOXING}", "no line for MoXing",
            "Remove the line; MoXing is installed on the platform, and `modelarts-local train` supplies it.",
        )  # fmt: skip
    elif line.endswith(".whl"):
        yield from _wheel_faults(job, number, line)
    elif re.match(r"(git|hg|svn|bzr)\+|https?://|-", line):
        yield finding(
            "T9", place, number, f"{line[:60]!r}, which needs another place than the platform's own package index",
            "NAME==VERSION, or the file name of a wheel beside it",
            "Build a wheel, put it into the code folder and write its name here.", severity=WARNING,
        )  # fmt: skip
    elif not _REQUIREMENT.fullmatch(line):
        yield finding(
            "T9", place, number, f"{line[:60]!r}, which pip does not take",
            "NAME==VERSION, or the file name of a wheel beside it", "Write it so, one package on a line.",
        )  # fmt: skip
    elif not _PINNED.fullmatch(line):
        yield finding(
            "T9", place, number, f"{line[:60]!r}, which leaves the version open", "NAME==VERSION",
            "Name the last version that runs on Python 3.6; newer ones do not install there.", severity=WARNING,
        )  # fmt: skip


def _wheel_faults(job: Job, number: int, line: str) -> Iterator[Finding]:
    place = job.place(FILE)
    wheel = WHEEL.fullmatch(os.path.basename(line))
    if wheel is None:
        yield finding(
            "T9", place, number, f"{line[:60]!r}, which is no name of a wheel", "NAME-VERSION-PYTHON-ABI-PLATFORM.whl",
            "Give the file the name back that it was built with; pip reads it.",
        )  # fmt: skip
        return
    if not os.path.isfile(os.path.join(job.folder, line)):
        yield finding(
            "T9", place, number, f"wheel {line}, which is not in the code folder", f"{line} beside {FILE}",
            "Upload the wheel with the code; the platform fetches none.",
        )  # fmt: skip
    expected = "cp36-cp36m-manylinux1_x86_64 or py3-none-any"
    tags = f"{wheel['python']}-{wheel['abi']}-{wheel['platform']}"
    is_for_python = fits_python(wheel, *PLATFORM_PYTHON)
    platforms = wheel["platform"].split(".")
    if is_for_python and any(_OLD_PLATFORMS.fullmatch(name) for name in platforms):
        return
    newer = is_for_python and any(_NEWER_PLATFORMS.fullmatch(name) for name in platforms)
    yield finding(
        "T9", place, number,
        f"a wheel for {tags}" + (", which only a pip from 2019 or later takes" if newer else ""), expected,
        "Take the wheel for Python 3.6 on Linux; pip would say: is not a supported wheel on this platform.",
        severity=WARNING if newer else None,
    )  # fmt: skip
