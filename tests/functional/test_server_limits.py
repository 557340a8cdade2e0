"""The limits that the HTTP server keeps on behalf of a slow handler."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import httpx
import pytest

from modelarts_local.platform_rules import LIMITS, REQUEST_LIMIT_S
from modelarts_local.service.server import MAX_IN_FLIGHT
from tests.model_packages import START_DEADLINE_S, refusal_of, wait_until, write_package
from tests.served_models import Running, running

# Notes each picture that reaches it, and answers when no file of the picture's name lies beside the model.
GATED_HANDLER = """
import os
import time

from mms.model_service.mxnet_model_service import MXNetBaseService


class GatedService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._folder = os.path.dirname(model_dir)

    def inference(self, data):
        name = data[0].decode("latin-1") if len(data[0]) < 20 else "warm-up"
        with open(os.path.join(self._folder, "seen"), "a") as seen:
            seen.write(name + "\\n")
        while os.path.exists(os.path.join(self._folder, name)):
            time.sleep(0.01)
        return {"answered": True}
"""


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return write_package(tmp_path / "gated", GATED_HANDLER)


def seen(parent: Path) -> list[str]:
    return (parent / "seen").read_text().splitlines()


def late(limit_s: float, why: str) -> dict[str, str]:
    return {
        "error_code": "ModelArts.4503",
        "error_msg": f"the request is not answered within {limit_s:g} s of its arrival: {why}.",
    }


@pytest.mark.keeps("request-time", "serve")
def test_a_handler_that_works_too_long_is_504_its_process_ends_and_another_takes_its_place(parent: Path) -> None:
    assert REQUEST_LIMIT_S == LIMITS["request-time"].strictest == 40
    with running(parent, request_limit_s=1.0) as service:
        (parent / "slow").touch()
        response = service.send(b"slow")
        assert response.status_code == 504
        assert response.json()["error_code"] == "ModelArts.4503"
        wait_until(lambda: service.model.restart_count == 1, "a second process")
        service.wait_for_health("healthy")
        assert service.send(b"quick").json() == {"answered": True}


def test_time_in_the_queue_counts_and_what_waits_too_long_never_reaches_the_handler(parent: Path) -> None:
    limit_s = 3.0
    for name in ("first", "second"):
        (parent / name).touch()
    with running(parent, limit_s) as service, ThreadPoolExecutor(3) as clients:
        first = clients.submit(service.send, b"first")
        wait_until(lambda: seen(parent)[-1] == "first", "the first picture at the handler")
        second = clients.submit(service.send, b"second")
        wait_until(lambda: service.model.waiting() == 1, "the second picture in the queue")
        third = clients.submit(service.send, b"third")
        wait_until(lambda: service.model.waiting() == 2, "the third picture in the queue")
        arrived = time.monotonic()
        wait_until(lambda: time.monotonic() > arrived + limit_s / 4, "some time to wait for the first")
        (parent / "first").unlink()
        assert first.result().json() == {"answered": True}
        for request, why in ((second, "had not answered"), (third, "was busy with other requests")):
            answer = request.result()
            assert (answer.status_code, refusal_of(answer)) == (504, late(limit_s, f"the handler {why}"))
        # the handler has worked on the second for less than the limit, and goes on
        (parent / "second").unlink()
        assert service.send(b"fourth").json() == {"answered": True}
        assert seen(parent) == ["warm-up", "first", "second", "fourth"]
        assert service.model.restart_count == 0


def test_a_body_that_does_not_arrive_in_time_is_504_and_frees_its_place(parent: Path) -> None:
    with running(parent, request_limit_s=0.3) as service:
        url = httpx.URL(service.url)
        with socket.create_connection((url.host, url.port or 0), timeout=START_DEADLINE_S) as client:
            head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
            client.sendall(head)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert late(0.3, "its body had not arrived")["error_msg"].encode() in answer
        assert service.model.in_flight == 0


def fill(service: Running, clients: ThreadPoolExecutor) -> Iterator[httpx.Response]:
    requests = [clients.submit(service.send, b"1") for _ in range(MAX_IN_FLIGHT + 1)]
    return (request.result() for request in as_completed(requests))


def test_a_request_above_those_that_may_wait_is_refused_at_once(parent: Path) -> None:
    with running(parent) as service, ThreadPoolExecutor(MAX_IN_FLIGHT + 1) as clients:
        (parent / "1").touch()
        answers = fill(service, clients)
        refused = next(answers)
        (parent / "1").unlink()
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refusal_of(refused) == {
            "error_code": "ModelArts.4206",
            "error_msg": f"{MAX_IN_FLIGHT} requests wait. Try later.",
        }
        assert [answer.status_code for answer in answers] == [200] * MAX_IN_FLIGHT
