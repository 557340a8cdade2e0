"""The command line that goes on with a job."""

from __future__ import annotations

import shlex
from pathlib import Path

from .durations import as_flag
from .names import masked
from .settings import JobSettings

PROGRAM = "modelarts-local"


def resume_command(settings: JobSettings, version: str | None, jobs: Path) -> str:
    """Return the command that goes on in the same version folder, for a shell.

    The platform has no restart of v1 jobs: a program looks for its own checkpoints in train_url (contract 1.9), and a
    new run would have a new version folder. A v2 job gets its outputs back by --predownload.
    """
    words = [
        PROGRAM,
        "train",
        f"--code-dir={settings.code_url}",
        f"--boot-file={settings.boot_file}",
        f"--data-url={settings.data_url}",
        f"--train-url={settings.train_url}",
        *(f"--param={masked(f'{name}={value}')}" for name, value in settings.parameters),
        *(f"--env={masked(f'{name}={value}')}" for name, value in settings.variables),
        f"--name={settings.name}",
    ]
    words += [] if settings.contract == "v1" else ["--contract=v2", "--predownload"]
    words += [f"--train-version={version}"] if version else []
    for flag, value, default in (
        ("description", settings.description, ""),
        ("engine", settings.engine, "local"),
        ("gpus", settings.gpus, 0),
        ("nodes", settings.nodes, 1),
        ("servers", settings.servers, 1),
        ("retries", settings.retries, 0),
        ("log-url", settings.log_url, None),
        ("max-run-time", as_flag(settings.max_run_time_s), None),
        ("jobs-dir", jobs, None),
    ):
        words += [] if value == default else [f"--{flag}={value}"]
    return " ".join(shlex.quote(word) for word in words)
