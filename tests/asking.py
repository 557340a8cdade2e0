"""Commands of modelarts_local inside the test's own process: a real client, without a new Python for each question."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import NamedTuple

from modelarts_local.cli import build_parser
from modelarts_local.errors import StandInError


class Asked(NamedTuple):
    """Exit code and output of one command."""

    code: int
    out: str
    err: str


def ask(*arguments: str | Path) -> Asked:
    """Run predict with these arguments."""
    return run_command("predict", *map(str, arguments))


def run_command(*words: str) -> Asked:
    """Run any command of modelarts_local."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = _run(list(words))
    return Asked(code, out.getvalue(), err.getvalue())


def _run(command: list[str]) -> int:
    try:
        arguments = build_parser().parse_args(command)
        return int(arguments.run(arguments))
    except StandInError as error:
        print(f"modelarts-local: {error}", file=sys.stderr)
        return error.exit_code
    except SystemExit as ending:
        return int(ending.code or 0)
