"""Show how far a long operation is, how fast it goes and how long it will still take."""

from __future__ import annotations

import sys
import time
from typing import Callable, TextIO

OnProgress = Callable[[int, int], None]  # called with (units done, units in all)

_REDRAW_S = 0.2
_LINES = 10  # where the output is not a terminal: one line for each tenth


class Progress:
    """Writes one line that is kept up to date on a terminal, or a line for every tenth elsewhere.

    what: the verb, such as 'packing'. unit: 'images', or 'bytes', which are shown as MB.
    Call it with (units done, units in all); close it (or use `with`) to end the line.
    """

    def __init__(
        self, what: str, unit: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._unit = unit
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._started_s = clock()
        self._drawn_s = float("-inf")
        self._tenth = 0
        self._line_is_open = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._line_is_open:
            self._stream.write("\n")
            self._line_is_open = False

    def __call__(self, done: int, total: int) -> None:
        """Report that `done` of `total` units are finished; cheap enough for every unit."""
        now_s = self._clock()
        if self._stream.isatty():
            if now_s - self._drawn_s < _REDRAW_S and done < total:
                return
            self._stream.write(f"\r\x1b[K{self._line(done, total, now_s)}")
            self._line_is_open = True
        else:
            tenth = _LINES * done // max(total, 1)
            if tenth <= self._tenth:
                return
            self._tenth = tenth
            self._stream.write(f"{self._line(done, total, now_s)}\n")
        self._drawn_s = now_s
        self._stream.flush()

    def _line(self, done: int, total: int, now_s: float) -> str:
        elapsed_s = max(now_s - self._started_s, 1e-9)
        rate = done / elapsed_s
        eta_s = round((total - done) / rate) if rate else 0
        percent = 100 * done // max(total, 1)
        if self._unit == "bytes":
            amount = f"{done / 1e6:,.1f}/{total / 1e6:,.1f} MB"
            speed = f"{rate / 1e6:,.1f} MB/s"
        else:
            amount = f"{done:,}/{total:,} {self._unit}"
            speed = f"{rate:,.0f} {self._unit}/s"
        return f"{self._what} {amount}  {percent} %  {speed}  ETA {eta_s // 60}:{eta_s % 60:02d}"
