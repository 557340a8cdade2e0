"""What the user reads of a submission: its steps, the job's log, what runs, that it costs, how it is stopped."""

from __future__ import annotations

import datetime
import json
import os
import shlex
import sys
import time
from typing import Any, TextIO

from ..check.findings import printable
from ..job.durations import as_text
from .calls import JOB
from .state import State, Thing, state_path

PROGRAM = "modelarts-local"


class Teller:
    """Tells in lines. is_json: standard output is kept for one object at the end, so lines go to standard error."""

    def __init__(self, is_json: bool = False) -> None:
        self._is_json = is_json

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self._is_json else sys.stdout

    def say(self, line: str) -> None:
        """Show a line, which may hold words of the platform."""
        print(printable(line), file=self._stream, flush=True)

    def show_log(self, text: str) -> None:
        """Show lines of the job's log, told apart from ours by what stands before them."""
        for line in text.splitlines():
            print(f"  | {printable(line.expandtabs())}", file=self._stream, flush=True)

    def result(self, document: dict[str, Any]) -> None:
        """Print the object for programs, where one is wanted."""
        if self._is_json:
            print(json.dumps(document, indent=2, ensure_ascii=False))

    def bill(self, state: State) -> None:
        """Say what runs, that it costs, and how it is stopped; it is said, too, when nothing does."""
        for line in bill_lines(state):
            self.say(line)


def bill_lines(state: State) -> list[str]:
    """Return what a submission costs from now on, in lines."""
    running = [thing for thing in state.left if thing.runs]
    kept = [thing for thing in state.left if not thing.runs]
    lines = []
    if running:
        lines.append("RUNS AND COSTS MONEY until it is stopped:")
        lines += [f"  {_described(thing)}; {_limit(thing, state)}" for thing in running]
        lines.append(f"  stop and delete it with: {cleanup_command(state)}")
    else:
        lines.append("nothing of this submission runs")
    if kept:
        lines.append(f"left, and does not run: {', '.join(f'{thing.kind} {thing.label}' for thing in kept)}")
        if not running:
            lines.append(f"  delete it with: {cleanup_command(state)}")
    if state.record["uploaded"]:
        lines.append(f"stored, which costs by its size: {state.record['settings']['root']} (nothing there is deleted)")
    return lines


def cleanup_command(state: State, action: str = "cleanup") -> str:
    """Return the command that stops and deletes what a submission made."""
    is_found_by_name = state.path == state_path(state.name, None, os.environ)
    which = state.name if is_found_by_name else f"--state={state.path}"
    return shlex.join([PROGRAM, "submit", action, which])


def _described(thing: Thing) -> str:
    known = f"id {thing.id}" if thing.id else "its id is not known, cleanup looks for it"
    begin = datetime.datetime.strptime(thing.record["created"], "%Y-%m-%dT%H:%M:%SZ")
    age_s = time.time() - begin.replace(tzinfo=datetime.timezone.utc).timestamp()
    return f"{thing.kind} {thing.label} ({known}): {thing.status}, asked for {as_text(max(age_s, 0))} ago"


def _limit(thing: Thing, state: State) -> str:
    hours = state.record["settings"]["job_hours" if thing.kind == JOB else "service_hours"]
    return f"the platform itself stops it after {hours} h"
