"""Run the demo: `python -m demo [IMAGES] [--epochs N]`, or `make demo`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Sequence

from demo.endpoint import EndpointFailed
from demo.walk import StepFailed, Walk

EPILOG = """\
Without IMAGES a small data set is drawn. S3_ENDPOINT and the keys, when set, are used as the storage; else MinIO
when it is on PATH, else a server in Python. Everything lies in a temporary folder unless --keep names one.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns 0, 1 with a sentence when a step failed, 2 for wrong IMAGES, 130 after Ctrl-C.

    SIGTERM and SIGHUP raise SystemExit with 128 + their number, once everything started is ended and cleaned up.
    """
    options = build_parser().parse_args(argv)
    if options.images is not None and not options.images.exists():
        print(
            f"demo: {options.images} does not exist; give a folder with one folder a class, or a .tar or .zip of it.",
            file=sys.stderr,
        )
        return 2
    _unwind_on_signals()
    try:
        with tempfile.TemporaryDirectory(prefix="demo-") as temporary:
            # The temporary files of a program that has to be killed go with this folder
            os.environ.update(TMPDIR=temporary, DLS_LOCAL_CACHE_PATH=temporary)
            folder = Path(temporary) if options.keep is None else options.keep.resolve()
            folder.mkdir(parents=True, exist_ok=True)
            keeps = options.keep is not None
            Walk(folder, options.images, options.epochs, options.bucket, keeps).run()
    except (StepFailed, EndpointFailed) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    return 0


def _unwind_on_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    for later in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(later, signal.SIG_IGN)  # cleaning up is short and must not be cut
    sys.exit(128 + number)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="demo", description="From pictures to a served prediction, through a bucket.", epilog=EPILOG
    )
    parser.add_argument(
        "images",
        metavar="IMAGES",
        nargs="?",
        type=Path,
        help="folder with one folder a class, or a .tar or .zip of it, such as 101_ObjectCategories",
    )
    parser.add_argument("--epochs", type=int, help="epochs to train (default: 8)")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep data, logs and model in this folder")
    parser.add_argument("--bucket", default="caltech-demo", help="bucket to use (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
