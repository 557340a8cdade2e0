"""Runs the programs of a job, one process group for each node, until all have ended or one has failed."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Protocol, Sequence

from . import processes
from .control import Control, Stopped
from .job_log import JobLog

WORKER = "worker"
SERVER = "server"
SCHEDULER = "scheduler"
REAP_S = 1.0  # in which the thread of a process that was killed reports it; chosen
LEAVE_S = 3.0  # in which servers and the scheduler leave after the last worker; chosen


class Node(NamedTuple):
    """A process to start: its role and number among that role, what it runs where, and the log it writes to."""

    role: str
    number: int
    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    log: JobLog

    @property
    def label(self) -> str:
        """As messages call it."""
        return f"{self.role} {self.number}"


class Ended(NamedTuple):
    """A node's process has ended; returncode as subprocess has it."""

    node: Node
    returncode: int


class Watcher(Protocol):
    """Who is told how the nodes fare."""

    def on_start(self, leaders: list[dict[str, Any]]) -> None:
        """All run; leaders: `processes.identity` of each."""

    def on_tick(self, event: Any) -> None:
        """Called several times a second, with an event of somebody else or None."""

    def on_stop(self, stopped: Stopped) -> None:
        """They are about to be ended."""


def run_nodes(nodes: Sequence[Node], control: Control, watcher: Watcher) -> Ended:
    """Run nodes to their end; returns the first that failed, or the last worker when none did.

    No process of the nodes is left when this returns or raises. The first node that fails ends the others: a worker
    without its fellows would wait for ever.

    Raises Stopped, with the return code of the first worker.
    """
    leaders: list[dict[str, Any]] = []
    try:
        with control.deferring():
            for node in nodes:
                leaders.extend(_start(node, control))
            watcher.on_start(leaders)
            return _wait_for_all(nodes, control, watcher)
    except Stopped as stopped:
        watcher.on_stop(stopped)
        _end(leaders)
        stopped.returncode = _returncode_of_first_worker(control)
        raise
    finally:
        _end(leaders)


def _end(leaders: Sequence[Mapping[str, Any]]) -> None:
    try:
        processes.end_groups(leaders)
    except Stopped:  # asked a second time
        processes.end_groups(leaders, grace_s=0)


def _returncode_of_first_worker(control: Control) -> int | None:
    with contextlib.suppress(queue.Empty):
        while True:
            event = control.events.get(timeout=REAP_S)
            if isinstance(event, Ended) and (event.node.role, event.node.number) == (WORKER, 0):
                return event.returncode
    return None


def _start(node: Node, control: Control) -> list[dict[str, Any]]:
    try:
        process = subprocess.Popen(
            node.command,
            cwd=node.cwd,
            env=dict(node.environment),
            stdin=subprocess.DEVNULL,
            stdout=node.log.fileno(),
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for train alone, which ends the whole group
        )
    except OSError as error:
        # 127, as a shell has it for what cannot be started
        node.log.say(f"{node.command[0]} cannot be started: {error.strerror}")
        control.events.put(Ended(node, 127))
        return []
    leader = processes.identity(process.pid)

    def report() -> None:
        control.events.put(Ended(node, process.wait()))

    threading.Thread(target=report, name=node.label, daemon=True).start()
    return [leader]


def _wait_for_all(nodes: Sequence[Node], control: Control, watcher: Watcher) -> Ended:
    running = {(node.role, node.number) for node in nodes}
    last = None
    deadline = None
    while running:
        event = control.next_event()
        if isinstance(event, Ended):
            if not any(event.node is node for node in nodes):
                continue  # one that was ended in an earlier run of the job
            running.discard((event.node.role, event.node.number))
            if event.returncode != 0:
                return event
            last = event if last is None or event.node.role == WORKER else last
            event = None
        watcher.on_tick(event)
        if not any(role == WORKER for role, _ in running):
            deadline = deadline or time.monotonic() + LEAVE_S
            if time.monotonic() > deadline:
                break
    assert last is not None  # at least one node has ended
    return last
