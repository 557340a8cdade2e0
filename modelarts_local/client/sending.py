"""Sends pictures to a service over a few connections that are kept, and takes the answers in the pictures' order."""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import json
import logging
import os
import time
from collections import deque
from typing import Any, AsyncGenerator, NamedTuple, Sequence
from urllib.parse import urlsplit

import httpx

from ..errors import ServiceUnreachable
from ..platform_rules import INPUT_NAME, MAX_BODY_BYTES, REQUEST_LIMIT_S
from .authentication import method_of
from .pictures import Picture
from .prediction import Prediction, printable
from .refusals import ENDS_ALL

RETRIED_STATUSES = frozenset({429, 503})
RETRY_DELAYS_S = (1, 2, 4, 8, 16)  # where the service names no time; chosen
MAX_RETRY_AFTER_S = 60  # chosen: one who waits longer does better to come back
MAX_ANSWER_BYTES = 8 << 20  # chosen: a thousand times what a classification has
_TIMEOUT = httpx.Timeout(REQUEST_LIMIT_S + 20, connect=10, pool=None)  # s; the service's own limit must answer first
# Nothing of an answer has come when one of these is raised by a request whose answer is read as a stream
_CLOSED_BEFORE_ANSWER = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)

logger = logging.getLogger(__name__)


class Sending(NamedTuple):
    """How pictures are sent. retries: of one picture. is_insecure: certificates are not verified."""

    url: str
    auth: httpx.Auth | None = None
    connections: int = 4
    retries: int = 3
    is_insecure: bool = False


async def predictions(pictures: Sequence[Picture], sending: Sending) -> AsyncGenerator[Prediction, None]:
    """Yield what comes of each picture, in order; ends early after an answer that all others would get too.

    Raises ServiceUnreachable when nothing answers, or no longer does.
    """
    async with _http_client(sending) as http:
        sender = _Sender(http, sending)
        waiting = iter(pictures)
        window: deque[asyncio.Task[Prediction]] = deque()
        try:
            # the first alone: where it is refused as all would be, no other is sent
            limit = 1
            while True:
                while len(window) < limit and (picture := next(waiting, None)) is not None:
                    window.append(asyncio.create_task(sender.predict(picture)))
                if not window:
                    return
                prediction = await window.popleft()
                yield prediction
                if prediction.status in ENDS_ALL:
                    return
                limit = 2 * sending.connections  # more than connections, so that a slow answer keeps none of them idle
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)


class _Again(NamedTuple):
    """Why a picture may be sent once more, and when. failure: what came of it when it may not."""

    reason: str
    failure: Prediction | ServiceUnreachable
    delay_s: float | None = None


class _Sender:
    """Sends one picture after the other, `sending.connections` at a time."""

    def __init__(self, http: httpx.AsyncClient, sending: Sending) -> None:
        self._http = http
        self._sending = sending
        self._places = asyncio.Semaphore(sending.connections)
        self._has_connected = False

    async def predict(self, picture: Picture) -> Prediction:
        async with self._places:
            try:
                content = picture.read()
            except (OSError, ValueError) as error:
                hint = "; --dir sends all pictures below a folder" if isinstance(error, IsADirectoryError) else ""
                return _failure(picture, f"cannot be read: {getattr(error, 'strerror', None) or error}{hint}")
            upload = {INPUT_NAME: (printable(os.path.basename(picture.name)), content)}
            request = self._http.build_request("POST", self._sending.url, files=upload)
            if int(request.headers["content-length"]) > MAX_BODY_BYTES:
                limit = f"{MAX_BODY_BYTES} bytes that the platform takes (12 MB)"
                return _failure(picture, f"not sent: its request would have more than the {limit}; send a smaller one")
            return await self._send(picture, request)

    async def _send(self, picture: Picture, request: httpx.Request) -> Prediction:
        retry = 0
        while True:
            outcome = await self._attempt(picture, request)
            if isinstance(outcome, Prediction):
                return outcome
            if retry == self._sending.retries:
                if isinstance(outcome.failure, ServiceUnreachable):
                    raise outcome.failure
                return outcome.failure
            retry += 1
            delay_s = outcome.delay_s
            if delay_s is None:
                delay_s = RETRY_DELAYS_S[min(retry, len(RETRY_DELAYS_S)) - 1]
            name, retries = printable(picture.name), self._sending.retries
            logger.info("%s: %s; retry %d of %d in %g s", name, outcome.reason, retry, retries, delay_s)
            await asyncio.sleep(delay_s)

    async def _attempt(self, picture: Picture, request: httpx.Request) -> Prediction | _Again:
        try:
            response = await self._http.send(request, auth=self._sending.auth, stream=True)
        except _NOT_CONNECTED as error:
            unreachable = _unreachable(self._sending.url, error)
            if not self._has_connected:
                raise unreachable from error  # there is no service, and a second look would find none
            return _Again(f"cannot connect: {_innermost_reason(error)}", unreachable)
        except _CLOSED_BEFORE_ANSWER:
            self._has_connected = True
            reason = "the connection was closed before an answer"
            return _Again(reason, _failure(picture, reason))
        except httpx.TimeoutException:
            return _failure(picture, f"no answer within {_TIMEOUT.read:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(self._sending.url, error) from error
        self._has_connected = True
        prediction = (await _read_answer(picture, response))._replace(proof=method_of(self._sending.auth))
        if response.status_code in RETRIED_STATUSES:
            return _Again(f"answered {response.status_code}", prediction, retry_after_s(response))
        return prediction


async def _read_answer(picture: Picture, response: httpx.Response) -> Prediction:
    content = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                return _failure(picture, f"the answer is not read, it has more than {MAX_ANSWER_BYTES} bytes")
    except httpx.HTTPError as error:
        return _failure(picture, f"the answer broke off after {len(content)} bytes: {error or type(error).__name__}")
    finally:
        await response.aclose()
    return Prediction(picture.name, *_decoded(response, bytes(content)))


def _decoded(response: httpx.Response, content: bytes) -> tuple[int | None, Any]:
    if response.is_redirect:
        # not followed: a proof of who we are must not go to an address that the user has not named
        there = response.headers.get("location", "")[:200]
        return response.status_code, {"error_msg": f"the service is elsewhere, at {there!r}; give that as --url"}
    try:
        return response.status_code, json.loads(content)
    # RecursionError: brackets nested too deep
    except (ValueError, RecursionError):
        found = content[:80].decode("utf-8", "replace")
        status = None if response.is_success else response.status_code
        return status, {"error_msg": f"the answer is not JSON but {found!r}"}


def _failure(picture: Picture, reason: str) -> Prediction:
    return Prediction(picture.name, None, {"error_msg": reason})


def retry_after_s(response: httpx.Response) -> float | None:
    """Return the seconds to wait that a service asks for, None when it asks for none; at most MAX_RETRY_AFTER_S."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _unreachable(url: str, error: Exception) -> ServiceUnreachable:
    reason = _innermost_reason(error)
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return ServiceUnreachable(
            f"the certificate of {url} is not trusted: {reason}. Name its authority's file in SSL_CERT_FILE, or "
            "trust any with --insecure."
        )
    if is_loopback(url):
        advice = "Start one with: modelarts-local serve PARENT"
    else:
        advice = "Check --url and the network, and HTTPS_PROXY where there is a proxy."
    return ServiceUnreachable(f"no service answers at {url}: {reason}. {advice}")


def _innermost_reason(error: BaseException) -> str:
    """Return what the system said, which the libraries above it wrap in words of their own."""
    reason = str(error) or type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        # one for each address of a host
        cause = getattr(cause, "exceptions", (cause,))[-1]
        if isinstance(cause, ConnectionError) and cause.errno is not None:
            reason = f"[Errno {cause.errno}] {os.strerror(cause.errno)}"
        elif isinstance(cause, OSError) and cause.errno is not None:
            reason = str(cause)
        cause = cause.__cause__ or cause.__context__
    return reason


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to this computer."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _http_client(sending: Sending) -> httpx.AsyncClient:
    verify: Any = False
    if not sending.is_insecure:
        verify = httpx.create_ssl_context(trust_env=True) if sending.url.startswith("https:") else True
    return httpx.AsyncClient(
        timeout=_TIMEOUT,
        verify=verify,
        trust_env=not is_loopback(sending.url),  # a proxy cannot reach the services of this computer
        limits=httpx.Limits(max_connections=sending.connections, max_keepalive_connections=sending.connections),
    )
