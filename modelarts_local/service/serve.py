"""`modelarts_local serve`: run a model package as the platform's online service would."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
from typing import Iterator, Sequence

import uvicorn

from ..credentials import Secrets, secrets_from_environment
from ..engines import find_engine
from ..errors import CommandLineError, HandlerError, HandlerLoadError
from ..package.model_package import open_package
from ..package.signature import signature_from_environment
from ..platform_rules import REQUEST_LIMIT_S
from .authentication import Guard
from .inference_thread import InferenceThread
from .served_model import ServedModel
from .server import RecognitionServer

logger = logging.getLogger(__name__)


def serve(parent: str, host: str, port: int, engine_name: str, auth: Sequence[str] = ()) -> int:
    """Serve the package under `parent` until SIGINT or SIGTERM, and return 0.

    parent: local folder or s3:// or obs:// URL that holds `model/`.
    port: 0 takes a free one.
    engine_name: what the handler runs on, as engines.find_engine takes it.
    auth: of credentials.METHODS, those that a prediction may prove itself by; empty lets everybody in.

    `serving PARENT on URL` is printed to standard output when the service is ready. Nothing listens on the
    port before the handler is loaded.

    Raises PackageError, FetchError, HandlerLoadError, and CommandLineError for a port or a variable.
    """
    signature = signature_from_environment(os.environ)
    secrets = secrets_from_environment(auth, os.environ)
    engine = find_engine(engine_name)
    with _stopped_by_signals(), open_package(parent) as package:
        logger.info("loading %s: its Python code runs with your rights; serve only models you trust", parent)
        thread = InferenceThread()
        model = thread.submit(lambda: ServedModel(package, signature, engine.python)).result()
        with contextlib.closing(model), listen(host, port) as listener:
            logger.info("%s; MXNetBaseService is that of %s", engine, model.engine["base_class"])
            _answer_requests(model, thread, listener, parent, secrets)
    return 0


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port`.

    Raises CommandLineError when the address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"port {port} of {host} is in use"
        else:
            problem = f"cannot listen on port {port} of {host}: {error.strerror}"
        raise CommandLineError(f"{problem}. Choose another with --port; 0 takes a free one.") from error


def _answer_requests(
    model: ServedModel, thread: InferenceThread, listener: socket.socket, parent: str, secrets: Secrets
) -> None:
    url = _url_of(listener)
    failures: list[Exception] = []

    def on_warm_up_end(error: Exception | None) -> None:
        if error is None:
            print(f"serving {parent} on {url}", flush=True)
        else:
            failures.append(error)
            server.should_exit = True

    app = RecognitionServer(model, thread, on_warm_up_end).app()
    server = uvicorn.Server(
        uvicorn.Config(
            Guard(app, secrets) if any(secrets) else app,
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            # clients of the platform tell by this header that the model answered and not the gateway
            server_header=False,
            headers=[("Server", "ModelArts")],
            timeout_graceful_shutdown=int(REQUEST_LIMIT_S),
        )
    )
    logger.info("listening on %s, warming up", url)
    server.run(sockets=[listener])
    if failures:
        raise _as_load_error(failures[0])


def _as_load_error(error: Exception) -> Exception:
    if not isinstance(error, HandlerError):
        return error
    logger.error("the warm-up image was not answered:\n%s", error.trace.rstrip())
    return HandlerLoadError(f"the handler fails on the warm-up image: {error}")


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM unwind the stack as SIGINT does, so that the temporary folder goes; both end in peace."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        logger.info("stopped")
    finally:
        signal.signal(signal.SIGTERM, previous)
