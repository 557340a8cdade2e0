"""`modelarts-local quantize`: a finished model a second time, with 8-bit layers."""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
from typing import Any

from obs_layout.storage import LEAVES_FOLDER

from . import engines
from .errors import CommandLineError
from .options import STORAGE, number_from_0
from .package.model_package import refuse_model_folder_itself

PROGRAM = LEAVES_FOLDER / "quantize_model.py"  # of the training job, which makes the same with --export_int8=1
MAX_DROP = 0.5  # as there

logger = logging.getLogger(__name__)

_DESCRIPTION = """\
Write int8/ beside model/: the same model with 8-bit layers, which CPUs run faster on MXNet 1.9.1.

    modelarts-local quantize out/V0001 --calibration mxnet_format
    modelarts-local serve out/V0001/int8

The ranges of values are found with pictures of the validation set, and the accuracy of both models is measured on all
of it; int8/quantization.json has the figures. Where 8 bits cost more than --max-drop, nothing is written. The model in
model/ stays as it is, and stays the one for the platform's MXNet-1.2.1, which does not load the other.
"""
_EPILOG = f"""\
{STORAGE}

exit codes: 0 written; 1 the model or the records do not fit, or 8 bits cost too much; 2 the command line; 3 storage
"""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command line of quantize to the program's."""
    quantize = commands.add_parser(
        "quantize",
        help="write a model a second time with 8-bit layers, for faster serving",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    quantize.add_argument("parent", metavar="PARENT", help="folder, or s3:// or obs:// URL, that holds model/")
    quantize.add_argument(
        "--calibration",
        metavar="REC",
        required=True,
        help="validation records: a .rec file, or the folder or URL that holds *val*.rec",
    )
    quantize.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=number_from_0,
        default=MAX_DROP,
        help="how much of the top-1 accuracy, in percent points, 8 bits may cost",
    )
    quantize.add_argument("--engine", default=engines.LOCAL, help=engines.HELP)
    quantize.add_argument("--json", action="store_true", help="print what was measured as JSON")
    quantize.set_defaults(run=_run_quantize)


def _run_quantize(arguments: argparse.Namespace) -> int:
    refuse_model_folder_itself(arguments.parent)
    python = engines.find_python(arguments.engine)
    if not PROGRAM.exists():
        raise CommandLineError(f"{PROGRAM} is not there. Run this from a checkout of the project, with its codes/.")
    command = [
        python,
        *("-W", "ignore"),
        str(PROGRAM),
        f"--calibration={arguments.calibration}",
        f"--max_drop={arguments.max_drop}",
        "--",
        arguments.parent,
    ]
    # its log goes where ours goes; it ends with Ctrl-C by itself
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode == 0:
        measured = json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(measured) if arguments.json else _told(measured))
    return done.returncode


def _told(measured: dict[str, Any]) -> str:
    before, after = (100 * measured[kind]["accuracy"] for kind in ("float32", "int8"))
    return (
        f"{measured['package']}: top-1 {after:.2f} %, with float32 {before:.2f} %, "
        f"on {measured['validation_images']:,} pictures. Serve it with: modelarts-local serve {measured['package']}"
    )
