"""One job, from the first look at its places to the end of its log and its last upload."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from obs_layout.storage import LEAVES_FOLDER

from ..engines import Engine, find_engine
from ..errors import JobRefused, StandInError, StorageFailed
from ..platform_rules import REQUIREMENTS
from . import before_start, environment, names, nodes, opening, processes, records, staging, states
from .arguments import hook_command, pip_command, program_arguments
from .control import Control, Stopped
from .distributed import ports, server_command
from .durations import as_text
from .job_log import JobLog, Show
from .layout import JobLayout
from .reasons import exit_code_of, reason_of
from .settings import JobSettings
from .uploads import Upload, Uploader

EXIT_DONE, EXIT_FAILED, EXIT_STORAGE, EXIT_INTERRUPTED = 0, 1, 3, 130
CODE_NOT_FETCHED = 127  # contract 1.8


class Outcome(NamedTuple):
    """How a job ended: its state, the reason, the program's exit code as the platform has it, and that of `train`."""

    status: str
    reason: str
    exit_code: int | None
    train_exit: int


def start_job(
    settings: JobSettings, jobs: Path, is_checked: bool, engine: Engine | None = None
) -> tuple[records.Job, Engine, before_start.StagedCode]:
    """Return a job in state INIT that the platform would take, what it runs on, and its code.

    is_checked: whether broken rules refuse it. engine: found as `settings` name it unless given, which takes seconds.

    Raises StandInError with the reason why there is no job; nothing is left of it then.
    """
    opening.refuse_what_is_not_there(settings)
    with before_start.staged_code(settings, jobs) as staged:
        if is_checked:
            before_start.refuse_errors(staged.findings, settings)
        engine = engine or find_engine(settings.engine)
        engine = engine._replace(python=os.path.abspath(engine.python))  # the program is started in another folder
        return opening.open_job(settings, engine, jobs, staged.folder), engine, staged


class JobRun:
    """Runs one job; `run` returns its outcome, and job.json and the log tell the same.

    staged: its code, or why that is not there. show: gets what is added to the log of node 0.
    """

    def __init__(
        self,
        job: records.Job,
        settings: JobSettings,
        engine: Engine,
        staged: before_start.StagedCode,
        show: Show,
    ) -> None:
        self.job = job
        self._settings = settings
        self._engine = engine
        self._staged = staged
        self._layout = JobLayout(job.folder, settings.contract, settings.code_name)
        self._control = Control()
        self._logs = [
            JobLog(Path(path), show if number == 0 else _show_nothing) for number, path in enumerate(job.record["logs"])
        ]
        self._uploader: Uploader | None = None

    @property
    def _log(self) -> JobLog:
        return self._logs[0]

    def run(self) -> Outcome:
        """Run the job to its end, whatever ends it. Raises StorageFailed when its own folder cannot be written."""
        try:
            with self._control.listening():
                outcome = self._outcome()
                try:
                    outcome = self._finish(outcome)
                except Stopped as stopped:
                    outcome = self._without_uploads(outcome, stopped)
                with self._control.deferring():
                    self._write_end(outcome)
        except OSError as error:
            folder = str(self.job.folder)
            raise StorageFailed(f"the job's folder {folder} cannot be written: {error}", folder) from error
        finally:
            for log in self._logs:
                log.close()
        return outcome

    def _outcome(self) -> Outcome:
        try:
            self._banner()
            self._prepare()
            return self._run_program()
        except Stopped as stopped:
            exit_code = EXIT_FAILED if stopped.is_time_up else EXIT_INTERRUPTED
            return Outcome(states.KILLED, stopped.reason, self.job.record["exit_code"], exit_code)
        except StorageFailed as error:
            return Outcome(states.FAILED, str(error), self.job.record["exit_code"], EXIT_STORAGE)
        except StandInError as error:
            return Outcome(states.FAILED, str(error), self.job.record["exit_code"], EXIT_FAILED)

    def _banner(self) -> None:
        record = self.job.record
        self._log.say(f"job {record['name']} ({record['id']}), {record['version'] or 'v2'}, on {record['engine']}")
        for name in ("code_url", "boot_file", "data_url", "output", "log_url"):
            if record[name]:
                self._log.say(f"{name}: {record[name]}")
        for warning in record["warnings"]:
            self._log.say(f"warning: {warning}")

    def _warn(self, text: str) -> None:
        self.job.record["warnings"].append(text)
        self.job.save()
        self._log.say(f"warning: {text}")

    def _prepare(self) -> None:
        """Tell of the code, and bring what else the program needs. Raises StandInError."""
        settings, layout = self._settings, self._layout
        if self._staged.failure is not None:
            self.job.record["exit_code"] = CODE_NOT_FETCHED
            raise self._staged.failure
        for finding in self._staged.findings:
            self._log.say(finding.as_text())
        data, warnings = staging.data_files(settings)
        if settings.contract == "v2":
            self._log.say(f"copying {len(data)} data files to {layout.inputs}")
            staging.stage_data(settings, layout, data)
        for warning in warnings:
            self._warn(warning)
        self._start_uploads()
        self._install_requirements()

    def _start_uploads(self) -> None:
        settings = self._settings
        uploads = [Upload(log.path, settings.log_url) for log in self._logs if settings.log_url]
        if settings.contract == "v2":
            uploads.append(Upload(self._layout.outputs, settings.train_url))
        self._uploader = Uploader(uploads, settings.upload_interval_s, self._control.events.put)

    def _install_requirements(self) -> None:
        if not (self._layout.code / REQUIREMENTS).is_file():
            return
        # On every node before the boot file, and pip's output lands in the log (contract 1.5)
        self._log.say(f"installing {REQUIREMENTS}")
        command = pip_command(self._engine.python, str(self._layout.packages))
        ended = self._run([self._helper(command, self._layout.code)])
        if ended.returncode != 0:
            self.job.record["exit_code"] = exit_code_of(ended.returncode)
            cause = reason_of(ended.returncode, self._log.tail)
            raise JobRefused(f"pip cannot install {REQUIREMENTS}: {cause}")

    def _run_program(self) -> Outcome:
        settings = self._settings
        self._control.limit(settings.max_run_time_s, as_text(settings.max_run_time_s or 0))
        for attempt in range(1, settings.retries + 2):
            self.job.record["attempts"] = attempt
            outcome = self._attempt()
            if outcome.status == states.COMPLETED or attempt > settings.retries:
                break
            self._log.say(f"{outcome.reason}; restart {attempt} of {settings.retries}")
            self._upload_all()
        return outcome

    def _attempt(self) -> Outcome:
        if self._settings.predownload or self._settings.retries:
            self._log.say(f"fetching what {self._settings.train_url} holds")
            staging.fetch_outputs(self._settings, self._layout)
        hook = self._run_hook()
        if hook is not None:
            return hook
        ended = self._run(self._nodes())
        log = ended.node.log
        reason = reason_of(ended.returncode, log.tail)
        if ended.returncode != 0 and self._settings.nodes > 1:
            reason = f"{ended.node.label}: {reason}"
        status = states.COMPLETED if ended.returncode == 0 else states.FAILED
        train_exit = EXIT_DONE if ended.returncode == 0 else EXIT_FAILED
        return Outcome(status, reason, exit_code_of(ended.returncode), train_exit)

    def _run_hook(self) -> Outcome | None:
        """Run ma-pre-start beside the boot file (contract 1.10); what the platform does when it fails is not known."""
        folder = (self._layout.job_dir / self._settings.boot_path).parent
        command = hook_command(self._engine.python, os.listdir(folder))
        if self._settings.contract == "v1" or command is None:
            return None
        self._log.say(f"running {command[-1]}")
        ended = self._run([self._helper(command, folder)])
        if ended.returncode == 0:
            return None
        reason = f"{command[-1]} failed: {reason_of(ended.returncode, self._log.tail)}"
        return Outcome(states.FAILED, reason, exit_code_of(ended.returncode), EXIT_FAILED)

    def _helper(self, command: list[str], folder: Path) -> nodes.Node:
        one_host = environment.NodePlace(0, (f"{environment.HOST}:0",))
        return nodes.Node(nodes.WORKER, 0, command, self._environment(one_host), folder, self._log)

    def _run(self, to_run: list[nodes.Node]) -> nodes.Ended:
        for node in to_run:
            node.log.begin()
        try:
            return nodes.run_nodes(to_run, self._control, self)
        except Stopped as stopped:
            if stopped.returncode is not None:
                self.job.record["exit_code"] = exit_code_of(stopped.returncode)
            raise
        finally:
            for node in to_run:
                node.log.follow()
                if node.role != nodes.WORKER:
                    node.log.close()

    def on_start(self, leaders: list[dict[str, Any]]) -> None:
        """Tell that the job runs, from its first process on."""
        started = self.job.record["started"] or records.utc_now()
        self.job.move_to(states.RUNNING, started=started, processes=leaders)

    def on_tick(self, event: Any) -> None:
        """Show what was printed; `event` is an upload that failed."""
        for log in self._logs:
            log.follow()
        if event is not None:
            self._warn(f"{event}; the job goes on")

    def on_stop(self, stopped: Stopped) -> None:
        """Tell that the job is being ended."""
        self.job.move_to(states.KILLING, stopped.reason)

    def _nodes(self) -> list[nodes.Node]:
        settings, layout = self._settings, self._layout
        free = ports(settings.nodes + 1)
        hosts = tuple(f"{environment.HOST}:{port}" for port in free[1:])
        output = self.job.record["output"]
        values = opening.values_of(settings, layout, output)
        command = [self._engine.python, "-u", *program_arguments(settings, *values)]
        variables = [self._environment(environment.NodePlace(index, hosts)) for index in range(settings.nodes)]
        self.job.record["environment"] = sorted(variables[0])
        self._log.say("command: " + " ".join(names.masked(argument) for argument in command))
        own = environment.platform_variables(settings, layout, self.job.id, output, environment.NodePlace(0, hosts))
        for name, value in sorted(own.items()):
            self._log.say(names.masked(f"{name}={value}"))
        to_run = []
        if settings.nodes > 1:
            self._log.say(
                "MXNet's parameter server is set up by DMLC_* here; whether the platform does is not documented"
            )
            to_run = self._servers(free[0], variables[0])
        for index, own_variables in enumerate(variables):
            if settings.nodes > 1:
                own_variables.update(
                    environment.dmlc_variables(nodes.WORKER, free[0], settings.nodes, settings.servers)
                )
            to_run.append(nodes.Node(nodes.WORKER, index, command, own_variables, layout.job_dir, self._logs[index]))
        return to_run

    def _servers(self, port: int, variables: dict[str, str]) -> list[nodes.Node]:
        settings = self._settings
        found = []
        for role, count in ((nodes.SCHEDULER, 1), (nodes.SERVER, settings.servers)):
            for index in range(count):
                log = JobLog(self.job.folder / f"{role}-{index}.log", _show_nothing)
                own = {**variables, **environment.dmlc_variables(role, port, settings.nodes, settings.servers)}
                command = server_command(self._engine.python, LEAVES_FOLDER)
                found.append(nodes.Node(role, index, command, own, self._layout.job_dir, log))
        return found

    def _environment(self, place: environment.NodePlace) -> dict[str, str]:
        settings, layout = self._settings, self._layout
        variables = environment.inherited(os.environ)
        variables.update(
            environment.platform_variables(settings, layout, self.job.id, self.job.record["output"], place)
        )
        shim = environment.moxing_entry(layout, str(LEAVES_FOLDER / "moxing_shim" / "path_entry"))
        variables["PYTHONPATH"] = environment.python_path(layout, shim, variables.get("PYTHONPATH"))
        return variables

    def _upload_all(self) -> list[StorageFailed]:
        failures = self._uploader.round() if self._uploader is not None else []
        for failure in failures:
            self._warn(str(failure))
        return failures

    def _finish(self, outcome: Outcome) -> Outcome:
        """Write the end of the log and upload for the last time; outputs of v2 that do not arrive fail the job."""
        if outcome.status != states.COMPLETED:
            self._log.say(f"{outcome.status}: {outcome.reason}")
        self._log.say(f"Training end with return code: {'none' if outcome.exit_code is None else outcome.exit_code}")
        if any(log.is_cut for log in self._logs):
            self._warn(f"the log was cut at {self._log.limit_bytes:,} bytes, as on the platform")
        self._log.say("Training completed.")
        if self._uploader is None:
            return outcome
        self._uploader.stop()
        failures = self._upload_all()
        if (
            any(failure.place == self._settings.train_url for failure in failures)
            and outcome.status == states.COMPLETED
        ):
            reason = f"the outputs were not uploaded and are kept in {self._layout.outputs}: {failures[-1]}"
            return Outcome(states.FAILED, reason, outcome.exit_code, EXIT_STORAGE)
        return outcome

    def _without_uploads(self, outcome: Outcome, stopped: Stopped) -> Outcome:
        """Return the outcome of a job that was stopped while it uploaded for the last time."""
        if self._settings.contract == "v1" or outcome.status != states.COMPLETED:
            self.job.record["warnings"].append(f"{stopped.reason}, while the log was uploaded")
            return outcome
        reason = f"{stopped.reason}, while the outputs were uploaded; they are kept in {self._layout.outputs}"
        return Outcome(states.KILLED, reason, outcome.exit_code, EXIT_INTERRUPTED)

    def _write_end(self, outcome: Outcome) -> None:
        self.job.move_to(
            outcome.status,
            outcome.reason,
            exit_code=outcome.exit_code,
            ended=records.utc_now(),
            processes=[leader for leader in self.job.groups if processes.is_group_running(leader)],
        )


def _show_nothing(_: bytes) -> None:
    """Take what is added to a log that is not shown."""
