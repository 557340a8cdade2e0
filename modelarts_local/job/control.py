"""What may end a job before its program does: Ctrl-C, `stop`, a closed terminal, the time limit."""

from __future__ import annotations

import contextlib
import queue
import signal
import time
from types import FrameType
from typing import Any, Iterator

TICK_S = 0.1  # from one look at the log to the next
_SIGNALS = {
    signal.SIGINT: "interrupted by Ctrl-C",
    signal.SIGTERM: "stopped from outside, as by modelarts-local stop",
    signal.SIGHUP: "interrupted: the terminal was closed",
}


class Stopped(KeyboardInterrupt):
    """The job is to end now. reason: a clause that says why. is_time_up: whether the time limit is it.

    returncode: that of the program once it has ended, as subprocess has it; None when there was none.
    """

    returncode: int | None = None

    def __init__(self, reason: str, is_time_up: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_time_up = is_time_up


class Control:
    """Events of a job: what threads report, and the signals of this process.

    In a block that is `deferring` a signal is an event, which `next_event` raises, so that nothing is left half done.
    At any other moment it is raised as Stopped where it comes, so that a download or an upload ends at once.
    """

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()  # one that a signal handler may put into
        self._is_deferring = False
        self._deadline: float | None = None
        self._limit_text = ""

    def limit(self, seconds: float | None, text: str) -> None:
        """Have `next_event` raise Stopped after so many seconds from now; None for never. text: as a user reads it."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._limit_text = text

    def next_event(self) -> Any:
        """Return the next event, or None when none came within TICK_S. Raises Stopped."""
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise Stopped(f"it ran longer than --max-run-time, {self._limit_text}", is_time_up=True)
        try:
            event = self.events.get(timeout=TICK_S)
        except queue.Empty:
            return None
        if isinstance(event, Stopped):
            raise event
        return event

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Turn the signals that end programs into Stopped while the block runs; nohup and the like keep theirs off."""
        heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        previous = {number: signal.signal(number, self._on_signal) for number in heard}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def deferring(self) -> Iterator[None]:
        """Make an event of a signal that comes while the block runs; blocks do not nest."""
        self._is_deferring = True
        try:
            yield
        finally:
            self._is_deferring = False

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        stopped = Stopped(_SIGNALS[signal.Signals(number)])
        if not self._is_deferring:
            raise stopped
        self.events.put(stopped)
