"""Fixtures that more than one group of tests uses."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator

import pytest

pytest_plugins = [
    "tests.fixtures_s3",
    "tests.fixtures_engines",
    "tests.fixtures_browser",
    "tests.fixtures_platform",
]

# Those that a command line sets up for its process, which is that of the tests where they call it as a function
LOGGERS = ("modelarts_local", "moxing", "obs_layout", "uvicorn.error", "python_multipart")


def pytest_configure() -> None:
    """Let the programs that tests start heed Ctrl-C and a closed terminal, also when the tests run in the background.

    A shell lets such a command ignore SIGINT, nohup lets one ignore SIGHUP, and what it starts inherits that.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    """Put back what a command line has set of the loggers."""
    before = [
        (logger, logger.level, logger.propagate, logger.handlers[:]) for logger in map(logging.getLogger, LOGGERS)
    ]
    yield
    for logger, level, propagate, handlers in before:
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers
