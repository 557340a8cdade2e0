"""Requests that wait are answered together where the handler can do so, and by several processes where there are."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from modelarts_local.service.request_queue import Batching
from modelarts_local.service.restarts import RestartPolicy
from tests.model_packages import refusal_of, wait_until, write_package
from tests.served_models import Running, running

# Answers a picture with the number of those it came with, and waits while a file `hold` lies beside the model.
COUNTING_HANDLER = """
import os
import time

from mms.model_service.mxnet_model_service import MXNetBaseService


class BadImage(ValueError):
    http_status = 400


class CountingService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self.hold = os.path.join(os.path.dirname(model_dir), "hold")

    def inference(self, data):
        return self.answer(data, 1)

    def inference_many(self, requests):
        if any(data[0] == b"wrong number" for data in requests):
            return []
        return [self.outcome(data, len(requests)) for data in requests]

    def outcome(self, data, number):
        try:
            return self.answer(data, number)
        except BadImage as error:
            return error

    def answer(self, data, number):
        content = bytes(data[0])
        if content == b"bad":
            raise BadImage("the picture is torn")
        if content == b"exit":
            os._exit(7)
        if content == b"hold":
            with open(self.hold + ".seen", "w"):
                pass
            while os.path.exists(self.hold):
                time.sleep(0.005)
        return {"together": number, "pid": os.getpid()}
"""


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return write_package(tmp_path / "counting", COUNTING_HANDLER)


def send_while_held(service: Running, parent: Path, *contents: bytes) -> list[httpx.Response]:
    """Send these while the handler works on another one, which is not among the answers."""
    (parent / "hold").touch()
    with ThreadPoolExecutor(len(contents) + 1) as clients:
        first = clients.submit(service.send, b"hold")
        wait_until((parent / "hold.seen").exists, "the first picture at the handler")
        waiting = []
        for content in contents:  # one after the other, so that their order is known
            waiting.append(clients.submit(service.send, content))
            wait_until(lambda: service.model.waiting() == len(waiting), "a picture in the queue")
        (parent / "hold").unlink()
        assert first.result().json()["together"] == 1
        return [answer.result() for answer in waiting]


def test_requests_that_wait_reach_the_handler_together_up_to_the_limit(parent: Path) -> None:
    with running(parent, batching=Batching(max_batch=3)) as service:
        answers = send_while_held(service, parent, b"1", b"2", b"3", b"4", b"5")
        assert [answer.json()["together"] for answer in answers] == [3, 3, 3, 2, 2]
        metrics = service.get("/metrics").text
        assert 'modelarts_batch_size_sum{model="tested"} 6.0' in metrics
        assert 'modelarts_batch_size_count{model="tested"} 3.0' in metrics


def test_a_refused_picture_spoils_no_other_of_its_batch(parent: Path) -> None:
    with running(parent, batching=Batching(max_batch=8)) as service:
        good, bad, other = send_while_held(service, parent, b"1", b"bad", b"3")
        assert (good.status_code, good.json()["together"]) == (200, 3)
        assert (bad.status_code, refusal_of(bad)["error_msg"]) == (400, "the picture is torn")
        assert (other.status_code, other.json()["together"]) == (200, 3)


def test_too_few_answers_are_an_error_of_the_handler_and_shift_none(parent: Path) -> None:
    with running(parent, batching=Batching(max_batch=8)) as service:
        answers = send_while_held(service, parent, b"1", b"wrong number")
        said = "customize_service.py raised ValueError: inference_many returned no list of 2 answers"
        assert [(answer.status_code, refusal_of(answer)["error_msg"]) for answer in answers] == [(500, said)] * 2
        assert service.send(b"next").json()["together"] == 1


def test_all_of_a_batch_hear_that_the_process_ended_and_the_next_is_answered_by_another(parent: Path) -> None:
    with running(parent, batching=Batching(max_batch=8)) as service:
        answers = send_while_held(service, parent, b"1", b"exit", b"3")
        said = "the process of customize_service.py ended: exit code 7"
        assert [(answer.status_code, refusal_of(answer)["error_msg"]) for answer in answers] == [(500, said)] * 3
        service.wait_for_health("healthy")
        assert service.send(b"next").status_code == 200


@pytest.fixture
def two_workers(parent: Path) -> Iterator[Running]:
    with running(parent, restarts=RestartPolicy(waits_s=(600,)), workers=2) as service:
        yield service


def test_two_workers_answer_side_by_side(two_workers: Running, parent: Path) -> None:
    (parent / "hold").touch()
    with ThreadPoolExecutor(1) as clients:
        held = clients.submit(two_workers.send, b"hold")
        wait_until((parent / "hold.seen").exists, "the first picture at a handler")
        other = two_workers.send(b"1").json()
        (parent / "hold").unlink()
        assert held.result().json()["pid"] != other["pid"]


def test_a_model_answers_while_one_of_its_workers_does(two_workers: Running) -> None:
    lost = two_workers.send(b"exit")
    assert lost.status_code == 500
    assert two_workers.get("/health").status_code == 200
    assert {two_workers.send(b"1").status_code for _ in range(4)} == {200}
    metrics = two_workers.get("/metrics").text
    assert 'modelarts_workers{model="tested",state="healthy"} 1.0' in metrics
    assert 'modelarts_workers{model="tested",state="restarting"} 1.0' in metrics


def test_without_a_worker_left_it_is_503_with_the_reason_and_who_waits_hears_it(
    two_workers: Running, parent: Path
) -> None:
    two_workers.send(b"exit")
    answer = send_and_lose_the_worker(two_workers, parent)
    assert (answer.status_code, refusal_of(answer)["error_code"]) == (503, "ModelArts.4302")
    health = two_workers.get("/health")
    assert health.status_code == 503
    assert health.json()["reason"].startswith("the process of customize_service.py ended: ")


def send_and_lose_the_worker(service: Running, parent: Path) -> httpx.Response:
    """Send one while the only worker works on another one, and kill that worker; returns its answer."""
    pid = service.send(b"1").json()["pid"]
    (parent / "hold").touch()
    with ThreadPoolExecutor(2) as clients:
        held = clients.submit(service.send, b"hold")
        wait_until((parent / "hold.seen").exists, "the first picture at the handler")
        waiting = clients.submit(service.send, b"2")
        wait_until(lambda: service.model.waiting() == 1, "a picture in the queue")
        os.kill(pid, signal.SIGKILL)
        assert held.result().status_code == 500
        return waiting.result()
