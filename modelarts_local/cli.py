"""The command line: `modelarts_local serve` and `modelarts_local predict`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from typing import Sequence

from .errors import StandInError

EXIT_BUG = 4

_EXIT_CODES = """\
exit codes: 0 done; 1 the model package or its handler, or an image that was refused; 2 the command line, the
environment or a port in use; 3 storage, or no service at the URL; 4 a bug in modelarts_local.
"""
_SERVE_ENVIRONMENT = """\
environment, as one sets it when deploying on the platform: input_data_name (images), input_data_shape (such
as 0,3,224,224, without spaces), output_data_shape (such as 0,102). Storage: S3_ENDPOINT and the keys.
"""

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = build_parser().parse_args(argv)
    _log_to_standard_error()
    try:
        return int(arguments.run(arguments))
    except StandInError as error:
        print(f"modelarts_local: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception:
        logger.exception("this is a bug in modelarts_local")
        return EXIT_BUG


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; each command leaves its function in `run`."""
    parser = argparse.ArgumentParser(
        prog="modelarts_local", description="Stand-in for ModelArts on this computer.", epilog=_EXIT_CODES
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands)
    _add_predict(commands)
    return parser


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser(
        "serve",
        help="run a model package as an online service",
        description="Run a model package as the platform's online service; prints one line when it is ready.",
        epilog=_SERVE_ENVIRONMENT,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    serve.add_argument("parent", metavar="PARENT", help="folder, or s3:// or obs:// URL, that holds model/")
    serve.add_argument("--port", type=port_number, default=8080, help="port to listen on; 0 takes a free one")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.set_defaults(run=_run_serve)


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    predict = commands.add_parser(
        "predict",
        help="send images to a service",
        description="Send images to a service, one request each, and print what it answers.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    predict.add_argument("images", metavar="IMAGE", nargs="+", help="image file")
    predict.add_argument("--url", default="http://127.0.0.1:8080/", help="address of the service")
    predict.add_argument("--json", action="store_true", help="print lines of JSON: file, status, answer")
    predict.set_defaults(run=_run_predict)


def port_number(text: str) -> int:
    """Return the port in `text`; argparse shows the error."""
    if text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 to 65535")


# The commands are imported when they run: --help must not wait for MXNet or the web server.


def _run_serve(arguments: argparse.Namespace) -> int:
    from .serve import serve

    return serve(arguments.parent, arguments.host, arguments.port)


def _run_predict(arguments: argparse.Namespace) -> int:
    from .predict import predict

    return predict(arguments.images, arguments.url, arguments.json)


def _log_to_standard_error() -> None:
    """Show our own events; the root logger keeps WARNING, the threshold that handlers have there."""
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    output = logging.StreamHandler()
    output.setFormatter(formatter)
    for name, level in (
        ("modelarts_local", logging.INFO),
        ("moxing", logging.INFO),
        ("uvicorn.access", logging.INFO),
        ("uvicorn.error", logging.WARNING),
    ):
        named = logging.getLogger(name)
        named.handlers[:] = [output]
        named.setLevel(level)
        named.propagate = False
