"""Waits for what was made: the job, whose log is followed, the model, the service (contract 1.8, 5.3, 5.4)."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, NamedTuple

from ..check.findings import printable
from ..errors import PlatformRefused, PlatformSilent
from ..job.durations import as_text
from ..job.reasons import reason_of
from .api import Api
from .calls import JOB, MODEL, SERVICE, details, job_log
from .state import COMPLETED, ENDED_PHASES, ENDED_SERVICES, SPENT_PHASES, State, Thing
from .telling import PROGRAM, Teller, cleanup_command

PUBLISHED, RUNNING = "published", "running"
# Chosen: an old line or two is worth less than a request each time. The log's end is what explains a failure
_LOG_PHASES = ENDED_PHASES | SPENT_PHASES | {"Running", "Terminating"}


class Pace(NamedTuple):
    """How a state is waited for. interval_s: from one look to the next. limit_s: after which nobody waits any more."""

    interval_s: float
    limit_s: float


def wait_for_job(api: Api, state: State, job: Thing, pace: Pace, teller: Teller) -> None:
    """Return when the job has completed; its log is shown meanwhile.

    Raises PlatformRefused when it ended otherwise, PlatformSilent when the time is over or the platform says nothing.
    """
    log = Log(api, job, teller)

    def look() -> bool:
        answer = _look(api, state, job, teller)
        if job.status in _LOG_PHASES:
            log.show_new()
        if job.status in SPENT_PHASES:
            log.close()
            raise PlatformRefused(_job_failure(job, answer, log.tail, state))
        if job.status == COMPLETED:
            log.close()
        return job.status == COMPLETED

    _wait(api, state, job, pace, look)


class Log:
    """What was shown of a job's log, which the platform gives whole up to 5 MB, and then its end."""

    def __init__(self, api: Api, job: Thing, teller: Teller) -> None:
        self._api = api
        self._job = job
        self._teller = teller
        self._seen_bytes = 0
        self._open_line = b""
        self.tail = ""

    def show_new(self) -> None:
        """Show the lines that were added; what is not there yet, or cannot be read, comes the next time."""
        if self._job.id is None:
            return
        try:
            answer = self._api.send(job_log(self._api.platform, self._job.id))
        except (PlatformRefused, PlatformSilent):
            return  # there is none before the first line; the state alone says whether the job goes well
        # it was called context until 2022
        content = str(answer.get("content") or answer.get("context") or "").encode("utf-8")
        told_bytes = answer.get("full_size")
        full_bytes = max(told_bytes if isinstance(told_bytes, int) else 0, len(content))
        new = content[-(full_bytes - self._seen_bytes) :] if full_bytes > self._seen_bytes else b""
        left_out = full_bytes - self._seen_bytes - len(new)
        if left_out > 0:
            self._teller.say(f"  ({left_out:,} bytes of the log are left out here; they are in the log in the bucket)")
        self._seen_bytes = full_bytes
        lines = (self._open_line + new).split(b"\n")
        self._open_line = lines.pop()
        self.tail = content[-10000:].decode("utf-8", "replace")
        self._teller.show_log(b"\n".join(lines).decode("utf-8", "replace"))

    def close(self) -> None:
        """Show a last line that has no end."""
        self._teller.show_log(self._open_line.decode("utf-8", "replace"))
        self._open_line = b""


def wait_for_model(api: Api, state: State, model: Thing, pace: Pace, teller: Teller) -> None:
    """Return when the model can be deployed. Raises as wait_for_job does."""

    def look() -> bool:
        answer = _look(api, state, model, teller)
        # of the states only `published` is documented (contract 5.3), so a failure is told by its name
        if "fail" in model.status.lower():
            raise PlatformRefused(
                f"the import of the model {model.label} failed ({model.status}): {_told(answer)}. Look at its events "
                "in the console, and at the package with: modelarts-local check"
            )
        return model.status == PUBLISHED

    _wait(api, state, model, pace, look)


def wait_for_service(api: Api, state: State, service: Thing, pace: Pace, teller: Teller) -> str:
    """Return the address of the service when it runs. Raises as wait_for_job does."""
    address = ""

    def look() -> bool:
        nonlocal address
        answer = _look(api, state, service, teller)
        if service.status in ENDED_SERVICES | {"stopping", "deleting"}:
            raise PlatformRefused(
                f"the service {service.label} is {service.status} instead of running: {_told(answer)}. Look at its "
                f"events and its log in the console; the image has to listen on port 8080 and answer GET /health. "
                f"Then: {cleanup_command(state)}"
            )
        address = str(answer.get("access_address") or "")
        return service.status == RUNNING and bool(address)

    _wait(api, state, service, pace, look)
    return address


def _wait(api: Api, state: State, thing: Thing, pace: Pace, look: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + pace.limit_s
    while not look():
        if time.monotonic() >= deadline_s:
            raise PlatformSilent(
                f"the {thing.kind} {thing.label} is still {thing.status} after {as_text(pace.limit_s)}. The same "
                f"command given again goes on waiting, --timeout for longer; {cleanup_command(state)} stops it."
            )
        api.sleep(pace.interval_s)


def _look(api: Api, state: State, thing: Thing, teller: Teller) -> Mapping[str, Any]:
    """Ask for the state of a thing; it is written down and told when it is another than before."""
    answer = api.send(details(api.platform, thing.kind, str(thing.id)))
    status = status_in(thing.kind, answer)
    if status != thing.status:
        state.note(thing, status=status)
        teller.say(f"{thing.kind} {thing.label}: {status}")
    return answer


def status_in(kind: str, answer: Mapping[str, Any]) -> str:
    """Return the state in the answer to a request for details; "unknown" when it holds none."""
    if kind == JOB:
        found = answer.get("status")
        return str(found.get("phase") or "unknown") if isinstance(found, dict) else "unknown"
    return str(answer.get({MODEL: "model_status", SERVICE: "status"}[kind]) or "unknown")


def _told(answer: Mapping[str, Any]) -> str:
    return printable(str(answer.get("error_msg") or "the platform says nothing of why")).rstrip(".")


def _job_failure(job: Thing, answer: Mapping[str, Any], log_tail: str, state: State) -> str:
    status = answer.get("status")
    tasks = status.get("task_statuses") if isinstance(status, dict) else None
    codes = [task.get("exit_code") for task in tasks or () if isinstance(task, dict)]
    failed = next((code for code in codes if isinstance(code, int) and code), None)
    secondary = str(status.get("secondary_phase") or "") if isinstance(status, dict) else ""
    if failed is not None:
        why = printable(reason_of(failed, log_tail.rstrip("\n")))
    elif secondary and secondary != job.status:
        why = f"the platform calls it {secondary}"
    else:
        why = "the platform names no exit code"
    logs = state.record["settings"]["root"]
    return (
        f"the training job {job.label} is {job.status}: {why}. Its log is shown above, and below {logs}logs/. Try it "
        f"at home with: {PROGRAM} train --contract v2"
    )
