"""A limit for the line and the headers of a request, whatever the pieces in which they arrive."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..platform_rules import CODE_INVALID_BODY
from .access_log import shown_path
from .error_answers import error_body

# chosen: four times what h11 and most servers allow, as a token of the platform alone may have several kilobytes
MAX_HEAD_BYTES = 64 * 1024
TOO_LONG = f"the request's line and headers have more than {MAX_HEAD_BYTES} bytes. Send fewer or shorter ones."

logger = logging.getLogger(__name__)


class HeadLimit:
    """An ASGI application that answers 431 in place of `app` to a request whose head is too long.

    h11 holds the limit against a head that is still incomplete, and takes any that arrives in one piece.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or _head_bytes(scope) <= MAX_HEAD_BYTES:
            await self._app(scope, receive, send)
            return
        logger.info("%s answered 431 %s", shown_path(scope), CODE_INVALID_BODY)
        body = error_body(Request(scope), CODE_INVALID_BODY, TOO_LONG)
        await JSONResponse(body, status_code=431)(scope, receive, send)


def _head_bytes(scope: Scope) -> int:
    line = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"])
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])
