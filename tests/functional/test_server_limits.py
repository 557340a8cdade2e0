"""The limits that the HTTP server keeps on behalf of a slow handler."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

import httpx
import pytest
import uvicorn

from modelarts_local.service.inference_thread import InferenceThread
from modelarts_local.service.serve import listen
from modelarts_local.service.server import MAX_IN_FLIGHT, RecognitionServer

DEADLINE_S = 30


class SlowService:
    """Answers when it is released."""

    def __init__(self) -> None:
        self.input_names = ["images"]
        self.released = threading.Event()

    def warm_up(self) -> None:
        pass

    def answer(self, images: list[bytes]) -> bytes:
        if not self.released.wait(DEADLINE_S):
            raise TimeoutError("the test did not release the service")
        return b'{"answered": true}'


@pytest.fixture
def service() -> Iterator[SlowService]:
    slow = SlowService()
    yield slow
    slow.released.set()


@contextlib.contextmanager
def served(service: SlowService, request_limit_s: float) -> Iterator[str]:
    app = RecognitionServer(service, InferenceThread(), lambda error: None, request_limit_s).app()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    with listen("127.0.0.1", 0) as listener:
        runner = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        runner.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        runner.join(DEADLINE_S)


def send(url: str) -> httpx.Response:
    return httpx.post(url, files={"images": b"1"}, timeout=DEADLINE_S, trust_env=False)


def test_a_handler_that_answers_too_late_is_504_and_the_next_request_is_served(service: SlowService) -> None:
    with served(service, request_limit_s=0.05) as url:
        response = send(url)
        assert response.status_code == 504
        assert response.json() == {
            "error_code": "ModelArts.4503",
            "error_msg": "the handler has not answered within 0.05 s.",
        }
        service.released.set()
        deadline = time.monotonic() + DEADLINE_S
        # the first request still occupies the thread for a moment
        while (response := send(url)).status_code == 504:
            assert time.monotonic() < deadline
        assert response.json() == {"answered": True}


def test_a_request_above_those_that_may_wait_is_refused_at_once(service: SlowService) -> None:
    with served(service, request_limit_s=DEADLINE_S) as url, ThreadPoolExecutor(MAX_IN_FLIGHT + 1) as clients:
        finished = as_completed([clients.submit(send, url) for _ in range(MAX_IN_FLIGHT + 1)])
        refused = next(finished).result()
        service.released.set()
        assert refused.status_code == 503
        assert refused.json() == {
            "error_code": "ModelArts.4206",
            "error_msg": f"{MAX_IN_FLIGHT} requests wait. Try later.",
        }
        assert [request.result().status_code for request in finished] == [200] * MAX_IN_FLIGHT
