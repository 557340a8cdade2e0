"""The command line of `modelarts-local serve`."""

from __future__ import annotations

import argparse

from .. import engines
from ..credentials import NONE, authentication_methods
from ..options import STORAGE, count, number_from_0, port_number, positive_number, size_in_bytes
from ..platform_rules import DEPLOY_LIMIT_S, SERVICE_PORT
from .model_list import model_sources, named_model

MAX_BATCH = 4  # chosen: our own handler gains nothing beyond that

_DESCRIPTION = """\
Run model packages as the platform's online service; prints one line when it is ready.

    modelarts-local serve out/V0001
    modelarts-local serve --model v1=out/V0001 --model v2=out/V0002     two trainings, side by side
    modelarts-local serve out/V0001 --once cat.jpg                      one answer, no server

POST / asks the first model, POST /v1/infers/NAME the model of that name; any other id after /v1/infers/ is the first
model's, as a service has one id on the platform. GET /health and /health/NAME answer 200 when all, or that one, can
answer, else 503 with the reason. A handler whose process ends, or that works longer on a request than the platform
waits, is started again. GET /metrics is for Prometheus.
"""
_EPILOG = f"""\
environment, as one sets it when deploying on the platform: input_data_name (images), input_data_shape (such as
0,3,224,224, without spaces), output_data_shape (such as 0,102). With several models each of them is told; leave it
unset when their packages say it themselves.

{STORAGE}; no handler gets them

exit codes: 0 stopped, or answered; 1 a package or its handler was refused or failed; 2 the command line, the
environment or a port in use; 3 storage
"""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command line of serve to the program's."""
    serve = commands.add_parser(
        "serve",
        help="run model packages as an online service",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    serve.add_argument("parent", metavar="PARENT", nargs="?", help="folder, or s3:// or obs:// URL, that holds model/")
    serve.add_argument(
        "--model",
        metavar="NAME=PARENT",
        type=named_model,
        action="append",
        default=[],
        help="serve this package under this name; may be given again",
    )
    serve.add_argument("--port", type=port_number, default=SERVICE_PORT, help="port to listen on; 0 takes a free one")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--engine", default=engines.LOCAL, help=engines.HELP)
    serve.add_argument("--once", metavar="IMAGE", help="answer this picture on standard output, and end")
    _add_workforce(serve)
    serve.add_argument(
        "--deploy-timeout",
        metavar="MINUTES",
        type=positive_number,
        default=DEPLOY_LIMIT_S // 60,
        help="time in which each model becomes healthy",
    )
    serve.add_argument(
        "--auto-stop",
        metavar="HOURS",
        type=positive_number,
        help="stop after so long, as the platform does after 1 h unless told otherwise",
    )
    serve.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="of the log on standard error; json is one object a line",
    )
    serve.add_argument(
        "--no-check", action="store_true", help="serve a package that the platform would refuse, without looking at it"
    )
    serve.add_argument(
        "--auth",
        metavar="METHODS",
        type=authentication_methods,
        default=NONE,
        help="comma list of what a prediction may prove itself by: token, appcode, aksk; the environment tells what is "
        "right: MODELARTS_TOKEN, MODELARTS_APP_CODE, HUAWEICLOUD_SDK_AK with HUAWEICLOUD_SDK_SK",
    )
    serve.set_defaults(run=_run_serve)


def _add_workforce(serve: argparse.ArgumentParser) -> None:
    serve.add_argument(
        "--memory-limit",
        metavar="SIZE",
        type=size_in_bytes,
        help="address space of each handler's process, such as 4G; a handler that wants more fails",
    )
    serve.add_argument(
        "--workers",
        metavar="N",
        type=count,
        default=1,
        help="processes of each model, which share the cores; more than one pays where a handler leaves cores idle, "
        "and keeps a model answering while one of them starts again",
    )
    serve.add_argument(
        "--max-batch",
        metavar="N",
        type=count,
        default=MAX_BATCH,
        help="requests that a handler gets at once, where it has a method inference_many, as ours does",
    )
    serve.add_argument(
        "--max-delay-ms",
        metavar="MS",
        type=number_from_0,
        default=0.0,
        help="how long a request may wait for others to come along; 0 takes those that wait already",
    )


# Imported when it runs: --help must not wait for the web server.


def _run_serve(arguments: argparse.Namespace) -> int:
    from .loading import LoadSettings
    from .log_format import write_json_lines
    from .request_queue import Batching

    if arguments.log_format == "json":
        write_json_lines()
    load = LoadSettings(
        sources=model_sources(arguments.parent, arguments.model),
        engine_name=arguments.engine,
        memory_limit_bytes=arguments.memory_limit,
        deploy_limit_s=arguments.deploy_timeout * 60,
        check=not arguments.no_check,
        workers=arguments.workers,
        batching=Batching(arguments.max_batch, arguments.max_delay_ms / 1000),
    )
    if arguments.once is not None:
        from .once import answer_once

        return answer_once(load, arguments.once)
    from .serve import ServeSettings, serve

    auto_stop_s = None if arguments.auto_stop is None else arguments.auto_stop * 3600
    return serve(ServeSettings(load, arguments.host, arguments.port, auto_stop_s, arguments.auth))
