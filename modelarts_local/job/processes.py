"""Processes of a job: each node leads a group of its own, which ends as a whole, whatever it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Iterable, Mapping

GRACE_S = 10.0  # from SIGTERM to SIGKILL; chosen, as the containers of the platform are given seconds too
_POLL_S = 0.05
_PROBE_LIMIT_S = 10


def identity(pid: int) -> dict[str, Any]:
    """Return {"pid", "started"}: a number alone may belong to another process by tomorrow."""
    return {"pid": pid, "started": start_of(pid)}


def identity_of_this_process() -> dict[str, Any]:
    """Return `identity` of the process that asks."""
    return identity(os.getpid())


def start_of(pid: int) -> str | None:
    """Return when a process started, in words that only compare with each other; None when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _start_by_ps(pid)
    try:
        # after the name in parentheses, which may hold anything: state first, start time in ticks as the 20th
        fields = stat.read_bytes().rpartition(b")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else f"{boot}:{fields[19].decode()}"


def _start_by_ps(pid: int) -> str | None:
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=_PROBE_LIMIT_S
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def is_running(known: Mapping[str, Any] | None) -> bool:
    """Tell whether the process of `identity` still runs; a zombie does not."""
    if not known or known["started"] is None:
        return False
    return start_of(int(known["pid"])) == known["started"]


def is_group_running(leader: Mapping[str, Any]) -> bool:
    """Tell whether anything runs in the group that this process led.

    A number that somebody else's process has by now is no group of ours. One that no process has cannot have been
    given away while members of the group live.
    """
    started = start_of(int(leader["pid"]))
    if started is not None and started != leader["started"]:
        return False
    return bool(members_of(int(leader["pid"])))


def members_of(group: int) -> list[int]:
    """Return the processes of a group that live; zombies do not count."""
    if not Path("/proc/self/stat").exists():
        shown = subprocess.run(
            ["ps", "-A", "-o", "pid=,pgid=,state="], capture_output=True, text=True, timeout=_PROBE_LIMIT_S
        )
        rows = [line.split() for line in shown.stdout.splitlines()]
        return [int(pid) for pid, pgid, state in rows if int(pgid) == group and not state.startswith("Z")]
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in (b"Z", b"X"):
                found.append(int(entry))
    return found


def end_groups(leaders: Iterable[Mapping[str, Any]], grace_s: float = GRACE_S) -> None:
    """End process groups: SIGTERM, and SIGKILL for what is left after grace_s seconds."""
    groups = [leader for leader in leaders if is_group_running(leader)]
    _signal_all(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while groups and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        groups = [leader for leader in groups if is_group_running(leader)]
    _signal_all(groups, signal.SIGKILL)


def _signal_all(groups: Iterable[Mapping[str, Any]], number: int) -> None:
    for leader in groups:
        try:
            os.killpg(int(leader["pid"]), number)
        except ProcessLookupError:
            pass
