"""Which Python, with which MXNet, runs a job or a handler: `--engine local|parity|PATH`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from .errors import CommandLineError

LOCAL = "local"
PARITY = "parity"
HELP = (
    "what runs it: local is this Python with its MXNet; parity is Python 3.6 with MXNet 1.2.1, the platform's "
    "MXNet-1.2.1-python3.6; or the path of a Python that has MXNet"
)
PROBE_LIMIT_S = 120

# where `make parity` installs the platform's engine, in a checkout
_PARITY_IN_CHECKOUT = Path(__file__).resolve().parents[1] / ".venv-parity" / "bin" / "python"
_PROBE = """
import json, platform, sys
sys.path.insert(0, sys.argv[1])
from mxnet_support import engine
mx = engine.import_mxnet()
print(json.dumps({"mxnet": mx.__version__, "python": platform.python_version()}))
"""


class Engine(NamedTuple):
    """A Python that has MXNet. name: what the user called it; python: its path; mxnet, python_version: what it has."""

    name: str
    python: str
    mxnet: str
    python_version: str

    def __str__(self) -> str:
        return engine_string(self.mxnet, self.python_version)


def engine_string(mxnet: str, python_version: str) -> str:
    """Return what the platform would call an engine, such as MXNet-1.2.1-python3.6."""
    return f"MXNet-{mxnet}-python{'.'.join(python_version.split('.')[:2])}"


def find_engine(name: str = LOCAL) -> Engine:
    """Return the engine that a user names.

    name: "local", "parity", or the path or command of a Python.

    Raises CommandLineError when there is none, or when it has no MXNet; the message says how to get it.
    """
    python = find_python(name)
    from obs_layout.storage import LEAVES_FOLDER

    try:
        probe = subprocess.run(
            [python, "-W", "ignore", "-c", _PROBE, str(LEAVES_FOLDER)],
            capture_output=True,
            text=True,
            timeout=PROBE_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandLineError(f"--engine={name}: {python} does not run: {error}") from error
    if probe.returncode != 0:
        said = (probe.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CommandLineError(f"--engine={name}: {python} cannot import MXNet: {said}")
    found = json.loads(probe.stdout.splitlines()[-1])
    return Engine(name, python, found["mxnet"], found["python"])


def find_python(name: str) -> str:
    """Return the path of the Python that a user names, as find_engine takes it; whether it has MXNet is not tried.

    Raises CommandLineError when there is none; the message says how to get it.
    """
    if name == LOCAL:
        return sys.executable
    if name == PARITY:
        if os.access(_PARITY_IN_CHECKOUT, os.X_OK):
            return str(_PARITY_IN_CHECKOUT)
        raise CommandLineError(
            f"--engine=parity: the platform's engine is not installed at {_PARITY_IN_CHECKOUT}. Run `make parity` in "
            "a checkout of this project with Python 3.6, or give the path of a Python 3.6 that has "
            "mxnet==1.2.1.post1 and mxnet-model-server==0.4."
        )
    python = shutil.which(name)
    if python is None:
        raise CommandLineError(
            f"--engine={name}: there is no such program. Give {LOCAL}, {PARITY} or the path of a Python that has MXNet."
        )
    return python
