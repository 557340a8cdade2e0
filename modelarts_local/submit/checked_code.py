"""What `check` says of the code that is about to be submitted."""

from __future__ import annotations

from ..check.findings import ERROR
from ..check.job.checking import check_job
from ..check.job.submission import Submission
from ..errors import JobRefused
from .settings import SubmitSettings, is_url


def doubts_about_code(settings: SubmitSettings) -> list[str]:
    """Return what `check` warns of in the code and its parameters, before anything is uploaded or paid for.

    Raises JobRefused when the platform would refuse it.
    """
    if is_url(settings.codes):
        return []
    findings = check_job(
        settings.codes, settings.boot_file, Submission(parameters=settings.parameters, run=False), settings.codes
    )
    errors = [finding for finding in findings if finding.severity == ERROR]
    if errors:
        first = errors[0]
        more = f" There are {len(errors) - 1} more." if len(errors) > 1 else ""
        raise JobRefused(
            f"{first.place}: found {first.found}; expected {first.expected}. {first.remedy}{more} See: modelarts-local "
            f"check {settings.codes}; --no-check submits it all the same."
        )
    return [f"warning: {one.place}: {one.found}. {one.remedy}" for one in findings]
