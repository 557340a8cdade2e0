"""What a trial says of the steps that take longer than one expects."""

from __future__ import annotations

import logging
import queue
import re
from logging.handlers import QueueHandler
from typing import Iterator

import pytest

from modelarts_local.check.package import slow_steps
from modelarts_local.check.package.slow_steps import slow_step

DEADLINE_S = 20
Records = queue.Queue


@pytest.fixture
def records() -> Iterator[Records]:
    said: Records = queue.Queue()
    handler, level = QueueHandler(said), slow_steps.logger.level
    slow_steps.logger.addHandler(handler)
    slow_steps.logger.setLevel(logging.INFO)
    yield said
    slow_steps.logger.removeHandler(handler)
    slow_steps.logger.setLevel(level)


def test_a_step_that_takes_its_time_is_told_while_it_goes_on(records: Records) -> None:
    with slow_step("loading m/customize_service.py", limit_s=300, patience_s=0.01, interval_s=DEADLINE_S):
        said = records.get(timeout=DEADLINE_S)
    assert said.getMessage() == "loading m/customize_service.py takes a while; after 300 s it is given up"
    assert records.empty()


def test_it_is_told_again_and_again_what_is_waited_for_and_until_when(records: Records) -> None:
    with slow_step("loading m/customize_service.py", limit_s=300, patience_s=0.01, interval_s=0.01):
        said = [records.get(timeout=DEADLINE_S).getMessage() for _ in range(3)]
    again = r"loading m/customize_service\.py: waited for [0-9]+ s; in [0-9]+ s it is given up"
    assert all(re.fullmatch(again, line) for line in said[1:]), said


def test_nothing_is_said_of_a_step_that_ends_in_time_or_fails(records: Records) -> None:
    with pytest.raises(ValueError), slow_step("loading", limit_s=300, patience_s=DEADLINE_S):
        raise ValueError
    with slow_step("loading", limit_s=300, patience_s=DEADLINE_S):
        pass
    assert records.empty()
