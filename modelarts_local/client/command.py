"""The command line of `modelarts_local predict`."""

from __future__ import annotations

import argparse


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command line of predict to the program's."""
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


# Imported when it runs: --help must not wait for the HTTP client.


def _run_predict(arguments: argparse.Namespace) -> int:
    from .predict import predict

    return predict(arguments.images, arguments.url, arguments.json)
