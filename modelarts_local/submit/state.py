"""What a submission has made there, kept in a file that is replaced whole, so that whatever happens it can be stopped.

A thing is written down before it is asked for, without an id, and with its id as soon as the answer gives one. One that
has none, because the answer got lost, is found by its name, which nothing else has.
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
from .calls import JOB, SERVICE
from .settings import Platform

HOME_VARIABLE = "MODELARTS_LOCAL_HOME"
# States in which nothing runs any more (contract 1.8, 5.4); what is in none of them is taken to cost
COMPLETED, ABNORMAL = "Completed", "Abnormal"
SPENT_PHASES = frozenset({"Failed", "Terminated", ABNORMAL})  # of a job that will never complete
ENDED_PHASES = (SPENT_PHASES | {COMPLETED}) - {ABNORMAL}
ENDED_SERVICES = frozenset({"stopped", "finished", "failed"})


class Thing:
    """One that was made, or may have been.

    record: kind, label, made_from, id (None: not known), status, created, deleted (None: it is left).
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record

    @property
    def kind(self) -> str:
        """One of calls.JOB, MODEL and SERVICE."""
        return str(self.record["kind"])

    @property
    def label(self) -> str:
        """Its name on the platform."""
        return str(self.record["label"])

    @property
    def made_from(self) -> str:
        """The name of the job that a model, or of the model that a service is made from."""
        return str(self.record["made_from"])

    @property
    def id(self) -> str | None:
        """The platform's id, None where no answer has given one."""
        return self.record["id"]

    @property
    def status(self) -> str:
        """Its state as it was last heard of."""
        return str(self.record["status"])

    @property
    def is_left(self) -> bool:
        """Whether it was not deleted."""
        return self.record["deleted"] is None

    @property
    def runs(self) -> bool:
        """Whether it takes machines, which cost by the hour; what nobody knows counts as running."""
        ended = {JOB: ENDED_PHASES, SERVICE: ENDED_SERVICES}.get(self.kind)
        return self.is_left and ended is not None and self.status not in ended


class State:
    """A submission: what was asked for, where, and what came of it so far. path: the file that keeps it."""

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record

    @classmethod
    def read(cls, path: Path) -> State | None:
        """Return the state in a file, None when there is none. Raises CommandLineError when it cannot be read."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise CommandLineError(f"{path} cannot be read: {error}. It names what runs: repair it by hand.") from error
        if not isinstance(record, dict) or not {"name", "platform", "settings", "made"} <= set(record):
            raise CommandLineError(f"{path} is no state of a submission. Name another one with --state.")
        return cls(path, record)

    @classmethod
    def new(cls, path: Path, name: str, platform: Platform, settings: Mapping[str, Any]) -> State:
        """Return the state of a submission that has made nothing yet."""
        asked = {"platform": platform._asdict(), "settings": dict(settings)}
        return cls(
            path, {"name": name, "created": utc_now(), **asked, "uploaded": False, "prediction": None, "made": []}
        )

    def save(self) -> None:
        """Write the file under a temporary name and rename it. Raises CommandLineError when it cannot be written."""
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "w", encoding="utf-8") as stream:
                json.dump(self.record, stream, indent=2, ensure_ascii=False)
                stream.write("\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, self.path)
        except OSError as error:
            raise CommandLineError(
                f"{self.path} cannot be written: {error.strerror}. Name another with --state."
            ) from error

    @property
    def platform(self) -> Platform:
        """Where it was submitted to."""
        return Platform(**self.record["platform"])

    @property
    def name(self) -> str:
        """What the user calls it."""
        return str(self.record["name"])

    @property
    def things(self) -> list[Thing]:
        """All that it made, the oldest first."""
        return [Thing(record) for record in self.record["made"]]

    @property
    def left(self) -> list[Thing]:
        """What it made and is not deleted."""
        return [thing for thing in self.things if thing.is_left]

    def newest(self, kind: str) -> Thing | None:
        """The newest of a kind that is left, None where there is none."""
        of_kind = [thing for thing in self.left if thing.kind == kind]
        return of_kind[-1] if of_kind else None

    def begin(self, kind: str, label: str, made_from: str) -> Thing:
        """Write down that a thing is about to be asked for."""
        named = {"kind": kind, "label": label, "made_from": made_from}
        record = {**named, "id": None, "status": "asked for", "created": utc_now(), "deleted": None}
        self.record["made"].append(record)
        self.save()
        return Thing(record)

    def note(self, thing: Thing, **changes: Any) -> None:
        """Change what is known of a thing; the file is written only where something is new."""
        if any(thing.record.get(name) != value for name, value in changes.items()):
            thing.record.update(changes)
            self.save()

    def forget(self, thing: Thing) -> None:
        """Strike out a thing that was refused, so that there is none."""
        self.record["made"].remove(thing.record)
        self.save()


def state_path(name: str, given: str | None, environ: Mapping[str, str]) -> Path:
    """Return where a submission's state is kept: what --state names, else below the home of modelarts-local."""
    return Path(given).expanduser().absolute() if given else states_folder(environ) / f"{name}.json"


def states_folder(environ: Mapping[str, str]) -> Path:
    """Return submissions/ in MODELARTS_LOCAL_HOME or ~/.modelarts-local."""
    return Path(environ.get(HOME_VARIABLE) or "~/.modelarts-local").expanduser().absolute() / "submissions"


def find_state(name: str | None, given: str | None, environ: Mapping[str, str]) -> State:
    """Return the state that --state or a name stands for; without either, the only one that has something left.

    Raises CommandLineError, which tells those that there are.
    """
    if given or name:
        path = state_path(name or "", given, environ)
        state = State.read(path)
        if state is None:
            raise CommandLineError(f"there is no submission {name or given!r}: no {path}. {_known(environ)}")
        return state
    with_things = [state for state in all_states(environ) if state.left]
    if len(with_things) == 1:
        return with_things[0]
    raise CommandLineError(f"name the submission, or its file with --state. {_known(environ)}")


def all_states(environ: Mapping[str, str]) -> list[State]:
    """Return every submission of the home folder, by name; what cannot be read is left out."""
    states = []
    for path in sorted(states_folder(environ).glob("*.json")):
        with contextlib.suppress(CommandLineError):
            states.append(State.read(path))
    return [state for state in states if state is not None]


def _known(environ: Mapping[str, str]) -> str:
    names = [f"{state.name} ({len(state.left)} left)" for state in all_states(environ)]
    return f"Found: {', '.join(names) or 'none'}."


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other commands from the same submission meanwhile. Raises CommandLineError when one has it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path.with_name(f".{path.name}.lock"), "w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandLineError(f"another modelarts-local works on {path}; end it first, or wait.") from None
            yield
    except OSError as error:
        raise CommandLineError(f"{path} cannot be written: {error.strerror}. Name another with --state.") from error


def utc_now() -> str:
    """Return the time in UTC, as in 2020-03-01T12:00:00Z."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
