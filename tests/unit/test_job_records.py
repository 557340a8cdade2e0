"""What job.json tells of a job once it is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from modelarts_local.job import processes
from modelarts_local.job.records import Job

BEGUN, ENDED = "2020-03-01T12:00:00.000Z", "2020-03-01T13:01:02.500Z"


def job(**members: Any) -> Job:
    return Job(Path("/nowhere"), {"id": "job1", "name": "a", "created": BEGUN, "status": "COMPLETED", **members})


def test_a_job_that_has_ended_lasted_from_its_first_process_to_its_end() -> None:
    assert job(started=BEGUN, ended=ENDED).duration_s == 3662.5


def test_a_job_that_runs_has_lasted_until_now() -> None:
    running = job(status="RUNNING", started=BEGUN, ended=None, supervisor=processes.identity(os.getpid()))
    lasted = running.duration_s
    assert lasted is not None and lasted > 3662.5


@pytest.mark.parametrize(
    "members",
    [
        {"started": None, "ended": ENDED},
        {},
        {"status": "RUNNING", "started": BEGUN, "ended": None, "supervisor": {"pid": 1, "started": "long ago"}},
    ],
)
def test_how_long_a_job_lasted_that_never_began_or_was_lost_is_not_known(members: dict[str, Any]) -> None:
    assert job(**members).duration_s is None
