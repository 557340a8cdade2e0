"""The HTTP face of a hosted service: the paths, statuses and error bodies of the platform."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, AsyncIterator, Callable, Protocol, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import HandlerError, RequestError
from ..platform_rules import (
    CODE_ANSWERED_TOO_LATE,
    CODE_HANDLER_FAILED,
    CODE_INVALID_BODY,
    CODE_METHOD_NOT_ALLOWED,
    CODE_TOO_MANY_REQUESTS,
    CODE_UNKNOWN_URL,
    HANDLER_FAILED_BODY,
    REQUEST_LIMIT_S,
)
from .inference_thread import InferenceThread
from .page import PageModel, index_response, page_routes
from .request_body import read_images

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 32  # chosen: with bodies of 12 MB they hold at most 384 MB while they wait for the one thread


class Service(Protocol):
    """What the server asks of a hosted service; both calls are made on the inference thread only."""

    input_names: list[str]

    def answer(self, images: list[bytes]) -> bytes:
        """Return the JSON answer to the bytes of each input, or raise HandlerError."""
        ...

    def warm_up(self) -> None:
        """Answer one drawn image, or raise HandlerError."""
        ...


class RecognitionServer:
    """Answers HTTP requests with one service.

    service: the loaded handler.
    thread: where `service` was loaded and is called.
    on_warm_up_end: called once, with None when the service is ready, else with what its warm-up raised.
    request_limit_s: a request that takes longer is answered 504.
    page_models: what the test page tells of the service; its inputs alone when left out.
    """

    def __init__(
        self,
        service: Service,
        thread: InferenceThread,
        on_warm_up_end: Callable[[Exception | None], None],
        request_limit_s: float = REQUEST_LIMIT_S,
        page_models: Sequence[PageModel] = (),
    ) -> None:
        self._service = service
        self._thread = thread
        self._on_warm_up_end = on_warm_up_end
        self._request_limit_s = request_limit_s
        self._page_models = page_models or [PageModel("model", "/", service.input_names)]
        self._is_warm = False
        self._in_flight = 0

    def app(self) -> Starlette:
        """Return the ASGI application; it warms the service up when it starts."""
        app = Starlette(
            routes=[
                Route("/", self._root, methods=["GET", "POST"]),
                # on the platform a cluster may stand before the service in the path
                Route("/v1/infers/{service_id:path}", self._recognise, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
                *page_routes(self._page_models),
            ],
            exception_handlers={
                RequestError: _refused,
                HandlerError: _handler_failed,
                HTTPException: _not_routed,
                ClientDisconnect: _nobody_listens,
            },
            lifespan=self._lifespan,
        )
        # an unknown path is 404, not a redirection to a known one
        app.router.redirect_slashes = False
        return app

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        warm_up = asyncio.create_task(self._warm_up())
        yield
        warm_up.cancel()

    async def _warm_up(self) -> None:
        try:
            await asyncio.wrap_future(self._thread.submit(self._service.warm_up))
        except Exception as error:
            self._on_warm_up_end(error)
            return
        self._is_warm = True
        self._on_warm_up_end(None)

    async def _health(self, _: Request) -> Response:
        if self._is_warm:
            return JSONResponse({"health": "healthy"})
        return JSONResponse({"health": "warming up"}, status_code=503)

    async def _root(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._recognise(request)
        if "text/html" in request.headers.get("accept", ""):
            return index_response(request)
        return JSONResponse(_usage(request, self._service.input_names))

    async def _recognise(self, request: Request) -> Response:
        if self._in_flight >= MAX_IN_FLIGHT:
            raise RequestError(503, CODE_TOO_MANY_REQUESTS, f"{MAX_IN_FLIGHT} requests wait. Try later.")
        self._in_flight += 1
        try:
            images = await read_images(request, self._service.input_names)
            return Response(await self._answer(images), media_type="application/json")
        finally:
            self._in_flight -= 1

    async def _answer(self, images: list[bytes]) -> bytes:
        answer = asyncio.wrap_future(self._thread.submit(lambda: self._service.answer(images)))
        done, _ = await asyncio.wait([answer], timeout=self._request_limit_s)
        if not done:
            # still queued, it is dropped; already running, it runs on, as nothing can stop a handler
            answer.cancel()
            message = f"the handler has not answered within {self._request_limit_s:g} s."
            raise RequestError(504, CODE_ANSWERED_TOO_LATE, message)
        return answer.result()


def _usage(request: Request, input_names: Sequence[str]) -> dict[str, Any]:
    fields = " ".join(f"-F '{name}=@cat.jpg'" for name in input_names)
    return {"usage": f"curl {fields} {request.url}", "fields": list(input_names), "health": "/health"}


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return _error_response(request, error.http_status, error.code, str(error))


async def _handler_failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HandlerError)
    if error.http_status == 400:
        logger.info("%s answered 400: %r", request.url.path, str(error))
    else:
        logger.error("%s answered %d: %r\n%s", request.url.path, error.http_status, str(error), error.trace.rstrip())
    body = {"error_code": CODE_HANDLER_FAILED, "error_msg": str(error), **HANDLER_FAILED_BODY}
    return JSONResponse(body, status_code=error.http_status)


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, headers = request.url.path, dict(error.headers or {})
    if error.status_code == 405:
        message = f"{request.method} is not allowed on {path}. Use {headers.get('Allow')}."
        return _error_response(request, 405, CODE_METHOD_NOT_ALLOWED, message, headers)
    if error.status_code == 404:
        message = f"there is nothing at {path}. Send images to / or to /v1/infers/SERVICE_ID."
        return _error_response(request, 404, CODE_UNKNOWN_URL, message, headers)
    return _error_response(request, error.status_code, CODE_INVALID_BODY, str(error.detail), headers)


async def _nobody_listens(_: Request, __: Exception) -> Response:
    # the client left while it sent its body; the status reaches the log only
    return Response(status_code=499)


def _error_response(
    request: Request, http_status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    logger.info("%s answered %d %s: %r", request.url.path, http_status, code, message)
    return JSONResponse({"error_code": code, "error_msg": message}, status_code=http_status, headers=headers)
