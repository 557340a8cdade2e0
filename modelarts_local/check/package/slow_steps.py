"""A word to whoever waits: the steps of a trial that take longer than one expects."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import Iterator

PATIENCE_S = 5.0  # chosen: all steps of a quick package take three together
INTERVAL_S = 10.0  # chosen: who waits sees that it goes on, and can still read the lines

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def slow_step(
    step: str, limit_s: float, patience_s: float = PATIENCE_S, interval_s: float = INTERVAL_S
) -> Iterator[None]:
    """Log that `step`, a clause, takes its time: once the block has lasted patience_s, and then every interval_s.

    limit_s: seconds after which whoever does the step gives up.
    """
    is_done = threading.Event()
    teller = threading.Thread(
        target=_tell, args=(is_done, step, limit_s, patience_s, interval_s), name="slow-step", daemon=True
    )
    teller.start()
    try:
        yield
    finally:
        is_done.set()
        teller.join()


def _tell(is_done: threading.Event, step: str, limit_s: float, patience_s: float, interval_s: float) -> None:
    began = time.monotonic()
    if is_done.wait(patience_s):
        return
    logger.info("%s takes a while; after %g s it is given up", step, limit_s)
    while not is_done.wait(interval_s):
        waited_s = time.monotonic() - began
        logger.info("%s: waited for %.0f s; in %.0f s it is given up", step, waited_s, max(limit_s - waited_s, 0))
