"""What one client may cost the service: connections that are slow, silent or no HTTP end with a sentence.

uvicorn by itself gives a request's head as long as it likes, reads a body that nobody wants for ever, and takes
connections until the process has no descriptor left for a good one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import resource
import socket
import struct
import sys
import uuid
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import h11
from starlette.datastructures import MutableHeaders
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..platform_rules import (
    CODE_CONNECTION_TIMEOUT,
    CODE_INVALID_BODY,
    CODE_TOO_MANY_REQUESTS,
    REQUEST_LIMIT_S,
)
from .error_answers import printable
from .request_head import TOO_LONG

logger = logging.getLogger(__name__)

SERVER = "ModelArts"  # clients of the platform tell by this header that the model answered and not the gateway
KEEP_ALIVE_S = 5  # as long as uvicorn keeps a connection open on which nothing comes
CLOSE_LIMIT_S = 5.0  # chosen: in which a client takes what was sent to it before its connection was closed
MAX_SAID_CHARACTERS = 200  # chosen: h11 quotes what it does not understand, all of it
MAX_CONNECTIONS = 256  # chosen: eight times the requests that may wait, so that there is room to tell the others so
# chosen: a request that waits may have its body in temporary files, one descriptor each
_SHARE_OF_DESCRIPTORS = 4

# What a connection is waiting for
HEAD, ANSWER, REST, END = "head", "answer", "rest", "end"


class ConnectionLimits(NamedTuple):
    """How long a connection may be in each state, and how many there may be.

    head_s: from its beginning, or from the last answer, until line and headers of a request are there.
    answer_s: until a request is answered and its client has taken the answer. rest_s: after an answer, in which the
        rest of a body may come that was refused: a client that sends all before it reads gets its answer, too.
    """

    head_s: float = 10.0  # chosen: a head is sent at once, and 10 s are enough for three lost packets
    answer_s: float = REQUEST_LIMIT_S + 20.0  # chosen: what is late is 504 before that, so this ends who does not read
    rest_s: float = 15.0  # chosen: 12 MB at 1 MB/s
    max_connections: int = MAX_CONNECTIONS


def connection_limits() -> ConnectionLimits:
    """Return the limits that fit the descriptors that this process may have; macOS gives 256 unless told otherwise."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return ConnectionLimits()
    return ConnectionLimits(max_connections=max(1, min(MAX_CONNECTIONS, descriptors // _SHARE_OF_DESCRIPTORS)))


def bounded_connections(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """Return the class of connections for uvicorn, which makes them itself, with these limits."""
    return cast("type[asyncio.Protocol]", type("LimitedConnection", (BoundedConnection,), {"limits": limits}))


class BoundedConnection(H11Protocol):
    """A connection of uvicorn that ends when it stays too long in one state.

    When there are too many, the one that has waited longest without a request gives way to the new one.
    """

    limits = ConnectionLimits()
    _timer: asyncio.TimerHandle | None = None
    _state = HEAD
    _since = 0.0
    _last_cycle: Any = None
    _is_refused = False

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._enter(HEAD)
        if len(self.connections) > self.limits.max_connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what comes, unless the connection was refused: then only its end matters."""
        if not self._is_refused:
            super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Note that a request was answered."""
        super().on_response_complete()
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop its clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; uvicorn calls it from where it catches the error of h11."""
        error = sys.exc_info()[1]
        if getattr(error, "error_status_hint", 400) == 431:
            self._refuse(431, CODE_INVALID_BODY, TOO_LONG)
        else:
            self._refuse(400, CODE_INVALID_BODY, f"this is no request of HTTP/1.1: {_said(error or msg)}.")

    def _follow(self) -> None:
        """Notice a new state, which has its own time."""
        state = self._state_now()
        if state != self._state or self.cycle is not self._last_cycle:
            self._enter(state)

    def _state_now(self) -> str:
        if self.transport.is_closing():
            return END
        if self.cycle is not None and not self.cycle.response_complete:
            return ANSWER
        # h11 is IDLE again once it has seen the end of the request
        return HEAD if self.conn.their_state is h11.IDLE else REST

    def _enter(self, state: str) -> None:
        self._stop_timer()
        self._state, self._last_cycle, self._since = state, self.cycle, self.loop.time()
        limits = self.limits
        limit_s = {HEAD: limits.head_s, ANSWER: limits.answer_s, REST: limits.rest_s, END: CLOSE_LIMIT_S}[state]
        self._timer = self.loop.call_later(limit_s, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        # closed meanwhile by uvicorn, or by us: a client that does not read keeps such a connection for ever
        if self.transport.is_closing() or self._state == ANSWER:
            self._cut_off()
        else:
            self._leave(f"its line and headers had not arrived within {self.limits.head_s:g} s")

    def _cut_off(self) -> None:
        # without this the system keeps what was not taken, some megabytes, and goes on offering it for minutes
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _leave(self, why: str) -> None:
        """Close a connection on which no request is answered now; one that has begun to send a head is told why."""
        if self._state == HEAD and self.conn.trailing_data[0]:
            self._refuse(408, CODE_CONNECTION_TIMEOUT, f"the request is not answered: {why}.")
            return
        self.transport.close()
        self._enter(END)

    def _make_room(self) -> None:
        others = [each for each in self.connections if isinstance(each, BoundedConnection) and each is not self]
        waiting = [each for each in others if each._state in (HEAD, REST) and not each.transport.is_closing()]
        if waiting:
            oldest = min(waiting, key=lambda each: each._since)
            oldest._leave("there are too many connections, and its line and headers had not arrived")
        else:
            message = f"{self.limits.max_connections} connections are open. Try later."
            self._refuse(503, CODE_TOO_MANY_REQUESTS, message, retry_after_s=1)

    def _refuse(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        """Answer in the place of the application where HTTP still allows an answer, and close."""
        self._is_refused = True
        request_id = uuid.uuid4().hex
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # for whoever waits for more of its body
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps({"error_code": code, "error_msg": printable(message), "request_id": request_id})
            headers = MutableHeaders({"Server": SERVER, "Content-Type": "application/json", "Connection": "close"})
            headers["Content-Length"], headers["X-Request-Id"] = str(len(body)), request_id
            if retry_after_s is not None:
                headers["Retry-After"] = str(retry_after_s)
            reason = HTTPStatus(status).phrase.encode("ascii")
            answer = h11.Response(status_code=status, reason=reason, headers=headers.raw)
            for event in (answer, h11.Data(data=body.encode("ascii")), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            logger.info("a connection answered %d %s: %r request=%s", status, code, message, request_id)
        else:
            logger.info("a connection closed in the middle of its answer: %r", message)
        self.transport.close()
        self._enter(END)


def _said(error: object) -> str:
    """Return what h11 says, which quotes bytes as it holds them, in a few words."""
    text = re.sub(r"bytearray\((.*)\)", r"\1", str(error), flags=re.DOTALL)
    return text if len(text) <= MAX_SAID_CHARACTERS else f"{text[:MAX_SAID_CHARACTERS]}..."
