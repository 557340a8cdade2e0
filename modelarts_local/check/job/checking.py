"""Check a training job: its code folder, its boot file, and how it would be submitted."""

from __future__ import annotations

import logging
from typing import Callable, Iterable

from ..findings import ERROR, Finding, printable
from .boot_file import boot_name, find_misplaced_boot_file
from .imports import find_missing_modules, find_shadowing_modules
from .language import find_broken_sources, find_python_traps
from .limits import find_limits_broken
from .output import find_missing_export, find_unfit_output
from .parameters import find_hyphenated_flags, find_strict_parsing, find_unknown_parameters
from .places import find_fixed_places
from .python36 import find_what_python36_refuses
from .requirements import find_requirement_faults
from .source import Job, read_job
from .start import find_refused_start
from .submission import Submission
from .surroundings import find_gpu_only, find_internet, find_silent_log
from .urls import find_files_left_behind, find_url_misuse

logger = logging.getLogger(__name__)

_READING: tuple[Callable[[Job], Iterable[Finding]], ...] = (
    find_broken_sources,
    find_python_traps,
    find_missing_modules,
    find_shadowing_modules,
    find_requirement_faults,
    find_strict_parsing,
    find_hyphenated_flags,
    find_url_misuse,
    find_files_left_behind,
    find_fixed_places,
    find_gpu_only,
    find_internet,
    find_silent_log,
    find_missing_export,
)
_SUBMITTING: tuple[Callable[[Job, Submission], Iterable[Finding]], ...] = (
    find_limits_broken,
    find_unfit_output,
    find_unknown_parameters,
)


def check_job(folder: str, boot_file: str, submission: Submission, shown: str | None = None) -> list[Finding]:
    """Return what the platform would refuse of a job and what would fail there, sorted by place.

    folder: the code folder, local. boot_file: its path, or its name in the folder. shown: what the findings call the
    folder, its path unless given.

    Where `submission.run` is set the boot file is started, up to the point where it parses its command line.

    Raises CommandLineError when there is no engine of the name given or no data at data_url, StorageFailed when storage
    does not list data_url or train_url.
    """
    shown = shown or folder
    boot = boot_name(folder, boot_file)
    misplaced = list(find_misplaced_boot_file(folder, shown, boot))
    if misplaced:
        return misplaced
    job = read_job(folder, shown, boot)
    found = find_by_reading(job)
    found += [finding for rule in _SUBMITTING for finding in rule(job, submission)]
    broken = [finding for finding in found if finding.rule in ("T1", "T11", "T14") and finding.severity == ERROR]
    if not broken:
        broken = list(find_what_python36_refuses(job, submission))
        found += broken
    if submission.run and not broken:
        found += find_refused_start(job, submission, found)
    return in_order(found)


def find_by_reading(job: Job) -> list[Finding]:
    """Return what the sources alone tell, sorted by place; nothing is started and nothing but them is looked at."""
    return in_order(finding for rule in _READING for finding in _tolerant(rule, job))


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return each finding once, sorted by path, line and rule."""
    return sorted(set(findings), key=lambda one: (one.path, one.line or 0, int(one.rule[1:]), one.found))


def _tolerant(rule: Callable[[Job], Iterable[Finding]], job: Job) -> list[Finding]:
    try:
        return list(rule(job))
    except RecursionError:  # an expression nested deeper than Python walks, which nobody has written by hand
        logger.warning("%s is nested too deeply for %s", printable(job.shown), rule.__name__)
        return []
