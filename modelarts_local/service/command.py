"""The command line of `modelarts_local serve`."""

from __future__ import annotations

import argparse

from .. import engines
from ..credentials import NONE, authentication_methods
from ..options import port_number

ENVIRONMENT = """\
environment, as one sets it when deploying on the platform: input_data_name (images), input_data_shape (such
as 0,3,224,224, without spaces), output_data_shape (such as 0,102). Storage: S3_ENDPOINT and the keys.
"""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command line of serve to the program's."""
    serve = commands.add_parser(
        "serve",
        help="run a model package as an online service",
        description="Run a model package as the platform's online service; prints one line when it is ready.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    serve.add_argument("parent", metavar="PARENT", help="folder, or s3:// or obs:// URL, that holds model/")
    serve.add_argument("--port", type=port_number, default=8080, help="port to listen on; 0 takes a free one")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--engine", default=engines.LOCAL, help=engines.HELP)
    serve.add_argument(
        "--auth",
        metavar="METHODS",
        type=authentication_methods,
        default=NONE,
        help="comma list of what a prediction may prove itself by: token, appcode, aksk; the environment tells what is "
        "right: MODELARTS_TOKEN, MODELARTS_APP_CODE, HUAWEICLOUD_SDK_AK with HUAWEICLOUD_SDK_SK",
    )
    serve.set_defaults(run=_run_serve)


# Imported when it runs: --help must not wait for the web server.


def _run_serve(arguments: argparse.Namespace) -> int:
    from .serve import serve

    return serve(arguments.parent, arguments.host, arguments.port, arguments.engine, arguments.auth)
