"""What waits for a handler: in order, no more at once than it takes, and never lost."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelarts_local.errors import ModelUnavailable
from modelarts_local.service.request_queue import Batching, PendingAnswer, RequestQueue
from tests.model_packages import START_DEADLINE_S, wait_until


def pending(name: bytes) -> PendingAnswer:
    return PendingAnswer([name], limit_s=40)


def queue_of(*names: bytes) -> RequestQueue:
    requests = RequestQueue()
    for name in names:
        requests.put(pending(name))
    return requests


def names_of(taken: list[PendingAnswer]) -> list[bytes]:
    return [request.images[0] for request in taken]


def never() -> bool:
    return False


def test_requests_come_in_order_and_at_most_so_many_at_once() -> None:
    requests = queue_of(b"1", b"2", b"3", b"4", b"5")
    assert names_of(requests.take(Batching(2), never)) == [b"1", b"2"]
    assert names_of(requests.take(Batching(), never)) == [b"3"]
    assert names_of(requests.take(Batching(8), never)) == [b"4", b"5"]
    assert len(requests) == 0


def test_the_first_does_not_wait_for_more_without_a_delay() -> None:
    assert names_of(queue_of(b"1").take(Batching(8, 0), never)) == [b"1"]


def test_with_a_delay_the_first_waits_until_enough_are_there() -> None:
    requests = queue_of(b"1")
    with ThreadPoolExecutor(1) as threads:
        taken = threads.submit(requests.take, Batching(2, START_DEADLINE_S), never)
        requests.put(pending(b"2"))
        assert names_of(taken.result(START_DEADLINE_S)) == [b"1", b"2"]


def test_with_a_delay_the_first_goes_alone_when_it_is_over() -> None:
    assert names_of(queue_of(b"1").take(Batching(2, 0.01), never)) == [b"1"]


def test_a_request_that_nobody_waits_for_is_left_out() -> None:
    requests = RequestQueue()
    left, waited_for = pending(b"left"), pending(b"waited for")
    requests.put(left)
    requests.put(waited_for)
    assert left.future.cancel()
    assert names_of(requests.take(Batching(8), never)) == [b"waited for"]


def test_a_taken_request_knows_how_long_it_waited_and_how_long_its_turn_lasts() -> None:
    request = PendingAnswer([b""], limit_s=1000)
    assert request.turn_left_s() is None
    time.sleep(0.01)
    assert request.begin()
    assert request.queued_s >= 0.01
    assert 0 < (request.turn_left_s() or 0) <= 1000
    assert not request.future.cancel(), "its turn has come"


def test_refused_requests_fail_and_are_not_taken() -> None:
    requests, request = RequestQueue(), pending(b"1")
    requests.put(request)
    requests.refuse_all(ModelUnavailable("model v1 has failed", None))
    assert len(requests) == 0
    with pytest.raises(ModelUnavailable, match="model v1 has failed"):
        request.future.result(0)


def test_who_is_wanted_elsewhere_leaves_with_nothing() -> None:
    requests, is_wanted = RequestQueue(), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        taken = threads.submit(requests.take, Batching(), is_wanted.is_set)
        wait_until(taken.running, "a handler that waits for requests")
        is_wanted.set()
        requests.wake()
        assert taken.result(START_DEADLINE_S) == []
