"""A program whose lines are read while it runs, with the memory that it takes meanwhile."""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from benchmarks import client_usage
from benchmarks.failures import BenchmarkFailed

TIMEOUT_S = 3600
LINES_KEPT = 20  # its last words


class WatchedProgram:
    """A program that runs until it ends, is told to, or the block is left, which ends all its processes.

    Iterate over it for its lines, those to standard error included. peak_bytes: the peaks of its processes' memory,
    added up, so that what they share counts for each; 0 where the system does not tell (no Linux).

    folder: the one it runs in, None for ours. watch_every_s: how often its memory is looked at.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        timeout_s: float = TIMEOUT_S,
        folder: Path | None = None,
        watch_every_s: float = client_usage.SAMPLE_EVERY_S,
    ) -> None:
        self._command = command
        self._environment = dict(environment)
        self._timeout_s = timeout_s
        self._folder = folder
        self._watch_every_s = watch_every_s
        self._ended = threading.Event()
        self._peaks: dict[int, int] = {}
        self._last_lines: collections.deque[str] = collections.deque(maxlen=LINES_KEPT)

    def __enter__(self) -> WatchedProgram:
        self._started = time.monotonic()
        try:
            # a group of its own, so that it goes with all its processes
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise BenchmarkFailed(f"cannot start `{self._command[0]}`: {error.strerror}.") from error
        watched = (self._process.pid, self._timeout_s, self._ended, self._peaks, self._watch_every_s)
        self._watcher = threading.Thread(target=client_usage.watch, args=watched)
        self._watcher.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()
        self._watcher.join()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:  # all of them have ended
            pass
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __iter__(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._last_lines.append(line)
            yield line
        self._process.wait()

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._started

    @property
    def peak_bytes(self) -> int:
        """See the class; what was seen of it so far."""
        return sum(self._peaks.values())

    @property
    def succeeded(self) -> bool:
        """Whether it has ended with status 0."""
        return self._process.returncode == 0

    def resident_bytes(self) -> int:
        """The memory that its first process holds now. Raises BenchmarkFailed where the system does not tell."""
        held = client_usage.memory_of(self._process.pid, "VmRSS")
        if held is None:
            status = client_usage.PROCESSES / str(self._process.pid) / "status"
            raise BenchmarkFailed(f"{status} does not tell the memory; measure on Linux, or leave it out.")
        return held

    @property
    def pid(self) -> int:
        """The number of its first process."""
        return self._process.pid

    def look(self) -> None:
        """Look at its memory now."""
        client_usage.note_peaks(self._process.pid, self._peaks)

    def stop(self) -> None:
        """Ask it to end, by SIGTERM; its last lines can still be read."""
        self._process.send_signal(signal.SIGTERM)

    def stop_all(self) -> None:
        """Ask all its processes to end, by SIGTERM, those excepted that have made themselves independent."""
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
        except ProcessLookupError:  # all of them have ended
            pass

    def failure(self) -> BenchmarkFailed:
        """The error to raise when it did not do what it was started for."""
        said = "".join(self._last_lines).strip() or "nothing"
        name = " ".join(self._command[:4])
        return BenchmarkFailed(f"`{name} ...` ended with status {self._process.returncode}; its last words:\n{said}")
