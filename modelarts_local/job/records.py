"""Past and running jobs: a folder each, with job.json, which is replaced whole at each change of state.

A job whose `train` is gone without a word has an active state in its job.json; that is told from the process, by its
number and the time it started, and such a job is LOST.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
from pathlib import Path
from typing import Any, Iterator, Mapping

from ..errors import CommandLineError
from . import processes, states

RECORD_FILE = "job.json"
HOME_VARIABLE = "MODELARTS_LOCAL_HOME"
LATEST = "latest"
_NAMES_SHOWN = 8


class Job:
    """One job's folder and what its job.json says.

    folder: the job's own. record: the members of job.json; "reason" comes first.
    """

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder = folder
        self.record = {"reason": "", **record}

    @classmethod
    def read(cls, folder: Path) -> Job:
        """Return the job in a folder. Raises OSError or ValueError when it holds none."""
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        if not isinstance(record, dict) or not {"id", "name", "status", "created"} <= set(record):
            raise ValueError(f"{folder / RECORD_FILE} describes no job")
        return cls(folder, record)

    def move_to(self, status: str, reason: str = "", **changes: Any) -> None:
        """Change the state, with the platform's number and phase beside it, and write job.json."""
        self.record.update(
            changes, reason=reason, status=status, status_code=states.CODES[status], phase=states.PHASES[status]
        )
        self.save()

    def save(self) -> None:
        """Write job.json under a temporary name and rename it."""
        part = self.folder / f"{RECORD_FILE}.part"
        with open(part, "w", encoding="utf-8") as stream:
            json.dump(self.record, stream, indent=2, ensure_ascii=False)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, self.folder / RECORD_FILE)

    @property
    def id(self) -> str:
        """The id, which no other job has."""
        return str(self.record["id"])

    @property
    def status(self) -> str:
        """The state as it is now: LOST where job.json says that it runs and nobody looks after it any more."""
        status = str(self.record["status"])
        if status in states.ACTIVE and not processes.is_running(self.record.get("supervisor")):
            return states.LOST
        return status

    @property
    def is_running(self) -> bool:
        """Whether anything of it runs: `train` itself, or processes that it left behind."""
        status = self.status
        return status in states.ACTIVE or status == states.LOST and any(map(processes.is_group_running, self.groups))

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The process groups of its nodes, each {"pid", "started"} of the leader."""
        return list(self.record.get("processes", ()))

    @property
    def log(self) -> Path:
        """The log file of node 0."""
        return Path(self.record["logs"][0])

    @property
    def duration_s(self) -> float | None:
        """Seconds from its first process to its end, or until now while it runs; None where one of them is not known.

        That of a job whose `train` is gone without a word is not.
        """
        started, ended = self.record.get("started"), self.record.get("ended")
        if not started or not ended and not self.is_running:
            return None
        return round((_moment(ended or utc_now()) - _moment(started)).total_seconds(), 3)

    def as_json(self) -> dict[str, Any]:
        """Return job.json with the state as it is now."""
        status = self.status
        return {**self.record, "status": status, "status_code": states.CODES[status], "phase": states.PHASES[status]}


def jobs_folder(given: str | None, environ: Mapping[str, str]) -> Path:
    """Return where jobs are kept: what --jobs-dir names, else jobs/ in MODELARTS_LOCAL_HOME or ~/.modelarts-local."""
    if given:
        return Path(given).expanduser().absolute()
    return Path(environ.get(HOME_VARIABLE) or "~/.modelarts-local").expanduser().absolute() / "jobs"


def all_jobs(folder: Path) -> list[Job]:
    """Return the jobs of a jobs folder, the newest first; what is no job is left out."""
    jobs = []
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            jobs.append(Job.read(path))
    return sorted(jobs, key=lambda job: str(job.record["created"]), reverse=True)


def find_job(folder: Path, name: str) -> Job:
    """Return the job with this id, else the newest of this name; "latest" is the newest of all.

    Raises CommandLineError, which names the jobs that there are.
    """
    jobs = all_jobs(folder)
    for job in jobs:
        if job.id == name:
            return job
    for job in jobs:
        if name in (LATEST, job.record["name"]):
            return job
    known = ", ".join(f"{job.id} ({job.record['name']})" for job in jobs[:_NAMES_SHOWN]) or "none"
    more = f" and {len(jobs) - _NAMES_SHOWN} more" if len(jobs) > _NAMES_SHOWN else ""
    raise CommandLineError(f"there is no job {name!r} in {folder}. Found: {known}{more}.")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other `train` commands from starting a job in this jobs folder meanwhile; makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.rstrip("Z"))


def utc_now() -> str:
    """Return the time in UTC, as in 2020-03-01T12:00:00.000Z."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
