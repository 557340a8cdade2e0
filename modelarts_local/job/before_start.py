"""What is done with a job's code before there is a job: it is brought and looked at, so that it fails now, not there.

A job that is refused takes no version folder and leaves nothing: its code lies in a folder under a temporary name,
which becomes the job's own once it is taken.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

from ..check.findings import ERROR, Finding
from ..check.job.checking import check_job
from ..check.job.submission import Submission
from ..errors import JobRefused, StorageFailed, storage_errors
from . import names, staging
from .control import Control
from .layout import JobLayout
from .settings import JobSettings

_PREFIX = ".new-"
_SHOWN = 5  # errors of a refusal; chosen


class StagedCode(NamedTuple):
    """The code of a job that there is not yet.

    folder: will be the job's own; the code lies in it as JobLayout has it. findings: what breaks the platform's rules.
    failure: why the code is not there; the platform has a job then, too, which ends so.
    """

    folder: Path
    findings: Sequence[Finding] = ()
    failure: StorageFailed | None = None


@contextlib.contextmanager
def staged_code(settings: JobSettings, jobs: Path) -> Iterator[StagedCode]:
    """Yield the code in a folder below `jobs`, and what is to be said of it; on leaving, the folder goes if it is left.

    Raises StorageFailed when the jobs folder cannot be written, Stopped by the signals that end a job.
    """
    folder = jobs / f"{_PREFIX}{names.new_job_id()}"
    with Control().listening():
        try:
            with storage_errors(f"the jobs folder {jobs} cannot be written", str(jobs)):
                folder.mkdir(parents=True)
            yield _stage(settings, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _stage(settings: JobSettings, folder: Path) -> StagedCode:
    layout = JobLayout(folder, settings.contract, settings.code_name)
    try:
        staging.stage_code(settings, layout)
    except StorageFailed as error:
        return StagedCode(folder, failure=error)
    return StagedCode(folder, findings_in(layout.code, settings))


def findings_in(code_folder: Path, settings: JobSettings) -> list[Finding]:
    """Return what breaks the platform's rules in the code of a job, by reading it; of a .pyc nothing can be read.

    code_folder: where the code lies now; findings name the place that the user knows.
    """
    if settings.boot_file.endswith(".pyc"):
        return []
    # Data and output are not told: train itself looks at them, and an output with earlier versions is no fault
    submission = Submission(parameters=settings.parameters, engine_name=settings.engine, run=False)
    return check_job(str(code_folder), settings.boot_file, submission, settings.code_url)


def refuse_errors(findings: Sequence[Finding], settings: JobSettings) -> None:
    """Raise JobRefused for findings of severity error, with each of the first few."""
    errors = [_as_sentence(finding) for finding in findings if finding.severity == ERROR]
    if len(errors) == 1:
        raise JobRefused(f"{errors[0]} --no-check starts the job all the same.")
    if errors:
        lines = [f"the job is refused for {len(errors)} reasons; --no-check starts it all the same.", *errors[:_SHOWN]]
        if len(errors) > _SHOWN:
            command = shlex.join(["modelarts-local", "check", settings.code_url, f"--boot-file={settings.boot_file}"])
            lines.append(f"and {len(errors) - _SHOWN} more; see: {command}")
        raise JobRefused("\n  ".join(lines))


def _as_sentence(finding: Finding) -> str:
    code = f"{finding.platform_code}: " if finding.platform_code else ""
    return f"{code}{finding.place}: found {finding.found}; expected {finding.expected}. {finding.remedy}"
