"""An ONNX model behind Starlette and uvicorn: `python -m benchmarks.programs.onnx_service NETWORK MODEL --port=N`.

As people write such a service: a picture comes as a file of a form, and is prepared and answered in a thread of
Starlette's pool, so that the server goes on reading.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.programs.onnx_session import open_session
from benchmarks.programs.packaged_model import Package, read_package


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until it is told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network", type=Path, help="a file of ONNX")
    parser.add_argument("model", type=Path, help="the folder model/ of the package that it was made from")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--at-once",
        type=int,
        metavar="N",
        help="so many requests, each by one thread (default: ONNX Runtime's and Starlette's own numbers of threads)",
    )
    options = parser.parse_args(argv)
    session = open_session(options.network, threads=1 if options.at_once else 0)
    app = build_app(session, read_package(options.model), options.at_once)
    uvicorn.run(app, host="127.0.0.1", port=options.port, access_log=False, log_level="warning")


def build_app(session: Any, package: Package, at_once: int | None) -> Starlette:
    """Return the application; it answers POST / with a file `images` as the handler does."""

    def predict(content: bytes) -> dict[str, Any]:
        pixels = package.prepare(content)[np.newaxis]  # (1, 3, S, S)
        (probabilities,) = session.run(None, {"data": pixels})
        return package.answer(probabilities[0])

    async def recognise(request: Request) -> JSONResponse:
        async with request.form() as form:
            picture = form["images"]
            assert isinstance(picture, UploadFile), "the picture is sent as a file"
            content = await picture.read()
        if at_once:
            to_thread.current_default_thread_limiter().total_tokens = at_once
        return JSONResponse(await run_in_threadpool(predict, content))

    return Starlette(routes=[Route("/", recognise, methods=["POST"])])


if __name__ == "__main__":
    main(sys.argv[1:])
