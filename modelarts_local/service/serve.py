"""`modelarts-local serve`: run model packages as the platform's online service would."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from typing import Iterator, NamedTuple, Sequence

import uvicorn

from ..credentials import Secrets, secrets_from_environment
from ..platform_rules import SERVICE_PORT
from .http_server import guarded, http_server
from .listening import reserve_port, start_listening
from .loading import LoadSettings, load_failure, loaded_models
from .metrics import Metrics
from .model_list import ModelSource
from .served_model import ServedModel
from .server import RecognitionServer

logger = logging.getLogger(__name__)


class ServeSettings(NamedTuple):
    """What the command line says of a service.

    port: 0 takes a free one. auto_stop_s: None runs until it is stopped. auth: what requests may prove themselves by.
    """

    load: LoadSettings
    host: str = "127.0.0.1"
    port: int = SERVICE_PORT
    auto_stop_s: float | None = None
    auth: Sequence[str] = ()


def serve(settings: ServeSettings) -> int:
    """Serve until SIGINT or SIGTERM, and return 0.

    `serving PARENT on URL` is printed to standard output when the service is ready. The port is taken before anything
    is fetched, and nothing listens on it before every handler is loaded.

    Raises PackageError, StorageFailed, HandlerLoadError, and CommandLineError for a port, an engine or a variable.
    """
    secrets = secrets_from_environment(settings.auth, os.environ)
    metrics = Metrics()
    with stopped_by_signals(), reserve_port(settings.host, settings.port) as listener:
        with loaded_models(settings.load, metrics.observe_answers) as models:
            start_listening(listener)
            _answer_requests(settings, models, metrics, secrets, listener)
    return 0


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM unwind the stack as SIGINT does, so that the temporary folder goes; both end in peace."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        logger.info("stopped")
    finally:
        signal.signal(signal.SIGTERM, previous)


def _answer_requests(
    settings: ServeSettings,
    models: Sequence[ServedModel],
    metrics: Metrics,
    secrets: Secrets,
    listener: socket.socket,
) -> None:
    url = _url_of(listener)
    failures: list[Exception] = []

    def on_warm_up_end(error: Exception | None, model: ServedModel) -> None:
        if error is None:
            print(f"serving {_listed(settings.load.sources)} on {url}", flush=True)
        else:
            failures.append(load_failure(error, model, len(models) == 1))
            server.should_exit = True

    recognition = RecognitionServer(models, metrics, on_warm_up_end).app()
    server = http_server(guarded(recognition, secrets, metrics))
    logger.info("listening on %s, warming up", url)
    with _stopped_after(settings.auto_stop_s, server):
        server.run(sockets=[listener])
    if failures:
        raise failures[0]


@contextlib.contextmanager
def _stopped_after(seconds: float | None, server: uvicorn.Server) -> Iterator[None]:
    def stop() -> None:
        logger.info("stopping after %g h, as --auto-stop says", (seconds or 0) / 3600)
        server.should_exit = True

    timer = threading.Timer(seconds or 0, stop)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _listed(sources: Sequence[ModelSource]) -> str:
    if len(sources) == 1:
        return sources[0].parent
    return " ".join(f"{source.name}={source.parent}" for source in sources)


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
