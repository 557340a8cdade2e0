"""A word to whoever waits: the steps of a trial that take longer than one expects."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Iterator

PATIENCE_S = 5.0  # chosen: all steps of a quick package take three together

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def slow_step(step: str, limit_s: float, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Log once that `step`, a clause, takes its time when the block lasts longer than patience_s.

    limit_s: seconds after which whoever does the step gives up.
    """
    timer = threading.Timer(patience_s, logger.info, ("%s takes a while; after %g s it is given up", step, limit_s))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
