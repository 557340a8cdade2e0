"""Small training jobs: programs of a few lines, run in this process or by `modelarts-local train` in one of its own."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from modelarts_local.cli import build_parser
from modelarts_local.engines import Engine
from modelarts_local.job import records, settings
from modelarts_local.job.job_run import JobRun, Outcome, start_job
from modelarts_local.job.training import settings_from

DEADLINE_S = 60
ENGINE = Engine("local", sys.executable, "1.9.1", platform.python_version())  # as it would be found, without looking


class Places(NamedTuple):
    """Where a job's code, data, results and jobs folder lie."""

    folder: Path

    @property
    def code(self) -> Path:
        return self.folder / "codes"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def jobs(self) -> Path:
        return self.folder / "jobs"

    def write(self, program: str, name: str = "train.py") -> Places:
        """Write a program into the code folder; returns self."""
        (self.code / name).write_text(program)
        return self

    def command_line(self, *flags: str) -> list[str]:
        """Return `train` with flags; a flag that is given replaces the usual one."""
        usual = {
            "--code-dir": self.code,
            "--boot-file": "codes/train.py",
            "--data-url": self.data,
            "--train-url": self.out,
            "--jobs-dir": self.jobs,
        }
        given = {flag.partition("=")[0] for flag in flags}
        return ["train", *(f"{name}={value}" for name, value in usual.items() if name not in given), *flags]

    def settings(self, *flags: str) -> settings.JobSettings:
        """Return what a command line asks for."""
        return settings_from(build_parser().parse_args(self.command_line(*flags)))

    def run(self, *flags: str) -> FinishedRun:
        """Run a job in this process, without looking for MXNet first, which takes seconds."""
        wanted = self.settings(*flags)
        warnings = settings.checked(wanted)
        job, engine, staged = start_job(wanted, self.jobs, "--no-check" not in flags, ENGINE)
        job.record["warnings"] = warnings + job.record["warnings"]
        shown: list[bytes] = []
        outcome = JobRun(job, wanted, engine, staged, shown.append).run()
        return FinishedRun(outcome, records.Job.read(job.folder), b"".join(shown).decode())

    def start(self, *flags: str, **environment: str) -> subprocess.Popen[str]:
        """Start `modelarts-local train` in a process of its own; its output and errors are pipes."""
        return start(*self.command_line(*flags), **environment)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the other commands on these jobs to its end."""
        process = start(*arguments, f"--jobs-dir={self.jobs}")
        output, errors = process.communicate(timeout=DEADLINE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def wait_for(self, text: str) -> records.Job:
        """Return the newest job once `text` is in its log."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            jobs = records.all_jobs(self.jobs)
            if jobs and jobs[0].log.exists() and text in jobs[0].log.read_text(errors="replace"):
                return jobs[0]
            time.sleep(0.05)
        raise AssertionError(f"{text!r} did not get into the log within {DEADLINE_S} s")


class FinishedRun(NamedTuple):
    """A job that has ended: its outcome, what job.json says, and what was shown."""

    outcome: Outcome
    job: records.Job
    shown: str

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.job.folder / records.RECORD_FILE).read_text()))

    @property
    def log(self) -> str:
        return self.job.log.read_text()

    @property
    def printed(self) -> list[str]:
        """The lines of the program itself."""
        return [line for line in self.log.splitlines() if not line.startswith("[ModelArts Service Log]")]


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start modelarts-local in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "modelarts_local", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        text=True,
    )


def new_places(folder: Path) -> Places:
    """Make the folders of a job with one data file."""
    places = Places(folder)
    places.code.mkdir()
    places.data.mkdir()
    (places.data / "a.txt").write_text("one")
    return places
