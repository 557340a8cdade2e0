"""`list`, `show`, `logs` and `stop`: past and running jobs, from outside of `train`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, Sequence

from ..errors import CommandLineError
from . import job_log, processes, records, states
from .durations import as_text

_COLUMNS = ("id", "name", "version", "status", "exit_code", "created", "duration", "output")
_FOLLOW_S = 0.2  # from one look at a log that is followed to the next
_STOP_LIMIT_S = processes.GRACE_S + 30  # chosen: the last uploads of a job take their time


def list_jobs(jobs_folder: Path, as_json: bool) -> int:
    """Print a line for each job, the newest first, or a JSON list of what their job.json say, with duration_s."""
    jobs = records.all_jobs(jobs_folder)
    rows = [{**job.as_json(), "duration_s": job.duration_s} for job in jobs]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not jobs:
        print(f"there are no jobs in {jobs_folder}; modelarts-local train starts one", file=sys.stderr)
    else:
        print(table([{**row, "duration": _as_text(row["duration_s"])} for row in rows]))
    return 0


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return jobs as a table with a line of headings."""
    lines = [[name.replace("_", " ").upper() for name in _COLUMNS]]
    lines += [["-" if row.get(name) is None else str(row[name]) for name in _COLUMNS] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def show_job(jobs_folder: Path, name: str, as_json: bool) -> int:
    """Print what is known of a job, a line for each thing, or its job.json; with the state as it is now."""
    job = records.find_job(jobs_folder, name)
    shown = job.as_json()
    if shown["status"] == states.LOST and not shown["reason"]:
        shown["reason"] = _lost(job)
    print(json.dumps(shown, indent=2, ensure_ascii=False) if as_json else summary(shown, job.duration_s))
    return 0


def summary(record: dict[str, Any], duration_s: float | None) -> str:
    """Return a job's job.json as a person wants to read it; what is not there, or empty, is left out.

    duration_s: how long it ran, None where that is not known.
    """
    exit_code = "" if record.get("exit_code") is None else f", exit code {record['exit_code']}"
    rows: list[tuple[str, Any]] = [
        ("job", f"{record['name']} ({record['id']})"),
        ("state", f"{record['status']}{exit_code}"),
        ("reason", record.get("reason")),
        ("description", record.get("description")),
        ("created", record["created"]),
        ("ran for", _as_text(duration_s)),
        *((name.replace("_url", ""), record.get(name)) for name in ("code_url", "data_url", "output")),
        ("engine", record.get("engine")),
        ("command", " ".join(record.get("command") or ())),
        *(("warning", warning) for warning in record.get("warnings") or ()),
        *(("log", path) for path in record.get("logs") or ()),
    ]
    return "\n".join(f"{label:12} {value}" for label, value in rows if value)


def _as_text(duration_s: float | None) -> str | None:
    return None if duration_s is None else as_text(duration_s)


def _lost(job: records.Job) -> str:
    if job.is_running:
        return f"its train command ended without a word, its program still runs; modelarts-local stop {job.id} ends it"
    return "its train command ended without a word, and nothing of it runs any more"


def show_log(jobs_folder: Path, name: str, lines: int, is_followed: bool, node: int) -> int:
    """Print the last lines of a node's log, and what is added to it until the job has ended."""
    job = records.find_job(jobs_folder, name)
    logs = job.record["logs"]
    if not 0 <= node < len(logs):
        raise CommandLineError(f"--node={node}: the job {job.id} has nodes 0 to {len(logs) - 1}.")
    path = Path(logs[node])
    try:
        with open(path, "rb") as stream:
            _write(job_log.last_lines(stream, lines))
            while is_followed:
                was_running = records.Job.read(job.folder).is_running  # asked before reading, so that no end is lost
                _copy_rest(stream)
                if not was_running:
                    break
                time.sleep(_FOLLOW_S)
    except FileNotFoundError as error:
        raise CommandLineError(f"the job {job.id} has no log at {path}: {error.strerror}.") from error
    return 0


def _copy_rest(stream: BinaryIO) -> None:
    if os.fstat(stream.fileno()).st_size < stream.tell():  # a log that was cut at its limit meanwhile
        stream.seek(0, os.SEEK_END)
    for piece in iter(lambda: stream.read(1024 * 1024), b""):
        _write(piece)


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def stop_job(jobs_folder: Path, name: str, limit_s: float = _STOP_LIMIT_S) -> int:
    """End a job with all its processes and wait until it has ended; one that has ended stays as it is.

    Raises CommandLineError when it has not ended after limit_s seconds.
    """
    job = records.find_job(jobs_folder, name)
    if not job.is_running:
        print(f"the job {job.record['name']} ({job.id}) is {job.status}; nothing of it runs")
        return 0
    if job.status == states.LOST:
        processes.end_groups(job.groups)
        job.move_to(
            states.KILLED,
            "stopped by modelarts-local stop, after its train command had ended without a word",
            ended=records.utc_now(),
            processes=[],
        )
    else:
        os.kill(int(job.record["supervisor"]["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + limit_s
    while job.is_running:
        if time.monotonic() > deadline:
            raise CommandLineError(
                f"the job {job.id} was told to stop and is still {job.status} after {limit_s:g} s. Tell it again to "
                f"end it at once: modelarts-local stop {job.id}."
            )
        time.sleep(_FOLLOW_S)
        job = records.Job.read(job.folder)
    print(f"the job {job.record['name']} ({job.id}) is {job.status}: {job.record['reason']}")
    return 0
