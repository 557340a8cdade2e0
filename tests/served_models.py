"""Models that are served from within a test: real processes and sockets, and limits that no test has to wait for."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from modelarts_local.credentials import Secrets
from modelarts_local.package.model_package import find_package
from modelarts_local.platform_rules import REQUEST_LIMIT_S
from modelarts_local.service.connections import ConnectionLimits
from modelarts_local.service.http_server import guarded, http_server
from modelarts_local.service.listening import reserve_port, start_listening
from modelarts_local.service.metrics import Metrics
from modelarts_local.service.request_body import SLOW_BODY_S
from modelarts_local.service.request_queue import Batching
from modelarts_local.service.restarts import RestartPolicy
from modelarts_local.service.served_model import ServedModel, Workforce
from modelarts_local.service.server import RecognitionServer
from modelarts_local.service.supervisor import Handler
from tests.model_packages import START_DEADLINE_S, wait_until

Asgi = Any  # an application: what starlette and httpx call so are different types
QUICK_RESTARTS = RestartPolicy(waits_s=(0.01, 0.02), max_failed_starts=2)


class Defects(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self._said.append(record.getMessage())

    @classmethod
    @contextlib.contextmanager
    def logged(cls) -> Iterator[list[str]]:
        """Yield the errors that are logged while the block runs, by the service and by what it stands on."""
        said: list[str] = []
        kept = cls(said)
        loggers = [logging.getLogger(name) for name in ("modelarts_local", "uvicorn.error", "asyncio")]
        for logger in loggers:
            logger.addHandler(kept)
        try:
            yield said
        finally:
            for logger in loggers:
                logger.removeHandler(kept)


class Running:
    """A service in this process. url: its address, without a slash at the end."""

    def __init__(self, url: str, model: ServedModel) -> None:
        self.url = url
        self.model = model

    def send(self, content: bytes) -> httpx.Response:
        """Send one picture, or what stands for one."""
        return httpx.post(self.url, files={"images": content}, timeout=START_DEADLINE_S, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        """Send a GET request."""
        return httpx.get(self.url + path, timeout=START_DEADLINE_S, trust_env=False)

    def wait_for_health(self, state: str) -> httpx.Response:
        """Wait until /health says so; returns that answer."""
        wait_until(lambda: bool(self.get("/health").json()["health"] == state), state)
        return self.get("/health")


@contextlib.contextmanager
def warm_application(parent: Path) -> Iterator[Asgi]:
    """Yield the application of one package, warm, to be asked without a socket, until the block ends."""
    metrics = Metrics()
    workforce = Workforce(START_DEADLINE_S, restarts=QUICK_RESTARTS)
    with contextlib.closing(ServedModel("tested", Handler(find_package(str(parent), str(parent))), workforce)) as model:
        model.load().result(START_DEADLINE_S)
        model.warm_up().result(START_DEADLINE_S)
        yield guarded(RecognitionServer([model], metrics, lambda error, model: None).app(), Secrets(), metrics)


@contextlib.contextmanager
def running(
    parent: Path,
    request_limit_s: float = REQUEST_LIMIT_S,
    restarts: RestartPolicy = QUICK_RESTARTS,
    workers: int = 1,
    batching: Batching = Batching(),  # noqa: B008
    limits: ConnectionLimits | None = None,
    slow_body_s: float = SLOW_BODY_S,
) -> Iterator[Running]:
    """Serve one package, warm, until the block ends."""
    package = find_package(str(parent), str(parent))
    metrics = Metrics()
    model = ServedModel(
        "tested",
        Handler(package),
        Workforce(START_DEADLINE_S, workers, batching, restarts),
        functools.partial(metrics.observe_answers, "tested"),
    )
    with contextlib.closing(model), reserve_port("127.0.0.1", 0) as listener:
        start_listening(listener)
        model.load().result(START_DEADLINE_S)
        app = RecognitionServer([model], metrics, lambda error, model: None, request_limit_s, slow_body_s).app()
        server = http_server(guarded(app, Secrets(), metrics), limits)
        runner = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        runner.start()
        service = Running(f"http://127.0.0.1:{listener.getsockname()[1]}", model)
        try:
            service.wait_for_health("healthy")
            yield service
        finally:
            server.should_exit = True
            runner.join(START_DEADLINE_S)
