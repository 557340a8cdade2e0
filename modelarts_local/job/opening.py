"""The start of a job: what the platform looks at before it takes one, the version folder, the job's own folder."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Sequence

from obs_layout.buckets import bucket_is_missing
from obs_layout.storage import parse_url

from ..engines import Engine
from ..errors import CommandLineError, JobRefused
from . import names, places, processes, records, states
from .arguments import program_arguments
from .layout import JobLayout
from .settings import JobSettings

_SHOWN = 5
_PROGRAMS_SHOWN = 8


def open_job(settings: JobSettings, engine: Engine, jobs: Path, staged: Path) -> records.Job:
    """Return a new job in state INIT, with its folder and, in v1, its version folder under train_url.

    staged: a folder beside those of `jobs` with its code, which becomes the job's own.

    Raises JobRefused when another job writes to train_url, CommandLineError for a version that is not there,
    StorageFailed.
    """
    with records.locked(jobs):
        refuse_busy_output(settings.train_url, records.all_jobs(jobs))
        there = places.names_in(settings.train_url)
        version = _version_of(settings, there) if settings.contract == "v1" else None
        train_place = settings.train_url + (f"{version}/" if version else "")
        places.make_folder(train_place)
        job_id = names.new_job_id()
        folder = jobs / job_id
        staged.rename(folder)
        job = records.Job(folder, _first_record(settings, engine, job_id, folder, version, train_place))
        job.record["warnings"] = not_empty(settings.train_url, there)
        job.move_to(states.INIT)
        return job


def refuse_busy_output(train_url: str, jobs: Sequence[records.Job]) -> None:
    """Raise JobRefused when a job that still runs writes to this place (contract 1.1)."""
    for job in jobs:
        if job.record.get("train_url") == train_url and job.is_running:
            raise JobRefused(
                f"ModelArts.2604: --train-url={train_url} is used by the job {job.record['name']} ({job.id}), which is "
                f"{job.status}. Wait for it, end it with modelarts-local stop {job.id}, or give another folder."
            )


def not_empty(train_url: str, names_there: Sequence[str]) -> list[str]:
    """Return a warning when the output folder holds anything but versions (contract 1.1 recommends an empty one)."""
    others = sorted(name for name in names_there if not names.is_version(name))
    if not others:
        return []
    shown = ", ".join(others[:_SHOWN]) + (f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else "")
    return [f"{train_url} is not empty, which the platform advises against. It holds {shown}"]


def _version_of(settings: JobSettings, there: Sequence[str]) -> str:
    versions = sorted(name for name in there if names.is_version(name))
    if settings.version is None:
        return names.next_version(there)
    if settings.version not in versions:
        raise CommandLineError(
            f"--train-version={settings.version}: {settings.train_url} has no such version. Found: "
            f"{', '.join(versions) or 'none'}. Leave the flag out for a new one."
        )
    return settings.version


def refuse_what_is_not_there(settings: JobSettings) -> None:
    """Raise JobRefused when data, code or boot file are not there (ModelArts.3551 on the platform, contract 6)."""
    for flag, place in (("--data-url", settings.data_url), ("--code-dir", settings.code_url)):
        if not places.is_folder(place):
            raise JobRefused(f"ModelArts.3551: {flag}={place} is no folder. {_advice_on(place)}")
    if not places.is_file(settings.code_url + settings.boot_file):
        programs = sorted(name for name in places.names_in(settings.code_url) if name.endswith(".py"))
        nearest = difflib.get_close_matches(settings.boot_file, programs, n=1)
        meant = f" Did you mean {nearest[0]}?" if nearest else ""
        raise JobRefused(
            f"--boot-file={settings.boot_file}: there is no such file in {settings.code_url}.{meant} Found: "
            f"{', '.join(programs[:_PROGRAMS_SHOWN]) or 'no .py file'}."
        )


def _advice_on(place: str) -> str:
    if places.is_url(place):
        bucket = parse_url(place).bucket
        if bucket_is_missing(bucket):
            return f"There is no bucket {bucket}: check its name and S3_ENDPOINT."
    return "Check the spelling, or put it there."


def values_of(settings: JobSettings, layout: JobLayout, train_place: str) -> tuple[str, str]:
    """Return the values of --data_url and --train_url: URLs in v1, folders of the container in v2 (contract 1.10)."""
    if settings.contract == "v1":
        return settings.data_url, train_place
    return str(layout.inputs), str(layout.outputs)


def _first_record(
    settings: JobSettings, engine: Engine, job_id: str, folder: Path, version: str | None, train_place: str
) -> dict[str, Any]:
    layout = JobLayout(folder, settings.contract, settings.code_name)
    values = values_of(settings, layout, train_place)
    command = [engine.python, "-u", *program_arguments(settings, *values)]
    logs = [folder / names.log_name(settings.contract, settings.name, job_id, node) for node in range(settings.nodes)]
    return {
        "reason": "",
        "status": states.INIT,
        "status_code": states.CODES[states.INIT],
        "phase": states.PHASES[states.INIT],
        "exit_code": None,
        "id": job_id,
        "name": settings.name,
        "description": settings.description,
        "contract": settings.contract,
        "version": version,
        "output": train_place,
        "created": records.utc_now(),
        "started": None,
        "ended": None,
        "engine": str(engine),
        "python": engine.python,
        "code_url": settings.code_url,
        "boot_file": settings.boot_file,
        "data_url": settings.data_url,
        "train_url": settings.train_url,
        "command": [names.masked(argument) for argument in command],
        "cwd": str(layout.job_dir),
        "environment": [],
        "nodes": settings.nodes,
        "attempts": 0,
        "logs": [str(path) for path in logs],
        "log_url": settings.log_url,
        "warnings": [],
        "supervisor": processes.identity_of_this_process(),
        "processes": [],
    }
