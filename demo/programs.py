"""Programs that the demo starts and that never outlive it."""

from __future__ import annotations

import contextlib
import subprocess
from typing import Any, Iterator, Sequence

STOP_TIMEOUT_S = 10  # chosen; the service takes about a second


@contextlib.contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Yield the started program, which is ended with the block, however that ends.

    options: of subprocess.Popen. SIGTERM ends the program, SIGKILL after STOP_TIMEOUT_S. Pipes hold text.
    """
    with subprocess.Popen(command, text=True, **options) as program:
        try:
            yield program
        finally:
            program.terminate()
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    program.wait(STOP_TIMEOUT_S)
            finally:  # after a second Ctrl-C too; a program that has ended is left alone
                program.kill()
