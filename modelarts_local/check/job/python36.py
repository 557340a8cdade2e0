"""T1 with Python 3.6 itself, where one is installed: compiling a file runs nothing of it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from typing import Iterator

from ... import engines
from ...errors import CommandLineError
from ..findings import Finding, printable
from ..rules import finding
from .source import Job
from .submission import Submission

COMPILE_LIMIT_S = 60
_COMPILE = r"""
import json, sys, warnings
warnings.simplefilter("ignore")
for path in json.loads(sys.stdin.read()):
    try:
        with open(path, "rb") as source:
            compile(source.read(), path, "exec")
    except SyntaxError as error:
        print(json.dumps([path, error.lineno, error.msg]))
"""

logger = logging.getLogger(__name__)


def find_what_python36_refuses(job: Job, submission: Submission) -> Iterator[Finding]:
    """T1: a reached file that the engine's own Python does not compile; nothing where no such Python is installed."""
    python = _python_to_ask(submission.engine_name)
    if python is None:
        return
    names = {os.path.join(job.folder, source.name): source.name for source in job.reached}
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", _COMPILE],
            input=json.dumps(list(names)),
            capture_output=True,
            text=True,
            timeout=COMPILE_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("%s was not asked whether it compiles %s: %s", python, printable(job.shown), error)
        return
    for line in done.stdout.splitlines():
        path, number, message = json.loads(line)
        yield finding(
            "T1", job.place(names[path]), number, message, "a file that the engine's Python compiles",
            f"Correct the line; {python} refuses it.",
        )  # fmt: skip


def _python_to_ask(engine_name: str) -> str | None:
    if engine_name != engines.LOCAL:
        return engines.find_python(engine_name)
    try:
        return engines.find_python(engines.PARITY)
    except CommandLineError:
        return None
