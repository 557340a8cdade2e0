"""Run one program and write what it took as JSON: `python -I client_usage.py FILE SECONDS PROGRAM [ARGUMENT...]`.

A small process of its own, because the system counts the memory of the process that starts a program as that
program's: started by the benchmark itself, which holds boto3 and listings, every client would seem large. So does one
that takes less than this process, about 13 MiB.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Iterator, Sequence

SAMPLE_EVERY_S = 0.1
# ru_maxrss is in bytes on macOS and in kibibytes elsewhere
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
PROCESSES = Path("/proc")


def main(argv: Sequence[str]) -> None:
    """Write {"status", "wall_s", "cpu_s", "peak_bytes"} of the program; the status is a wait status."""
    report, timeout_s, *command = argv
    interrupted = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: interrupted.set())
    with open(report, "w", encoding="ascii") as stream:
        json.dump(measure(command, float(timeout_s), interrupted), stream)


def measure(command: Sequence[str], timeout_s: float, interrupted: threading.Event) -> dict[str, float]:
    """Run `command`, kill it after `timeout_s`, and return what it took, its child processes included.

    interrupted: set by a signal, ends it too. The signal raises nothing, so that there is no moment, while the client
    starts, in which it would be left behind.
    peak_bytes: of a program of several processes the sum of their peaks, where the system tells them (Linux) and as
    far as they lived for SAMPLE_EVERY_S; else that of the largest.
    """
    peaks: dict[int, int] = {}
    ended = threading.Event()
    started = time.monotonic()
    # a group of its own, so that a client that hangs goes with all its processes
    process = subprocess.Popen(command, start_new_session=True)
    watched = (process.pid, timeout_s, ended, peaks, SAMPLE_EVERY_S, interrupted)
    watcher = threading.Thread(target=watch, args=watched)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - started
    process.returncode = status
    ended.set()
    watcher.join()
    return {
        "status": status,
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": max(usage.ru_maxrss * RSS_UNIT_BYTES, sum(peaks.values())),
    }


def watch(
    root: int,
    timeout_s: float,
    ended: threading.Event,
    peaks: dict[int, int],
    every_s: float = SAMPLE_EVERY_S,
    interrupted: threading.Event | None = None,
) -> None:
    """Keep the peak memory in bytes of `root` and of every process below it in `peaks`, by process, until `ended`.

    root: the first process of a group, all of which is killed after `timeout_s`, or once `interrupted` is set.
    """
    deadline = time.monotonic() + timeout_s
    while not ended.wait(every_s):
        note_peaks(root, peaks)
        if time.monotonic() > deadline or (interrupted is not None and interrupted.is_set()):
            os.killpg(root, signal.SIGKILL)
            return


def note_peaks(root: int, peaks: dict[int, int]) -> None:
    """Keep the peak memory in bytes of `root` and of every process below it in `peaks`, as far as it is now."""
    for pid in family(root):
        peaks[pid] = max(peaks.get(pid, 0), memory_of(pid, "VmHWM") or 0)


def family(root: int) -> Iterator[int]:
    """The numbers of a process and of all below it."""
    yield root
    try:
        for children in (PROCESSES / str(root) / "task").glob("*/children"):
            for pid in children.read_text(encoding="ascii").split():
                yield from family(int(pid))
    except OSError:  # the process ended meanwhile, or this system has no such files
        return


def cpu_of(pid: int) -> float:
    """The seconds of the processor that a process took, and those of its that have ended; 0 once it has."""
    try:
        # the name stands in brackets and may hold spaces and brackets
        fields = (
            (PROCESSES / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # utime, stime, cutime, cstime of proc(5)


def memory_of(pid: int, field: str) -> int | None:
    """The bytes of VmHWM, the peak, or VmRSS, now, of a process; None where the system does not tell."""
    try:
        lines = (PROCESSES / str(pid) / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)


def open_files_of(pid: int) -> int | None:
    """The number of a process's descriptors; None where the system does not tell or it has ended."""
    try:
        return len(os.listdir(PROCESSES / str(pid) / "fd"))
    except OSError:
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
