"""`modelarts-local train`: from a command line to a job that has ended, and the line that closes it."""

from __future__ import annotations

import argparse
import datetime
import json
import logging
import os
import sys
from pathlib import Path

from ..package.model_package import MODEL_FOLDER
from . import names, places, records, settings, states
from .durations import as_text
from .job_run import JobRun, Outcome, start_job
from .outputs import missing_of_package
from .resuming import PROGRAM, resume_command

_WRONG_COMMAND_LINE = 2  # of argparse, and so of most programs: the same command would fail again

logger = logging.getLogger(__name__)


def train(arguments: argparse.Namespace, jobs: Path) -> int:
    """Run a job and return the exit code of `train`.

    arguments: as command.py parses them. jobs: where the job's folder goes.

    Raises StandInError when there is no job; what goes wrong with a job is in its job.json and in its closing line.
    """
    wanted = settings_from(arguments)
    warnings = settings.checked(wanted)
    logger.info("bringing and reading the code of %s, and asking for the engine", wanted.code_url)
    job, engine, staged = start_job(wanted, jobs, is_checked=not arguments.no_check)
    job.record["warnings"] = [*warnings, *job.record["warnings"]]
    logger.info("job %s: its folder is %s", job.id, job.folder)
    logging.getLogger("moxing").setLevel(logging.WARNING)  # it would tell of each round of uploads
    terminal = Terminal()
    show = _nothing if arguments.quiet or arguments.json else terminal.show
    outcome = JobRun(job, wanted, engine, staged, show).run()
    if arguments.json:
        last = [json.dumps(job.record, indent=2, ensure_ascii=False)]
    else:
        last = [closing_line(job, outcome)]
        has_begun = job.record["started"] is not None
        is_command_wrong = outcome.exit_code == _WRONG_COMMAND_LINE
        if outcome.status == states.KILLED or outcome.status == states.FAILED and has_begun and not is_command_wrong:
            last.append(f"To go on: {resume_command(wanted, job.record['version'], jobs)}")
    terminal.show("".join(f"{line}\n" for line in last).encode())
    return outcome.train_exit


def settings_from(arguments: argparse.Namespace) -> settings.JobSettings:
    """Return the settings that a command line asks for. Raises CommandLineError."""
    code_url = places.folder_place("--code-dir", arguments.code_dir)
    boot_file = settings.boot_file_in(code_url, arguments.code_dir, arguments.boot_file)
    return settings.JobSettings(
        name=names.default_job_name(boot_file) if arguments.name is None else arguments.name,
        description=arguments.description,
        contract=arguments.contract,
        engine=arguments.engine,
        code_url=code_url,
        boot_file=boot_file,
        data_url=places.folder_place("--data-url", arguments.data_url),
        train_url=places.folder_place("--train-url", arguments.train_url),
        log_url=None if arguments.log_url is None else places.folder_place("--log-url", arguments.log_url),
        parameters=tuple(names.split_parameter("--param", text) for text in arguments.param),
        variables=tuple(names.split_parameter("--env", text) for text in arguments.env),
        gpus=arguments.gpus,
        nodes=arguments.nodes,
        servers=arguments.servers,
        version=arguments.train_version,
        upload_interval_s=arguments.upload_interval,
        max_run_time_s=arguments.max_run_time,
        retries=arguments.retries,
        predownload=arguments.predownload,
    )


def closing_line(job: records.Job, outcome: Outcome) -> str:
    """Return what a user reads last: the state, the time, where the results are and what to do next."""
    record = job.record
    begin, end = (datetime.datetime.fromisoformat(record[name].rstrip("Z")) for name in ("created", "ended"))
    head = f"job {record['name']} ({job.id}) {outcome.status} after {as_text((end - begin).total_seconds())}"
    if outcome.status == states.COMPLETED:
        return f"{head}: {record['output']}. {next_step(record['output'].rstrip('/'))}"
    log = job.log if record["nodes"] == 1 else job.folder
    return f"{head}: {outcome.reason.rstrip('.')}. Log: {log}"


def next_step(output: str) -> str:
    """Return what to do with the results of a job: look at the package and serve it, where there is one."""
    missing = missing_of_package(output)
    if missing is None:
        return f"It left no {MODEL_FOLDER}/, so there is nothing to import or to serve."
    if missing:
        return f"Its {MODEL_FOLDER}/ lacks {', '.join(missing)}; see: {PROGRAM} check {output}"
    return f"Next: {PROGRAM} serve {output}"


class Terminal:
    """Shows a log on standard output; when nobody reads that any more, the job goes on unseen."""

    def __init__(self) -> None:
        self._is_open = True

    def show(self, content: bytes) -> None:
        """Write what was added to the log."""
        if self._is_open:
            try:
                sys.stdout.buffer.write(content)
                sys.stdout.buffer.flush()
            except OSError:
                self._is_open = False
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _nothing(_: bytes) -> None:
    """Show nothing of the log."""
