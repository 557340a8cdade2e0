"""Where a handler hangs: the stack that its process writes into a pipe when it is asked for it by a signal.

The process writes it with faulthandler, in C and in the signal's own handler, so that it comes, too, from a handler
that waits inside a library and never returns to Python.
"""

from __future__ import annotations

import os
import re
import select
import time

WAIT_S = 1.0  # chosen: a process that gives no answer in this time gives none
_QUIET_S = 0.1  # the whole stack is written at once
_MAX_BYTES = 256 * 1024  # 100 frames, which faulthandler writes at most, are half of it
_FRAME = re.compile(r'  File "([ -~]+)", line ([0-9]{1,9}) in ([ -~]+)')


def read_stack(pipe: int) -> str:
    """Return what arrives in a pipe until it is quiet, after WAIT_S seconds at the latest; it may be nothing."""
    content, deadline, patience_s = b"", time.monotonic() + WAIT_S, WAIT_S
    while len(content) < _MAX_BYTES and time.monotonic() < deadline:
        if not select.select([pipe], [], [], patience_s)[0]:
            break
        arrived = os.read(pipe, _MAX_BYTES)
        if not arrived:
            break
        content, patience_s = content + arrived, _QUIET_S
    return content.decode("ascii", "backslashreplace")


def as_trace(stack: str) -> str:
    """Return the frames of a faulthandler's stack in a traceback's order, the innermost last; empty without one."""
    frames = [match.group() for match in map(_FRAME.fullmatch, stack.splitlines()) if match]
    title = ["Stack when it was ended (most recent call last):"] if frames else []
    return "".join(f"{line}\n" for line in title + frames[::-1])


def innermost_place(stack: str, folder: str) -> str | None:
    """Return `file:line` of the innermost frame whose file lies below `folder`; None when there is none."""
    below = folder.encode("ascii", "backslashreplace").decode("ascii") + os.sep  # as faulthandler writes it
    for match in filter(None, map(_FRAME.fullmatch, stack.splitlines())):
        if match[1].startswith(below):
            return f"{match[1][len(below) :]}:{match[2]}"
    return None
