"""Fixtures that more than one group of tests uses."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.fixtures_s3", "tests.fixtures_engines", "tests.fixtures_browser"]

# Those that a command line sets up for its process, which is that of the tests where they call it as a function
LOGGERS = ("modelarts_local", "moxing", "obs_layout", "uvicorn.error")


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
