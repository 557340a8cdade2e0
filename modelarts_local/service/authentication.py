"""Lets only those requests through to a service that the platform's gateway would let through (contract 4.2, 4.3)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from typing import Callable, Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import signing
from ..credentials import Secrets
from ..errors import RequestError
from ..platform_rules import (
    CODE_BODY_TOO_LARGE,
    CODE_WRONG_APP_CREDENTIALS,
    CODE_WRONG_CREDENTIALS,
    LIMITS,
    MAX_BODY_BYTES,
)
from .access_log import is_prediction
from .error_answers import error_body

_UNAUTHENTICATED = "Incorrect IAM authentication information"
_WRONG_APP = "Incorrect app authentication information"

logger = logging.getLogger(__name__)


class Guard:
    """An ASGI application that answers 401 in place of `app` to a prediction without one of the secrets.

    GET /, /health and what else is no prediction stay open. No header reaches a log.

    clock: seconds since 1970, against which X-Sdk-Date is held.
    """

    def __init__(self, app: ASGIApp, secrets: Secrets, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._secrets = secrets
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http" or not is_prediction(scope):
            await self._app(scope, receive, send)
            return
        try:
            receive = await self._admit(Request(scope, receive))
        except RequestError as error:
            logger.info("%s answered %d %s", _raw_path(scope), error.http_status, error.code)
            body = error_body(Request(scope), error.code, str(error))
            await JSONResponse(body, status_code=error.http_status)(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self._app(scope, receive, send)

    async def _admit(self, request: Request) -> Receive:
        """Return from where the body is to be read, or raise RequestError."""
        given = request.headers
        if self._secrets.token and "x-auth-token" in given:
            if _is_same(given["x-auth-token"], self._secrets.token):
                return request.receive
            raise RequestError(401, CODE_WRONG_CREDENTIALS, f"{_UNAUTHENTICATED}: decrypt token fail")
        if self._secrets.app_code and "x-apig-appcode" in given:
            if _is_same(given["x-apig-appcode"], self._secrets.app_code):
                return request.receive
            raise RequestError(401, CODE_WRONG_APP_CREDENTIALS, f"{_WRONG_APP}: app not found")
        if self._secrets.keys and "authorization" in given:
            return await self._admit_signed(request, self._secrets.keys)
        wanted = " or ".join(_headers_wanted(self._secrets))
        raise RequestError(401, CODE_WRONG_CREDENTIALS, f"{_UNAUTHENTICATED}: send {wanted}")

    async def _admit_signed(self, request: Request, keys: signing.Keys) -> Receive:
        query, headers = request.scope["query_string"].decode("latin-1"), _as_text(request.scope["headers"])
        signed = signing.Request(request.method, _raw_path(request.scope), query, headers)
        receive, now_s, max_age_s = request.receive, self._clock(), LIMITS["signature-age"].strictest
        try:
            signing.check_claims(signed, keys, now_s, max_age_s)  # a stranger's body is not worth the memory
            if headers.get(signing.PAYLOAD_HEADER, "").strip() != signing.UNSIGNED_PAYLOAD:
                receive, body_sha256 = await _hash_body(request)
                signed = signed._replace(body_sha256=body_sha256)
            signing.verify(signed, keys, now_s, max_age_s)
        except signing.SignatureRefused as error:
            # the gateway tells the canonical request it has made, so that both sides can be compared (contract 4.3)
            raise RequestError(401, CODE_WRONG_APP_CREDENTIALS, f"{_WRONG_APP}: {error}") from error
        return receive


def _raw_path(scope: Scope) -> str:
    return str(scope["raw_path"].decode("latin-1"))


def _is_same(given: str, expected: str) -> bool:
    # starlette decodes headers as latin-1; the time this takes tells nothing about the secret
    return hmac.compare_digest(given.encode("latin-1"), expected.encode("utf-8", "surrogateescape"))


def _headers_wanted(secrets: Secrets) -> list[str]:
    names = ("X-Auth-Token", "X-Apig-AppCode", f"Authorization: {signing.ALGORITHM}")
    return [name for name, secret in zip(names, secrets) if secret]


def _as_text(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape")
        # two where the client has signed one are no longer what it signed
        joined[key] = f"{joined[key]},{text}" if key in joined else text
    return joined


async def _hash_body(request: Request) -> tuple[Receive, str]:
    """Read the body; return a channel that gives it once more, and its SHA-256."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RequestError(413, CODE_BODY_TOO_LARGE, f"the body has more than {MAX_BODY_BYTES} bytes.")
    pending: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]
    original = request.receive

    async def receive() -> Message:
        return pending.pop() if pending else await original()

    return receive, hashlib.sha256(body).hexdigest()
