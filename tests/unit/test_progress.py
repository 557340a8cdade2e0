"""Progress: one living line on a terminal, a line for each tenth elsewhere."""

from __future__ import annotations

import io

from obs_layout.progress import Progress
from tests.terminals import Clock, Terminal


def test_a_line_for_each_tenth_with_rate_and_time_left() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress("packing", "images", stream, clock) as progress:
        for done in range(1, 1001):
            clock.now_s += 0.5
            progress(done, 1000)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "packing 100/1,000 images  10 %  2 images/s  ETA 7:30"
    assert lines[-1] == "packing 1,000/1,000 images  100 %  2 images/s  ETA 0:00"


def test_bytes_are_shown_as_megabytes() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress("pushing", "bytes", stream, clock)
    clock.now_s += 2
    progress(50_000_000, 200_000_000)
    assert stream.getvalue() == "pushing 50.0/200.0 MB  25 %  25.0 MB/s  ETA 0:06\n"


def test_a_terminal_gets_one_line_that_is_redrawn_now_and_then() -> None:
    stream, clock = Terminal(), Clock()
    with Progress("packing", "images", stream, clock) as progress:
        for done in range(1, 101):
            clock.now_s += 0.01
            progress(done, 100)
    drawn = stream.getvalue().split("\r\x1b[K")
    assert 5 <= len(drawn) <= 8  # a second in all, a fifth of a second between two
    assert drawn[-1] == "packing 100/100 images  100 %  100 images/s  ETA 0:00\n"


def test_nothing_to_do_is_shown_without_dividing_by_zero() -> None:
    stream = Terminal()
    with Progress("pushing", "bytes", stream, Clock()) as progress:
        progress(0, 0)
    assert "0.0/0.0 MB  0 %" in stream.getvalue()
