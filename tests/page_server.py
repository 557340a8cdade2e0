"""A service of the test page with answers that a test chooses: the page's own files and routes over real HTTP."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from modelarts_local.errors import RequestError
from modelarts_local.service.listening import reserve_port, start_listening
from modelarts_local.service.page import PageModel, index_response, page_routes
from modelarts_local.service.request_body import read_images

DEADLINE_S = 30
CAT = {"predicted_label": "cat", "scores": [["cat", 0.75], ["dog", 0.25]]}
DOG = {"predicted_label": "dog", "scores": [["dog", 0.9], ["cat", 0.1]]}
FILE_API = {"method": "post", "request": {"data": {"properties": {"images": {"type": "file"}}}}}
ONE = PageModel("V0001", "/", ["images"], {"apis": [FILE_API]})
TWO = PageModel("V0002", "/v1/infers/V0002", ["images"], {"apis": [FILE_API]})
UNAVAILABLE = RequestError(503, "ModelArts.4302", "the model is not there")


class ScriptedService:
    """Gives the next of its answers, the last one again and again; a RequestError among them is told.

    health: what /health says; unless it is "healthy" requests are refused.
    gate: while it is not set no request is answered.
    requests, headers, bodies: what came in.
    """

    def __init__(self, *answers: Any, input_names: Sequence[str] = ("images",), health: str = "healthy") -> None:
        self.answers = list(answers)
        self.input_names = list(input_names)
        self.health = health
        self.gate = threading.Event()
        self.gate.set()
        self.requests: list[list[bytes]] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    async def answer(self, request: Request) -> Response:
        """Take one request."""
        self.headers.append(dict(request.headers))
        body = await request.body()
        self.bodies.append(body)

        async def receive_again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        self.requests.append(await read_images(Request(request.scope, receive_again), self.input_names))
        await run_in_threadpool(self.gate.wait, DEADLINE_S)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.health != "healthy":
            raise UNAVAILABLE
        if isinstance(answer, RequestError):
            raise answer
        return Response(json.dumps(answer), media_type="application/json")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return JSONResponse({"error_code": error.code, "error_msg": str(error)}, status_code=error.http_status)


def application(services: Sequence[ScriptedService], models: Sequence[PageModel]) -> Starlette:
    """A server of each service at its model's path, with the page at `/`."""

    async def health(_: Request) -> Response:
        of_each = {model.name: {"health": service.health} for model, service in zip(models, services)}
        worst = next((service.health for service in services if service.health != "healthy"), "healthy")
        return JSONResponse({"health": worst, "models": of_each}, status_code=200 if worst == "healthy" else 503)

    async def page(request: Request) -> Response:
        return index_response(request)

    return Starlette(
        routes=[
            *(Route(model.path, service.answer, methods=["POST"]) for model, service in zip(models, services)),
            Route("/", page),
            Route("/health", health),
            *page_routes(models),
        ],
        exception_handlers={RequestError: _refused},
    )


@contextlib.contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free port; yields its address without a slash at the end."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    with reserve_port("127.0.0.1", 0) as listener:
        start_listening(listener)
        runner = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        runner.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            runner.join(DEADLINE_S)
