"""A service with a test page in this process: the server's own code and real HTTP, with answers that a test chooses."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import uvicorn
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from modelarts_local.service.inference_thread import InferenceThread
from modelarts_local.service.page import PageModel
from modelarts_local.service.serve import listen
from modelarts_local.service.server import RecognitionServer

DEADLINE_S = 30
CAT = {"predicted_label": "cat", "scores": [["cat", 0.75], ["dog", 0.25]]}
DOG = {"predicted_label": "dog", "scores": [["dog", 0.9], ["cat", 0.1]]}
FILE_API = {"method": "post", "request": {"data": {"properties": {"images": {"type": "file"}}}}}
ONE = PageModel("V0001", "/", ["images"], {"apis": [FILE_API]})
TWO = PageModel("V0002", "/v1/infers/V0002/", ["images"], {"apis": [FILE_API]})


class ScriptedService:
    """Gives the next of its answers, the last one again and again; an exception among them is raised.

    warm: set when the warm-up may end.
    """

    def __init__(self, *answers: Any, input_names: Sequence[str] = ("images",), is_warm: bool = True) -> None:
        self.input_names = list(input_names)
        self.answers = list(answers)
        self.requests: list[list[bytes]] = []
        self.warm = threading.Event()
        if is_warm:
            self.warm.set()

    def warm_up(self) -> None:
        self.warm.wait(DEADLINE_S)

    def answer(self, images: list[bytes]) -> bytes:
        self.requests.append(images)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer).encode()


class HeaderKeeper:
    """An application around `app` that keeps the headers of every POST."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.headers: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await self._app(scope, receive, send)


def application(services: Sequence[ScriptedService], models: Sequence[PageModel]) -> HeaderKeeper:
    """The server of the first service, whose page shows `models`; the others answer at their model's path."""
    app = RecognitionServer(services[0], InferenceThread(), lambda _: None, page_models=models).app()
    for service, model in zip(services[1:], models[1:]):
        other = RecognitionServer(service, InferenceThread(), lambda _: None).app()
        app.router.routes.insert(0, Mount(model.path.rstrip("/"), other))
    return HeaderKeeper(app)


@contextlib.contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free port; yields its address without a slash at the end."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    with listen("127.0.0.1", 0) as listener:
        runner = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        runner.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            runner.join(DEADLINE_S)
