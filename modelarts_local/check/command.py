"""The command line of `modelarts-local check`."""

from __future__ import annotations

import argparse

from .. import engines
from ..options import STORAGE

_EPILOG = f"""\
A job is a folder with .py files at its top; a package is a folder that holds model/. To see how a job takes its
command line and a handler its pictures, both are started: their Python code runs with your rights, without your
keys, and a job only up to its command line. --no-run only reads.

environment: a package is deployed with input_data_name, input_data_shape and output_data_shape where they are set

{STORAGE}

exit codes: 0 no finding of severity error; 1 there is one; 2 the command line; 3 storage
"""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command line of check to the program's."""
    check = commands.add_parser(
        "check",
        help="find what the platform would refuse in a job or a model package",
        description="Find what ModelArts would refuse, or what would fail there, before anything is uploaded.",
        epilog=_EPILOG,
    )
    check.add_argument(
        "paths", metavar="PATH", nargs="+", help="code folder or model package, or an s3:// or obs:// URL of one"
    )
    kinds = check.add_mutually_exclusive_group()
    kinds.add_argument("--job", dest="kind", action="store_const", const="job", help="take every PATH for a job")
    kinds.add_argument(
        "--package", dest="kind", action="store_const", const="package", help="take every PATH for a package"
    )
    check.add_argument("--json", action="store_true", help="print one JSON object: findings, checked, errors, warnings")
    check.add_argument("--no-run", action="store_true", help="run none of the code, only read it")
    check.add_argument(
        "--engine",
        default=engines.LOCAL,
        help="whose Python compiles a job, and what runs a handler: local, parity, or the path of a Python; jobs are "
        "always read as Python 3.6, which the platform has",
    )
    _add_job_flags(check.add_argument_group("jobs"))
    _add_package_flags(check.add_argument_group("packages"))
    check.set_defaults(run=_run_check)


def _add_job_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--boot-file",
        metavar="FILE",
        help="program in the code folder (default: the one file at the top that looks like it)",
    )
    group.add_argument("--data-url", metavar="URL", help="where the data lies; the names of its files are checked")
    group.add_argument("--train-url", metavar="URL", help="where the output will go; it should be empty")
    group.add_argument(
        "--param",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=_parameter,
        help="a running parameter of the job; may be given again",
    )


def _add_package_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model-name", metavar="NAME", help="name that the model will be imported under")
    group.add_argument("--model-version", metavar="N.N.N", help="version that it will be imported as")
    group.add_argument("--description", metavar="TEXT", help="description that it will be imported with")


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.lstrip("-").partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


# Imported when it runs: --help must not wait for what it needs.


def _run_check(arguments: argparse.Namespace) -> int:
    from .job.submission import Submission
    from .runner import CheckSettings, check

    submission = Submission(
        arguments.data_url, arguments.train_url, arguments.param, arguments.engine, not arguments.no_run
    )
    settings = CheckSettings(
        arguments.kind,
        arguments.boot_file,
        submission,
        arguments.model_name,
        arguments.model_version,
        arguments.description,
    )
    return check(arguments.paths, settings, arguments.json)
