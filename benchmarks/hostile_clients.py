"""Clients on bare sockets, which send what no library would."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from typing import Any, NamedTuple, Tuple

from benchmarks.hostile_requests import SlowRequest

Address = Tuple[str, int]
ANSWER_LIMIT_S = 45.0  # the platform's 40 s, and what a busy machine needs


class NoAnswer(Exception):
    """The connection ended, or nothing came in time, where an answer was due."""


class Answer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; raises NoAnswer when it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise NoAnswer(f"{self.status} without JSON: {self.body[:200]!r}") from error


class Client:
    """Sends one request after the other, on one connection while the service keeps it open. Not for two threads."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: socket.socket | None = None

    def ask(self, content: bytes, is_whole: bool = True) -> Answer:
        """Send a request and return its answer; raises NoAnswer.

        is_whole: whether the connection may be used again.
        """
        was_open = self._connection is not None
        try:
            return self._ask(content, is_whole)
        except (ConnectionError, http.client.BadStatusLine) as error:
            self.close()
            if not was_open:
                raise NoAnswer(f"the connection ended without an answer: {error!r}") from error
        # the service may close one on which nothing comes while a request is on its way: HTTP lets a client try again
        return Client(self._address).ask(content, False)

    def leave(self, content: bytes) -> None:
        """Send bytes and go."""
        self.close()
        connection = self._connect()
        with contextlib.suppress(ConnectionError):
            connection.sendall(content)
        self.close()

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> socket.socket:
        self._connection = socket.create_connection(self._address, timeout=ANSWER_LIMIT_S)
        return self._connection

    def _ask(self, content: bytes, is_whole: bool) -> Answer:
        connection = self._connection or self._connect()
        try:
            connection.sendall(content)
            answer, will_close = _read_answer(connection)
        except socket.timeout as error:
            self.close()
            raise NoAnswer(f"no answer within {ANSWER_LIMIT_S:g} s") from error
        if will_close or not is_whole:
            self.close()
        return answer


def ask_slowly(address: Address, request: SlowRequest) -> Answer | None:
    """Send a request's pieces until something comes; returns None when that is the end. Raises NoAnswer."""
    deadline = time.monotonic() + ANSWER_LIMIT_S
    with socket.create_connection(address, timeout=ANSWER_LIMIT_S) as connection:
        connection.sendall(request.start)
        while time.monotonic() < deadline:
            connection.settimeout(max(request.pause_s, 0.001))
            with contextlib.suppress(socket.timeout):
                if not connection.recv(1, socket.MSG_PEEK):
                    return None
                connection.settimeout(ANSWER_LIMIT_S)
                return _read_answer(connection)[0]
            connection.settimeout(ANSWER_LIMIT_S)
            with contextlib.suppress(ConnectionError):  # what came before its end can still be read
                connection.sendall(request.piece)
    raise NoAnswer(f"the connection was still open after {ANSWER_LIMIT_S:g} s, without an answer")


def _read_answer(connection: socket.socket) -> tuple[Answer, bool]:
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        return Answer(response.status, response.read()), response.will_close
    except http.client.IncompleteRead as error:
        raise NoAnswer(f"the answer ended in its middle: {error.partial[:200]!r}") from error
    finally:
        response.close()
