"""The log of a training job, in a file and on a terminal."""

from __future__ import annotations

import argparse
import io
import logging
from collections.abc import Iterator
from typing import Callable

import numpy as np
import pytest

from tests.terminals import Clock, Terminal

import progress
from training.measures import RunningMeasures

OPTIONS = argparse.Namespace(disp_batches=20, batch_size=10, num_epochs=3)
ERASE = "\r\x1b[K"


@pytest.fixture
def log_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[io.StringIO], io.StringIO]]:
    """A function that logs to a stream as the job does; afterwards the loggers are as they were."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    levels = {logger: logger.level for logger in (progress.log, progress.status)}
    handlers: list[logging.Handler] = []

    def begin(stream: io.StringIO) -> io.StringIO:
        handlers.append(progress.LogHandler(stream))
        progress.log.addHandler(handlers[-1])
        progress.log.setLevel(logging.INFO)
        return stream

    yield begin
    for handler in handlers:
        progress.log.removeHandler(handler)
    for logger, level in levels.items():
        logger.setLevel(level)


def train(num_batches: int, clock: Clock, seconds_a_batch: float = 0.5) -> None:
    """Tick through one epoch of 40 batches or the beginning of it."""
    speed, measures = progress.SpeedLog(0, 40, OPTIONS, clock), RunningMeasures()
    for number in range(1, num_batches + 1):
        clock.now_s += seconds_a_batch
        measures.add(np.array([[0.25, 0.75]]), np.array([1]))
        speed.tick(number, measures)


def test_a_file_gets_the_tutorials_lines_and_nothing_else(log_to: Callable[[io.StringIO], io.StringIO]) -> None:
    stream = log_to(io.StringIO())
    train(40, Clock())
    measures = "accuracy=1.000000\tcross-entropy=0.287682\ttop_k_accuracy_5=1.000000"
    assert stream.getvalue().splitlines() == [
        f"Epoch[0] Batch [20]\tSpeed: 20.00 samples/sec\t{measures}\teta_s=50",
        f"Epoch[0] Batch [40]\tSpeed: 20.00 samples/sec\t{measures}\teta_s=40",
    ]


def test_a_terminal_gets_a_line_that_is_redrawn_in_place(log_to: Callable[[io.StringIO], io.StringIO]) -> None:
    stream = log_to(Terminal())
    train(2, Clock())
    assert stream.getvalue().split(ERASE) == [
        "",
        "epoch 1/3  batch 1/40  20.0 images/s  loss 0.2877  ETA 1:00",
        "epoch 1/3  batch 2/40  20.0 images/s  loss 0.2877  ETA 0:59",
    ]


def test_it_is_not_redrawn_more_often_than_an_eye_can_follow(log_to: Callable[[io.StringIO], io.StringIO]) -> None:
    stream = log_to(Terminal())
    train(10, Clock(), seconds_a_batch=0.0625)
    assert [line.split()[3] for line in stream.getvalue().split(ERASE)[1:]] == ["1/40", "5/40", "9/40"]


def test_log_lines_of_a_terminal_stand_above_it(log_to: Callable[[io.StringIO], io.StringIO]) -> None:
    stream = log_to(Terminal())
    train(20, Clock())
    *_, before, after = stream.getvalue().split(ERASE)
    assert before.startswith("epoch 1/3  batch 20/40")
    assert after.startswith("Epoch[0] Batch [20]\tSpeed: 20.00 samples/sec\t")
    assert after.endswith("\n" + before)


def test_it_is_gone_when_the_batches_of_the_epoch_are_done(log_to: Callable[[io.StringIO], io.StringIO]) -> None:
    stream = log_to(Terminal())
    train(40, Clock())
    progress.log.info("Epoch[0] Train-accuracy=1")
    assert stream.getvalue().endswith("eta_s=40\nEpoch[0] Train-accuracy=1\n")


def test_it_is_gone_when_an_error_ends_the_job(log_to: Callable[[io.StringIO], io.StringIO]) -> None:
    stream = log_to(Terminal())
    train(5, Clock())
    progress.log.error("interrupted")
    assert stream.getvalue().endswith(f"{ERASE}interrupted\n")


def test_it_fits_into_a_narrow_terminal(
    log_to: Callable[[io.StringIO], io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = log_to(Terminal())
    train(1, Clock())
    assert stream.getvalue() == f"{ERASE}epoch 1/3  batch 1/40  20.0 i"


def test_a_terminal_that_cannot_move_its_cursor_gets_lines_alone(
    log_to: Callable[[io.StringIO], io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = log_to(Terminal())
    train(5, Clock())
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("seconds", "text"), [(9.4, "0:09"), (754, "12:34"), (3723, "1:02:03")])
def test_the_time_left_is_shown_as_on_a_clock(seconds: float, text: str) -> None:
    assert progress.clock_time(seconds) == text
