"""Good and hostile requests at once: each gets its answer, and the service stays as it was."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from benchmarks.hostile_load import Load, Result, send
from benchmarks.served_package import ServedPackage
from tests.fixtures_engines import FinishedJob

REQUESTS = 1500

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory and descriptors of a process are told by /proc")


@pytest.fixture(scope="module")
def served(finished_job: FinishedJob) -> Iterator[ServedPackage]:
    with ServedPackage(finished_job.folder) as package:
        yield package


@pytest.fixture(scope="module")
def result(served: ServedPackage) -> Result:
    return send(served, Load(REQUESTS))


def test_each_request_gets_its_answer_and_the_service_holds_no_more_than_before(result: Result) -> None:
    assert sum(result.counts.values()) == REQUESTS
    assert result.complaints() == []


def test_no_request_is_a_defect_of_the_service(result: Result, served: ServedPackage) -> None:
    lines = served.log().splitlines()
    assert len([line for line in lines if " modelarts_local.service.access_log: " in line]) > REQUESTS / 2
    assert [line for line in lines if "Traceback" in line or " ERROR " in line] == []


def test_what_does_not_settle_or_changes_process_is_told(result: Result) -> None:
    grown = result.late._replace(
        handler=1, handler_bytes=2 * result.late.handler_bytes, server_descriptors=result.late.server_descriptors + 1
    )
    said = result._replace(late=grown).complaints()
    assert len(said) == 3
    assert said[0].startswith("the server had ") and said[0].endswith(" at last")
    assert said[1] == "the handler has ended, and another process took its place"
    assert said[2].startswith("the handler had ") and " MiB after a third, " in said[2]
