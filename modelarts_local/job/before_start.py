"""What is looked at in a job's code once it is here and before it is started, so that it fails now and not there."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from ..check.findings import ERROR, Finding
from ..check.job.checking import check_job
from ..check.job.submission import Submission
from ..errors import JobRefused
from ..platform_rules import LIMITS
from .settings import JobSettings


def findings_in(code_folder: Path, settings: JobSettings) -> list[Finding]:
    """Return what breaks the platform's rules in the code of a job, by reading it; of a .pyc nothing can be read.

    code_folder: where the code lies now; findings name the place that the user knows.
    """
    if settings.boot_file.endswith(".pyc"):
        return []
    # Data and output are not told: train itself looks at them, and an output with earlier versions is no fault
    submission = Submission(parameters=settings.parameters, engine_name=settings.engine, run=False)
    return check_job(str(code_folder), settings.boot_file, submission, settings.code_url)


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


def too_long_names(names: Sequence[str]) -> list[str]:
    """Return the data files whose names are longer than the platform reads; it ignores them (contract 1.1)."""
    limit = LIMITS["data-file-name"].first
    return [name for name in names if len(name.rpartition("/")[2]) > limit]
