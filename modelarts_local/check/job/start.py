"""T2, T3, T16: start the boot file as the platform does, up to the point where it parses its command line.

What is faithful: the command line's form, the current folder, PYTHONPATH, and that the code folder has another name
than at home. What is not: the engine is replaced by modules that do nothing, so that nothing can be trained, and the
Python is the one that runs this. start_probe.py, the program in the child, ends it at the first parsed command line
that has data_url. Therefore only those failures count that stand-ins cannot cause: a command line that is refused, a
module of the job's own that is not found, a name that is not defined. A job that reads its command line without
argparse, or does other work first, is left to the reading rules.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

from ..findings import Finding, printable
from ..rules import finding
from .source import Job, SourceFile, cached_imports
from .submission import Submission

PROBE = Path(__file__).resolve().parent / "start_probe.py"
START_LIMIT_S = 30  # chosen: imports of the library and of the job's own modules
OTHER_NAME = "code_folder_of_another_name"
MAX_COPIED_BYTES = 4 * 1024 * 1024  # what is imported or read before the command line is small; weights stay out
# What the platform gives, and an argument that no job declares (contract 1.3)
PLATFORM_ARGUMENTS = ("--data_url=s3://bucket/data/", "--train_url=s3://bucket/output/V0001/", "--num_gpus=1")
UNKNOWN_ARGUMENT = "--init_method=tcp://job-0:6666"

logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """How far a boot file came.

    name: parsed, refused by argparse, failed with an exception, ended without either, busy with what must not be, or
    silent.
    kind: the exception's class. file, line: the job's innermost frame, file below the code folder. module: that an
    ImportError speaks of. is_own: the exception was raised in the job's own code.
    """

    name: str
    message: str = ""
    kind: str = ""
    file: str = ""
    line: int = 0
    module: str = ""
    is_own: bool = False


def find_refused_start(job: Job, submission: Submission, found: Sequence[Finding]) -> list[Finding]:
    """Return what goes wrong between starting the boot file and its parsed command line.

    found: the findings so far; what they say already is not said again.
    """
    boot = printable(job.place(job.boot))
    logger.info("starting %s up to its command line; --no-run leaves that out", boot)
    outcome = start(job, submission)
    if outcome.name == "refused":
        return list(_refused(job, outcome.message, found))
    if outcome.name == "failed" and outcome.is_own:
        return list(_failed(job, outcome, found))
    if outcome.name != "parsed":
        logger.info("%s did not come to a command line with data_url, so only its text was read", boot)
    return []


def start(job: Job, submission: Submission, limit_s: int = START_LIMIT_S) -> Outcome:
    """Return what start_probe.py reports, an outcome called "silent" when it says nothing in limit_s seconds."""
    parameters = [f"--{name}={value}" for name, value in submission.parameters]
    with tempfile.TemporaryDirectory(prefix="modelarts_local-") as parent:
        _copy_code(job.folder, os.path.join(parent, OTHER_NAME))
        reading, writing = os.pipe()
        command = [sys.executable, "-B", "-W", "ignore", str(PROBE), str(writing), job.name, str(limit_s)]
        command += [f"{OTHER_NAME}/{job.boot}", *PLATFORM_ARGUMENTS, *parameters, UNKNOWN_ARGUMENT]
        process = subprocess.Popen(
            command,
            cwd=parent,
            env=_environment(parent),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
        )
        os.close(writing)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _end(process)
        with open(reading, "rb") as channel:
            os.set_blocking(reading, False)
            said = channel.read(65536) or b""
    return read_outcome(said)


def read_outcome(said: bytes) -> Outcome:
    """Return what the child has said; the job in it may have said it, too."""
    try:
        told = json.loads(said)
        return Outcome(
            str(told["outcome"]),
            str(told.get("message", "")),
            str(told.get("kind", "")),
            str(told.get("file", "")),
            int(told.get("line", 0)),
            str(told.get("module", "")),
            told.get("is_own") is True,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Outcome("silent")


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)  # what it has started too
    except ProcessLookupError:
        pass
    process.wait()


def _environment(parent: str) -> dict[str, str]:
    """Return the environment of the child: the platform's, without anything of the user's but where programs are."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": parent,
        "TMPDIR": parent,
        "PYTHONPATH": parent,
        "PYTHONUNBUFFERED": "1",
        "DLS_LOCAL_CACHE_PATH": "/cache",
        "DLS_DATA_URL": "s3://bucket/data/",
        "DLS_TRAIN_URL": "s3://bucket/output/V0001/",
        "DLS_TASK_INDEX": "0",
        "DLS_TASK_NUMBER": "1",
        "BATCH_JOB_ID": "job00000000",
    }


def _copy_code(folder: str, target: str) -> None:
    def leave_out(parent: str, names: list[str]) -> list[str]:
        paths = ((name, os.path.join(parent, name)) for name in names)
        return [
            name
            for name, path in paths
            if name in (".git", "__pycache__")
            or os.path.islink(path)
            or not (os.path.isdir(path) or (os.path.isfile(path) and os.path.getsize(path) <= MAX_COPIED_BYTES))
        ]

    shutil.copytree(folder, target, ignore=leave_out)


def _refused(job: Job, message: str, found: Sequence[Finding]) -> Iterator[Finding]:
    is_unknown = message.startswith("unrecognized arguments")
    if is_unknown and any(one.rule == "T2" for one in found):
        return
    yield finding(
        "T2", job.place(job.boot), None, f"the command line is refused: {message}",
        f"a job that takes {' '.join(argument.split('=')[0] for argument in PLATFORM_ARGUMENTS)} and unknown arguments",
        "Use parse_known_args(), give every flag a default, or pass what is missing with --param NAME=VALUE.",
    )  # fmt: skip


def _failed(job: Job, outcome: Outcome, found: Sequence[Finding]) -> Iterator[Finding]:
    name = "/".join([*job.home, outcome.file])
    source = next((source for source in job.reached if source.name == name), None)
    if source is None or any((one.path, one.line) == (job.place(name), outcome.line) for one in found):
        return
    message = re.sub(r" \([^()]*\)$", "", outcome.message)  # where the copy lay
    if outcome.kind == "NameError" and not _imports_all(source):
        remedy = "Define or import the name before this line."
    elif outcome.kind in ("ImportError", "ModuleNotFoundError") and _is_own(job, outcome.module):
        remedy = "Correct the name; modules of the code folder are found by their own names, beside the boot file."
    else:
        return
    expected = "a boot file that gets as far as its command line"
    yield finding("T16", job.place(name), outcome.line, message, expected, remedy)


def _imports_all(source: SourceFile) -> bool:
    """Tell whether names come by `import *`, of which a module that does nothing has none."""
    return source.tree is not None and any(imported.name == "*" for imported in cached_imports(source.tree))


def _is_own(job: Job, module: str) -> bool:
    """Tell whether a module is the job's; of others, a version that is not the platform's may be installed here."""
    top = module.partition(".")[0]
    return top == job.name or any(name.split("/")[0] in (top, f"{top}.py") for name in job.modules)
