"""Clients that are slow, silent, too many or speak no HTTP lose their connection; good ones are answered meanwhile."""

from __future__ import annotations

import contextlib
import json
import re
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelarts_local.service.connections import ConnectionLimits, connection_limits
from modelarts_local.service.request_head import MAX_HEAD_BYTES
from tests.model_packages import LENGTH_HANDLER, START_DEADLINE_S, wait_until, write_package
from tests.served_models import Running, running

SHORT = ConnectionLimits(head_s=0.5, answer_s=1.5, rest_s=0.5, max_connections=20)
EVERY_S = 0.02
PIECE_OF_BODY = b"1\r\n \r\n"
CHUNKED = b"Host: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("length"), LENGTH_HANDLER)


@pytest.fixture(scope="module")
def service(parent: Path) -> Iterator[Running]:
    with running(parent, limits=SHORT, slow_body_s=0.5) as running_service:
        yield running_service


@pytest.fixture(autouse=True)
def good_clients_are_answered(service: Running) -> Iterator[None]:
    yield
    assert service.send(b"1234").json() == {"bytes": 4}


def connect(service: Running) -> socket.socket:
    url = httpx.URL(service.url)
    return socket.create_connection((url.host, url.port or 0), timeout=START_DEADLINE_S)


def drip(service: Running, start: bytes, piece: bytes) -> bytes:
    """Send pieces until the service closes the connection, and return all that it said; fails when it never does."""
    said = b""
    deadline = time.monotonic() + START_DEADLINE_S
    with connect(service) as client:
        client.sendall(start)
        client.settimeout(EVERY_S)
        while time.monotonic() < deadline:
            with contextlib.suppress(socket.timeout):
                try:
                    piece_said = client.recv(65536)
                except ConnectionError:  # it has closed, and what was on its way to it came back as a reset
                    return said
                if not piece_said:
                    return said
                said += piece_said
                continue
            try:
                client.sendall(piece)
            except ConnectionError:
                return said
    raise AssertionError(f"the connection is still open; it said {said!r}")


def one_answer(client: socket.socket) -> bytes:
    """Return the next answer of a connection that goes on; its head and its body may come apart."""
    said = b""
    while not said.endswith(b"}"):
        piece = client.recv(65536)
        assert piece, said
        said += piece
    return said


def refusal_in(said: bytes) -> tuple[int, str, str]:
    """Return status, code and sentence of an answer that is the only one on its connection."""
    head, _, body = said.partition(b"\r\n\r\n")
    headers = httpx.Headers([tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:]])  # type: ignore[misc]
    content: dict[str, Any] = json.loads(body)
    assert content["request_id"] == headers["x-request-id"]
    assert headers["server"] == "ModelArts"
    return int(head.split()[1]), content["error_code"], content["error_msg"]


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\n"])
def test_headers_that_drip_are_408_after_their_time(service: Running, start: bytes) -> None:
    assert refusal_in(drip(service, start, b"X: y\r\n")) == (
        408,
        "ModelArts.4205",
        "the request is not answered: its line and headers had not arrived within 0.5 s.",
    )


def test_a_connection_on_which_nothing_comes_is_closed_without_a_word(service: Running) -> None:
    assert drip(service, b"", b"") == b""


def test_the_head_of_a_second_request_has_no_more_time_than_that_of_the_first(service: Running) -> None:
    said = drip(service, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"G")
    assert said.count(b"HTTP/1.1 200 OK") == 1
    assert b"HTTP/1.1 408 Request Timeout" in said


@pytest.mark.parametrize("length", [b"Transfer-Encoding: chunked", b"Content-Length: 99999"])
def test_a_body_that_drips_is_408_frees_its_place_and_is_not_read_for_ever(service: Running, length: bytes) -> None:
    start = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + length + b"\r\n\r\n"
    status, code, message = refusal_in(drip(service, start, PIECE_OF_BODY))
    assert (status, code) == (408, "ModelArts.4205")
    assert re.fullmatch(r"\d+ bytes of the body came in 0\.\d s\. Send it in one go\.", message)
    wait_until(lambda: service.model.in_flight == 0, "its place is free")


@pytest.mark.parametrize(
    ("line", "status"),
    [(b"PUT / HTTP/1.1\r\n", 405), (b"POST /nothing HTTP/1.1\r\n", 404), (b"GET / HTTP/1.1\r\n", 200)],
)
def test_a_body_without_end_that_nobody_reads_is_not_taken_for_ever(service: Running, line: bytes, status: int) -> None:
    assert drip(service, line + CHUNKED, PIECE_OF_BODY).startswith(b"HTTP/1.1 %d " % status)


def test_the_rest_of_a_refused_body_may_come_and_the_connection_goes_on(service: Running) -> None:
    with connect(service) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12")
        assert one_answer(client).startswith(b"HTTP/1.1 405 ")
        client.sendall(b"34GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert one_answer(client).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_asks_and_never_reads_is_cut_off(service: Running) -> None:
    with connect(service) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(EVERY_S)
        many = b"GET /page/samples/flower.jpg HTTP/1.1\r\nHost: x\r\n\r\n" * 100

        def is_cut_off() -> bool:
            try:
                client.sendall(many)
            except socket.timeout:
                return False
            except ConnectionError:
                return True
            return False

        wait_until(is_cut_off, "the service gives up a client that does not read")


def test_a_new_connection_takes_the_place_of_the_one_that_has_waited_longest(service: Running) -> None:
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(connect(service)) for _ in range(SHORT.max_connections)]
        for client in waiting:
            client.sendall(b"GET /health HTTP/1.1\r\n")
        assert service.get("/health").status_code == 200
        oldest = b"".join(iter(lambda: waiting[0].recv(65536), b""))
        assert refusal_in(oldest) == (
            408,
            "ModelArts.4205",
            "the request is not answered: there are too many connections, and its line and headers had not arrived.",
        )


def test_where_every_connection_has_a_request_a_new_one_is_503_with_when_to_come_again(parent: Path) -> None:
    limits = ConnectionLimits(max_connections=2)
    start = b"POST / HTTP/1.1\r\n" + CHUNKED + PIECE_OF_BODY
    with running(parent, limits=limits) as service, connect(service) as first, connect(service) as second:
        for client in (first, second):
            client.sendall(start)
        wait_until(lambda: service.model.in_flight == 2, "both are being read")
        with connect(service) as third:
            said = b"".join(iter(lambda: third.recv(65536), b""))
    assert refusal_in(said) == (503, "ModelArts.4206", "2 connections are open. Try later.")
    assert b"retry-after: 1\r\n" in said.lower()


def test_the_connections_fit_the_descriptors_that_the_process_may_have() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert connection_limits().max_connections == 64
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ask(service: Running, content: bytes) -> bytes:
    """Send bytes and return all that comes until the service closes the connection."""
    with connect(service) as client:
        client.sendall(content)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"\x16\x03\x01\x02\x00\r\n\r\n",
            r"this is no request of HTTP/1.1: illegal request line: b'\x16\x03\x01\x02\x00'.",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", "this is no request of HTTP/1.1: Missing mandatory Host: header."),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
            "this is no request of HTTP/1.1: bad Content-Length.",
        ),
        (
            b"POST / HTTP/1.1\r\n" + CHUNKED + b"five\r\nhello\r\n",
            "this is no request of HTTP/1.1: illegal chunk header: b'five",
        ),
    ],
)
def test_what_is_no_http_is_400_in_the_services_own_form(service: Running, content: bytes, sentence: str) -> None:
    status, code, said = refusal_in(ask(service, content))
    assert (status, code) == (400, "ModelArts.4104")
    assert said.startswith(sentence)
    wait_until(lambda: service.model.in_flight == 0, "its place is free")


def test_a_quoted_line_is_cut_short(service: Running) -> None:
    _, _, sentence = refusal_in(ask(service, b"\x00" * 60_000 + b"\r\n\r\n"))
    assert len(sentence) < 300


@pytest.mark.parametrize("pieces", [1, 5])
def test_a_head_that_is_too_long_is_431_in_whatever_pieces_it_comes(service: Running, pieces: int) -> None:
    content = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"
    size = -(-len(content) // pieces)
    with connect(service) as client:
        with contextlib.suppress(ConnectionError):  # it need not wait for all of it
            for start in range(0, len(content), size):
                client.sendall(content[start : start + size])
                time.sleep(0 if pieces == 1 else EVERY_S)
        said = b"".join(iter(lambda: client.recv(65536), b""))
    sentence = f"the request's line and headers have more than {MAX_HEAD_BYTES} bytes. Send fewer or shorter ones."
    assert refusal_in(said) == (431, "ModelArts.4104", sentence)


def test_a_long_token_of_the_platform_passes(service: Running) -> None:
    assert httpx.get(service.url, headers={"X-Auth-Token": "t" * 30_000}, trust_env=False).status_code == 200


def test_a_request_that_turns_bad_after_its_answer_leaves_no_traceback(
    service: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(service) as client:
        client.sendall(b"PUT / HTTP/1.1\r\n" + CHUNKED + b"1\r\n1\r\n")
        assert one_answer(client).startswith(b"HTTP/1.1 405 ")
        client.sendall(b"no chunk\r\n")
        said = b"".join(iter(lambda: client.recv(65536), b""))
    assert said == b""
    assert [record for record in caplog.records if record.exc_info] == []
