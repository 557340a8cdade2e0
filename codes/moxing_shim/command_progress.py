"""How far a copy is, on standard error: one line that changes on a terminal, a line now and then elsewhere."""
import sys
import time

from moxing_shim.command_list import size_text

REDRAW_EVERY_S = 0.1
LINE_EVERY_S = 10.0     # where standard error is a file, such as a job's log


class Progress:
    """Called as copy_parallel's `progress`; a context manager that leaves the line empty."""

    def __init__(self, is_quiet=False, stream=None, clock=time.monotonic):
        self.files = self.bytes = 0
        self._stream, self._clock, self._is_quiet = stream or sys.stderr, clock, is_quiet
        self._is_terminal = self._stream.isatty()
        self._started_s = self._shown_s = clock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._is_terminal and not self._is_quiet:
            self._show('\r\x1b[K')

    def __call__(self, files, total, size_bytes):
        """Take the files and bytes that are done, and the files there are, None while the source is listed."""
        self.files, self.bytes = files, size_bytes
        now_s = self._clock()
        if self._is_quiet or now_s - self._shown_s < (REDRAW_EVERY_S if self._is_terminal else LINE_EVERY_S):
            return
        self._shown_s = now_s
        line = progress_line(files, total, size_bytes, now_s - self._started_s)
        self._show(f'\r\x1b[K{line}' if self._is_terminal else line + '\n')

    def _show(self, text):
        self._stream.write(text)
        self._stream.flush()


def progress_line(files, total, size_bytes, seconds):
    """'120/480 files, 3.1 MiB, 1.0 MiB/s, 9 s left'; without the end while the number of files is not known."""
    line = f'{files}/{"?" if total is None else total} files, {size_text(size_bytes)}'
    if seconds > 0:
        line += f', {size_text(int(size_bytes / seconds))}/s'
    if total is not None and 0 < files < total:
        left_s = int(seconds / files * (total - files)) + 1
        hours, minutes = left_s // 3600, left_s // 60 % 60
        line += (f', {hours} h {minutes} min left' if hours else f', {minutes} min {left_s % 60} s left' if minutes
                 else f', {left_s} s left')
    return line
