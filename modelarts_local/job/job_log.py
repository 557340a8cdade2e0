"""A job's log: what the program prints, to its last byte, between the platform's own lines (contract 1.8).

The program writes into the file itself. Nothing that becomes of `train` can then lose a line, or end the program by a
broken pipe; `train` reads the file to show it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Callable

from ..platform_rules import LIMITS

SERVICE_MARK = "[ModelArts Service Log]"
MAX_LOG_BYTES: int = LIMITS["job-log-size"].first
TAIL_BYTES = 64 * 1024  # of the end, in which the reason of a failure is looked for; chosen
_CHUNK_BYTES = 1024 * 1024

Show = Callable[[bytes], None]


class JobLog:
    """One node's log file, open for adding to its end.

    path: the file, which is made. show: gets each piece once it is in the file. limit_bytes: where the log is cut.
    """

    def __init__(self, path: Path, show: Show, limit_bytes: int = MAX_LOG_BYTES) -> None:
        self.path = path
        self.is_cut = False
        self._show = show
        self.limit_bytes = limit_bytes
        self._kept_bytes = limit_bytes
        self._output = open(path, "ab", buffering=0)  # noqa: SIM115  both until `close`
        self._input: BinaryIO = open(path, "rb", buffering=0)  # noqa: SIM115
        self._tail = b""

    def fileno(self) -> int:
        """The file's descriptor, for a program to write to."""
        return self._output.fileno()

    def begin(self) -> None:
        """Forget the tail, as another program is about to write."""
        self.follow()
        self._tail = b""

    def say(self, text: str) -> None:
        """Add a line of the platform's own, or several; what the program left unfinished is ended first."""
        self.follow()
        start = b"\n" if self._tail and not self._tail.endswith(b"\n") else b""
        lines = start + "".join(f"{SERVICE_MARK}{line}\n" for line in text.splitlines()).encode("utf-8", "replace")
        if self.is_cut:
            self._kept_bytes += len(lines)  # the platform's own lines are kept
        self._output.write(lines)
        self._read_all()

    def follow(self) -> None:
        """Show what was added since the last call, and cut the file where the platform cuts it, at 1 GiB.

        After the cut what the program prints is still shown here and not kept.
        """
        self._read_all()
        if os.fstat(self.fileno()).st_size > self._kept_bytes:
            os.ftruncate(self.fileno(), self._kept_bytes)
            self._input.seek(self._kept_bytes)
            self.is_cut = True

    def _read_all(self) -> None:
        while True:
            piece = self._input.read(_CHUNK_BYTES)
            if not piece:
                return
            self._tail = (self._tail + piece)[-TAIL_BYTES:]
            self._show(piece)

    @property
    def tail(self) -> str:
        """The end of what was written since `begin`, the cut part of a long log included, without our own lines."""
        lines = (line.rstrip() for line in self._tail.decode("utf-8", "replace").splitlines())
        return "\n".join(line for line in lines if line and not line.startswith(SERVICE_MARK))

    def close(self) -> None:
        """Close the file; what was written stays."""
        self._output.close()
        self._input.close()


def last_lines(stream: BinaryIO, count: int) -> bytes:
    """Return the last `count` lines of a file, reading no more of it than that needs; the stream is then at its end."""
    start = end = stream.seek(0, os.SEEK_END)
    content = b""
    while start > 0 and content.count(b"\n") <= count:
        size = min(start, TAIL_BYTES)
        start -= size
        stream.seek(start)
        content = stream.read(size) + content
    stream.seek(end)
    lines = content.splitlines(keepends=True)
    return b"".join(lines[max(0, len(lines) - count) :])
