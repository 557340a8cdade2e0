"""Requests whose bytes were damaged on their way get no 5xx, leave no error in the log, and harm no other one."""

from __future__ import annotations

import base64
import contextlib
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model_packages import LENGTH_HANDLER, START_DEADLINE_S, wait_until, write_package
from tests.served_models import Defects, Running, running

QUIET_S = 0.05  # after which nothing more is waited for: an incomplete request has no answer
_FORM = b'--b\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n1234\r\n--b--\r\n'
_JSON = b'{"images": "' + base64.b64encode(b"1234") + b'"}'
WHOLE = [
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_FORM), _FORM),
    b"POST /v1/infers/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%s\r\n0\r\n\r\n" % (len(_JSON), _JSON),
    b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_JSON), _JSON),
]
# starlette leaves the file of a part that never ends to Python, which closes it
pytestmark = pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile")
HARMFUL = [
    b"\r\n",
    b"\n",
    b"\0",
    b":",
    b" ",
    b"\xff",
    b"0\r\n\r\n",
    b"Content-Length: 9\r\n",
    b"HTTP/0.9",
    b"[",
    b"%",
    b"/",
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    parent: Path = write_package(tmp_path_factory.mktemp("length"), LENGTH_HANDLER)
    with running(parent) as running_service:
        yield running_service


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Some requests after each other, with pieces cut out, doubled, replaced and put in."""
    content = b"".join(draw(st.lists(st.sampled_from(WHOLE), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(min_value=0, max_value=4))):
        first = draw(st.integers(min_value=0, max_value=len(content)))
        last = min(first + draw(st.integers(min_value=0, max_value=12)), len(content))
        piece = draw(st.sampled_from(HARMFUL) | st.binary(max_size=8) | st.just(content[first:last] * 2))
        content = content[:first] + piece + content[last:]
    return content


def exchange(service: Running, content: bytes) -> bytes:
    """Send bytes and return what comes until the service closes the connection or falls silent."""
    url = httpx.URL(service.url)
    said = b""
    with socket.create_connection((url.host, url.port or 0), timeout=START_DEADLINE_S) as client:
        with contextlib.suppress(ConnectionError, socket.timeout):
            client.sendall(content)
            client.settimeout(QUIET_S)
            while piece := client.recv(65536):
                said += piece
    return said


def statuses(said: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]


@settings(max_examples=200, deadline=None)
@given(content=damaged())
def test_a_damaged_request_gets_no_5xx_and_leaves_no_error_in_the_log(service: Running, content: bytes) -> None:
    with Defects.logged() as defects:
        said = exchange(service, content)
    assert defects == []
    answered = statuses(said)
    assert [status for status in answered if status >= 500] == [], said
    refused = [status for status in answered if status >= 400]
    assert said.count(b'"error_code"') == said.count(b'"request_id"') == len(refused), said


@pytest.mark.parametrize("content", WHOLE)
def test_the_undamaged_requests_are_answered(service: Running, content: bytes) -> None:
    assert statuses(exchange(service, content))[-1] == 200


@pytest.fixture(autouse=True)
def good_clients_are_answered(service: Running) -> Iterator[None]:
    yield
    assert service.send(b"1234").json() == {"bytes": 4}
    wait_until(lambda: service.model.in_flight == 0, "every place is free")


def test_an_error_would_be_seen() -> None:
    with Defects.logged() as defects:
        logging.getLogger("uvicorn.error").error("Exception in ASGI application")
    assert defects == ["Exception in ASGI application"]
