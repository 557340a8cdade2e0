"""One line for each request, and its count and time in the metrics: who asked for what, never with which key."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import Metrics

logger = logging.getLogger(__name__)

REQUEST_ID = b"x-request-id"
MODEL_NAME = b"x-model-name"
INFERENCE_PREFIX = "/v1/infers/"
STATUS_PATH = "/page/status.json"
MAX_PATH_CHARACTERS = 200  # chosen
_HOST = re.compile(rb"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_CLIENTS_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class AccessLog:
    """Wraps an application: logs each request, counts the predictions, and gives it a number that the answer carries.

    A client's own X-Request-Id is kept. Query strings, headers and bodies may hold keys and are not logged.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = time.monotonic()
        state = scope.setdefault("state", {})
        state["arrived"] = arrived
        request_id = _request_id(scope)
        state["request_id"] = request_id.decode("ascii")
        status, sent_bytes = 0, 0

        async def observed_send(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_headers(request_id, state.get("model"))]
            sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        finally:
            seconds = time.monotonic() - arrived
            if is_prediction(scope):
                self._metrics.count_request(state.get("model"), status, seconds)
            # the page asks for its status every two seconds as long as it is open
            level = logging.DEBUG if scope["path"] == STATUS_PATH and status == 200 else logging.INFO
            facts = {
                "method": scope["method"],
                "path": shown_path(scope),
                "status": status,
                "bytes": sent_bytes,
                "ms": round(seconds * 1000, 1),
                "model": state.get("model", "-"),
                "request": state["request_id"],
                **state.get("stages", {}),
            }
            logger.log(level, "%s", _as_text(facts), extra={"facts": facts})


def _as_text(facts: Mapping[str, Any]) -> str:
    """Return 'POST / 200 153 bytes 52 ms model=V0001 request=... queue_ms=0.1 handler_ms=49.8 together=1'."""
    line = "{method} {path} {status} {bytes} bytes {ms:.0f} ms".format(**facts)
    return " ".join([line, *(f"{name}={facts[name]}" for name in list(facts)[5:])])


def is_prediction(scope: Scope) -> bool:
    """Tell whether a request asks a model, be it in a way that is refused."""
    path = scope["path"]
    return path.startswith(INFERENCE_PREFIX) or (path == "/" and scope["method"] == "POST")


def shown_path(scope: Scope) -> str:
    """Return a request's path for a log: as it was sent, percent-encoded, so that it cannot break the line."""
    path = scope["raw_path"].partition(b"?")[0].decode("ascii", "backslashreplace")
    return path if len(path) <= MAX_PATH_CHARACTERS else f"{path[:MAX_PATH_CHARACTERS]}..."


def shown_url(scope: Scope) -> str:
    """Return a request's address for people: without its query, which may hold a key.

    The host is the one that the client named, unless that can be none: then where this service listens.
    """
    named = next((value for name, value in scope["headers"] if name == b"host"), b"")
    host = named.decode("ascii") if _HOST.fullmatch(named) else ":".join(map(str, scope["server"] or ("localhost",)))
    return f"{scope['scheme']}://{host}{shown_path(scope)}"


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _CLIENTS_ID.fullmatch(value):
            return bytes(value)
    return uuid.uuid4().hex.encode("ascii")


def _headers(request_id: bytes, model: str | None) -> list[tuple[bytes, bytes]]:
    named = [(MODEL_NAME, model.encode("ascii"))] if model else []
    return [(REQUEST_ID, request_id), *named]
