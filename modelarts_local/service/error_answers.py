"""What a client is answered when its request is refused or its handler fails, in the platform's forms."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from ..errors import HandlerError, HandlerTooSlow, RequestError
from ..platform_rules import (
    CODE_ANSWERED_TOO_LATE,
    CODE_HANDLER_FAILED,
    CODE_INVALID_BODY,
    CODE_METHOD_NOT_ALLOWED,
    CODE_SERVICE_DOWN,
    CODE_UNKNOWN_URL,
    HANDLER_FAILED_BODY,
)
from .access_log import shown_path

logger = logging.getLogger(__name__)


def exception_handlers() -> dict[type[Exception], ExceptionHandler]:
    """Return what starlette calls for each exception that a request may end with."""
    return {
        RequestError: _refused,
        HandlerError: _handler_failed,
        HandlerTooSlow: _too_slow,
        HTTPException: _not_routed,
        ClientDisconnect: _nobody_listens,
        Exception: _our_defect,
    }


def error_body(request: Request, code: str, message: str) -> dict[str, str]:
    """Return what the client of a refused request is told, in the platform's form (contract 4.3).

    request_id is our addition: the number that the log has for this request, too.
    """
    return {"error_code": code, "error_msg": printable(message), "request_id": request.state.request_id}


def printable(text: str) -> str:
    """Return text that UTF-8 can carry: half of a surrogate pair, as JSON may hold it, is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return _error_response(request, error.http_status, error.code, str(error), headers)


async def _handler_failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HandlerError)
    if error.http_status == 400:
        logger.info("%s answered 400: %r", shown_path(request.scope), str(error))
    else:
        trace = f"\n{error.trace.rstrip()}" if error.trace else ""
        logger.error("%s answered %d: %r%s", shown_path(request.scope), error.http_status, str(error), trace)
    body = {**error_body(request, CODE_HANDLER_FAILED, str(error)), **HANDLER_FAILED_BODY}
    return JSONResponse(body, status_code=error.http_status)


async def _too_slow(request: Request, error: Exception) -> Response:
    return _error_response(request, 504, CODE_ANSWERED_TOO_LATE, str(error))


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, headers = shown_path(request.scope), dict(error.headers or {})
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


async def _our_defect(request: Request, _: Exception) -> Response:
    # starlette raises it again, and uvicorn writes the traceback
    return _error_response(request, 500, CODE_SERVICE_DOWN, "this is a defect of modelarts_local; its log says where.")


def _error_response(
    request: Request, http_status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    logger.info("%s answered %d %s: %r", shown_path(request.scope), http_status, code, message)
    return JSONResponse(error_body(request, code, message), status_code=http_status, headers=headers)
