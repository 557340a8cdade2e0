"""The log file of a job."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest

from modelarts_local.job.job_log import MAX_LOG_BYTES, TAIL_BYTES, JobLog, last_lines


def test_the_platforms_lines_stand_between_those_of_the_program_on_lines_of_their_own(tmp_path: Path) -> None:
    shown: list[bytes] = []
    with contextlib.closing(JobLog(tmp_path / "job.0", shown.append)) as log:
        log.say("begins")
        log.begin()
        os.write(log.fileno(), b"no end of line")
        log.say("ends")
        assert log.tail == "no end of line"
    expected = b"[ModelArts Service Log]begins\nno end of line\n[ModelArts Service Log]ends\n"
    assert (tmp_path / "job.0").read_bytes() == b"".join(shown) == expected


@pytest.mark.keeps("job-log-size", "train")
def test_a_log_is_cut_at_its_limit_and_the_platforms_lines_and_the_reason_survive(tmp_path: Path) -> None:
    assert MAX_LOG_BYTES == 1024**3
    shown: list[bytes] = []
    with contextlib.closing(JobLog(tmp_path / "job.0", shown.append, limit_bytes=100)) as log:
        for number in range(30):
            os.write(log.fileno(), b"line %04d\n" % number)
            log.follow()
        assert log.is_cut
        assert (tmp_path / "job.0").stat().st_size == 100
        assert log.tail.endswith("line 0029")
        log.say("first")
        log.say("second")
    content = (tmp_path / "job.0").read_bytes()
    assert content[:100] == b"".join(b"line %04d\n" % number for number in range(10))
    assert content[100:] == b"[ModelArts Service Log]first\n[ModelArts Service Log]second\n"
    assert b"".join(shown).count(b"line") == 30


@pytest.mark.parametrize("count", [0, 1, 3, 50])
@pytest.mark.parametrize(
    "content",
    [b"", b"one", b"one\ntwo\n", b"x" * TAIL_BYTES + b"\n" + b"y" * TAIL_BYTES + b"\nz\n", b"line\n" * TAIL_BYTES],
)
def test_the_last_lines_of_a_file_are_those_that_reading_it_whole_gives(content: bytes, count: int) -> None:
    stream = io.BytesIO(content)
    lines = content.splitlines(keepends=True)
    assert last_lines(stream, count) == b"".join(lines[len(lines) - min(count, len(lines)) :])
    assert stream.tell() == len(content)
