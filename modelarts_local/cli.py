"""The command line: what its parts add to it, logging and exit codes."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from typing import Sequence

from obs_layout.help_form import Parser

from . import image_config, quantize
from .check import command as check
from .client import command as client
from .errors import StandInError
from .job import command as job
from .service import command as service
from .submit import command as submit

# Each has the command lines of its part; what they import, they import when they run, so that --help is quick
PARTS = (check, job, quantize, image_config, service, client, submit)

EXIT_BUG = 4
EXIT_NO_READER = 141  # as the shell has it when a program ends because nobody reads its output

_EPILOG = """\
COMMAND --help explains a command.

exit codes: 0 done; 1 the job, the model package or its handler failed or was refused, or an image was; 2 the command
line, the environment or a port in use; 3 storage, no service at the URL, or no answer of ModelArts itself; 4 a bug in
modelarts-local; 130 interrupted
"""

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = build_parser().parse_args(argv)
    _log_to_standard_error()
    try:
        exit_code = int(arguments.run(arguments))
        sys.stdout.flush()
        return exit_code
    except StandInError as error:
        print(f"modelarts-local: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        return EXIT_NO_READER
    except Exception:
        logger.exception("this is a bug in modelarts-local")
        return EXIT_BUG


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; each command leaves its function in `run`."""
    parser: argparse.ArgumentParser = Parser(
        prog="modelarts-local", description="Stand-in for ModelArts on this computer.", epilog=_EPILOG
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for part in PARTS:
        part.add_commands(commands)
    return parser


def _log_to_standard_error() -> None:
    """Show our own events; the root logger keeps WARNING, the threshold that handlers have there."""
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    output = logging.StreamHandler()
    output.setFormatter(formatter)
    for name, level in (
        ("modelarts_local", logging.INFO),
        ("moxing", logging.INFO),
        ("uvicorn.error", logging.WARNING),
        ("python_multipart", logging.ERROR),  # what is wrong with a form is told to whoever sent it
    ):
        named = logging.getLogger(name)
        named.handlers[:] = [output]
        named.setLevel(level)
        named.propagate = False
