"""What is looked at in a job's code once it is here and before it is started, so that it fails now and not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Sequence

from ..check.findings import ERROR, WARNING, Finding
from ..errors import JobRefused
from ..platform_rules import LIMITS
from .settings import JobSettings

REQUIREMENTS = "pip-requirements.txt"
_IGNORED_REQUIREMENTS = ("requirements.txt", "pip_requirements.txt", "requirement.txt")
_SIZE = LIMITS["code-folder-size"]
_ENTRIES = LIMITS["code-folder-entries"]


class FolderMeasure(NamedTuple):
    """How large a code folder is: bytes in its files, and the number of its files and folders."""

    size_bytes: int
    entries: int


def findings_in(code_folder: Path, settings: JobSettings) -> list[Finding]:
    """Return what breaks the platform's rules in the code of a job, before anything of it runs.

    code_folder: where the code lies now; findings name the place that the user knows.
    """
    return too_large(settings.code_url, measure(code_folder))


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise JobRefused for findings of severity error, with the first one and how many there are."""
    errors = [finding for finding in findings if finding.severity == ERROR]
    if errors:
        first = errors[0]
        code = f"{first.platform_code}: " if first.platform_code else ""
        more = f" {len(errors) - 1} more in the log." if len(errors) > 1 else ""
        raise JobRefused(
            f"{code}{first.place}: found {first.found}; expected {first.expected}. {first.remedy}{more} --no-check "
            "starts the job all the same."
        )


def measure(folder: Path) -> FolderMeasure:
    """Return the size of a folder; what Python itself leaves behind does not count, nobody uploads it on purpose."""
    size_bytes = entries = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        entries += len(folders) + len(files)
        size_bytes += sum(os.stat(os.path.join(parent, name)).st_size for name in files)
    return FolderMeasure(size_bytes, entries)


def too_large(code_url: str, measured: FolderMeasure) -> list[Finding]:
    """Return a finding for each limit of a code folder that is passed: an error where no platform ever took so much."""
    found = []
    for limit, value in ((_SIZE, measured.size_bytes), (_ENTRIES, measured.entries)):
        if value > limit.strictest:
            eras = ", ".join(f"{limit_value:,} ({era})" for era, limit_value in limit.by_era.items())
            severity = ERROR if value > max(limit.by_era.values()) else WARNING
            found.append(
                Finding(
                    "T5",
                    severity,
                    code_url,
                    None,
                    f"{value:,} {limit.unit}",
                    f"at most, by the platform's year: {eras} {limit.unit}",
                    "Keep data and results out of the code folder.",
                    limit.code,
                )
            )
    return found


def ignored_requirements(names_in_root: Sequence[str]) -> str | None:
    """Return a warning when packages are asked for in a file that the platform does not read (contract 1.5)."""
    ignored = [name for name in _IGNORED_REQUIREMENTS if name in names_in_root]
    if not ignored or REQUIREMENTS in names_in_root:
        return None
    return f"{ignored[0]} is not installed: the platform reads {REQUIREMENTS} alone. Rename the file"


def too_long_names(names: Sequence[str]) -> list[str]:
    """Return the data files whose names are longer than the platform reads; it ignores them (contract 1.1)."""
    limit = LIMITS["data-file-name"].first
    return [name for name in names if len(name.rpartition("/")[2]) > limit]
