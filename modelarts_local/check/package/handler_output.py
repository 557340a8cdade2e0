"""What a handler prints while it is tried: counted, and forgotten."""

from __future__ import annotations

import os
import threading

_READ_BYTES = 64 * 1024


class HandlerOutput:
    """A pipe that is always read, so that a handler that prints without end waits for nobody.

    write_end: file descriptor for the process's standard output and error; `close_write_end` once it has it.
    """

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        self._lock = threading.Lock()
        self._is_ours_open = True
        self._count = 0
        self._reader = threading.Thread(target=self._read, name="handler output", daemon=True)
        self._reader.start()

    @property
    def count(self) -> int:
        """Number of bytes printed so far."""
        with self._lock:
            return self._count

    def close_write_end(self) -> None:
        """Give up our own copy; reading ends when those of the processes are closed, too."""
        if self._is_ours_open:
            self._is_ours_open = False
            os.close(self.write_end)

    def wait(self, limit_s: float) -> None:
        """Wait until all is read, or for limit_s seconds where a process that was left behind keeps it open."""
        self._reader.join(limit_s)

    def _read(self) -> None:
        with open(self._read_end, "rb", buffering=0) as stream:
            for chunk in iter(lambda: stream.read(_READ_BYTES), b""):
                with self._lock:
                    self._count += len(chunk)
