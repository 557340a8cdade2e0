"""Pack the same images with obs_layout and with MXNet's own im2rec in turn: `python -m benchmarks.packing [IMAGES]`.

Both get the same folder, the same share for training, short edge, JPEG quality and number of worker processes. The
work is not quite the same: obs_layout also tells images by content, splits within each class, hashes every file and
waits until it is on the disk; im2rec goes by file name, splits as a whole and resizes without antialiasing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, Sequence

from benchmarks.comparison import machine_facts, machine_line
from benchmarks.failures import BenchmarkFailed
from benchmarks.flag_types import count
from obs_layout.storage import engine

ROOT = Path(__file__).resolve().parent.parent
TRAIN_RATIO = 0.8
RESIZE_PX = 256
JPEG_QUALITY = 95
IMAGES_PER_KIND = 200  # of the ten drawn kinds: enough that the programs' start does not decide
EXIT_FAILED = 1
MEBIBYTE = 1024 * 1024
PACKAGES = ("numpy", "mxnet", "pillow", "opencv-python-headless")
# ru_maxrss is in bytes on macOS and in kibibytes elsewhere
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
# MXNet reads names that NumPy 1.24 removed; forked, because the functions of a worker are those of __main__
START_IM2REC = """
import multiprocessing, runpy, sys
from mxnet_support import engine
engine.import_mxnet()
multiprocessing.set_start_method("fork")
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
DRAW = """
import sys, pathlib
from demo.drawing import draw_data_set
draw_data_set(pathlib.Path(sys.argv[1]), int(sys.argv[2]), seed=0)
"""


class Usage(NamedTuple):
    """What one packing took. peak_mebibytes: of the largest of its processes; record_bytes: size of all .rec."""

    wall_s: float
    cpu_s: float
    peak_mebibytes: float
    images: int
    record_bytes: int

    @property
    def images_per_s(self) -> float:
        """Images packed a second of wall time."""
        return self.images / self.wall_s


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0, or 1 with a sentence when a program failed."""
    arguments = build_parser().parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            images = arguments.images or draw_images(Path(folder) / "images")
            result = compare(images, Path(folder), arguments.runs)
    except BenchmarkFailed as error:
        print(f"benchmarks.packing: {error}", file=sys.stderr)
        return EXIT_FAILED
    result["data"] = f"{arguments.images}" if arguments.images else "drawn for this run (demo.drawing)"
    print(json.dumps(result, indent=2) if arguments.json else as_table(result))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.packing",
        description="Pack the same images with obs_layout and with MXNet's im2rec, in turn, and compare.",
    )
    parser.add_argument(
        "images",
        metavar="IMAGES",
        nargs="?",
        type=_folder,
        help=f"folder with one folder a class (default: {10 * IMAGES_PER_KIND:,} pictures are drawn)",
    )
    parser.add_argument(
        "--runs", type=count, default=3, metavar="N", help="packings by each program (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print every run and the medians as JSON")
    return parser


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder, and im2rec reads nothing else")
    return Path(text).resolve()


def draw_images(folder: Path) -> Path:
    """Draw a data set into `folder` and return it."""
    # in a process of its own: the system counts the memory of the parent at the start of a child as the child's
    _run([sys.executable, "-c", DRAW, str(folder), str(IMAGES_PER_KIND)], folder.with_suffix(".log"))
    return folder


def compare(images: Path, folder: Path, runs: int) -> dict[str, Any]:
    """Pack `images` `runs` times with each program into subfolders of `folder`, which it empties again.

    Returns the machine's facts, every run, the medians, and their ratios obs_layout / im2rec.
    Raises BenchmarkFailed when a program cannot be started or fails.
    """
    programs = {"obs_layout": pack_with_obs_layout, "im2rec": pack_with_im2rec}
    im2rec_program()  # say at once what is missing
    machine = {**machine_facts(), **versions()}
    _read_once(images)
    measured: dict[str, list[Usage]] = {name: [] for name in programs}
    for number in range(runs):
        # each goes first in turn, so that a machine that slows down slows both
        for name in sorted(programs, reverse=number % 2 == 0):
            with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=folder) as out:
                measured[name].append(programs[name](images, Path(out)))
            usage = measured[name][-1]
            print(f"run {number + 1} of {runs}: {name} took {usage.wall_s:.1f} s", file=sys.stderr, flush=True)
    medians = {name: _medians(usages) for name, usages in measured.items()}
    return {
        "machine": machine,
        "runs": {name: [usage._asdict() for usage in usages] for name, usages in measured.items()},
        "medians": medians,
        "ratios": {key: medians["obs_layout"][key] / medians["im2rec"][key] for key in medians["im2rec"]},
    }


def _medians(usages: Sequence[Usage]) -> dict[str, float]:
    fields = (*Usage._fields, "images_per_s")
    return {field: statistics.median(getattr(usage, field) for usage in usages) for field in fields}


def _read_once(images: Path) -> None:
    # the first program must not be the one that pays for the disk
    for path in images.rglob("*"):
        if path.is_file():
            path.read_bytes()


def pack_with_obs_layout(images: Path, out: Path) -> Usage:
    """Pack into the folder `out` with this project's program."""
    settings = [f"--train-ratio={TRAIN_RATIO}", f"--resize={RESIZE_PX}", f"--quality={JPEG_QUALITY}"]
    workers = f"--workers={engine.usable_processors()}"
    packed = out / "mxnet_format"
    command = [sys.executable, "-m", "obs_layout", "pack", str(images), str(packed), *settings, workers]
    return _with_result(packed, [_run(command, out / "log")])


def pack_with_im2rec(images: Path, out: Path) -> Usage:
    """Pack into the folder `out` with MXNet's program: once to write the lists, once to pack what they list."""
    start = [sys.executable, "-W", "ignore", "-c", START_IM2REC, im2rec_program(), str(out / "data"), str(images)]
    settings = [f"--resize={RESIZE_PX}", f"--quality={JPEG_QUALITY}", f"--num-thread={engine.usable_processors()}"]
    listing = _run([*start, "--list", "--recursive", f"--train-ratio={TRAIN_RATIO}"], out / "list.log")
    return _with_result(out, [listing, _run([*start, *settings], out / "pack.log")])


def im2rec_program() -> str:
    """Return the path of im2rec.py in the installed MXNet. Raises BenchmarkFailed when it cannot run."""
    for module in ("mxnet", "cv2"):
        if importlib.util.find_spec(module) is None:
            raise BenchmarkFailed(
                f"im2rec needs the module {module}, which is not installed; `make bench` installs it."
            )
    mxnet = importlib.util.find_spec("mxnet")
    assert mxnet is not None and mxnet.origin is not None
    program = Path(mxnet.origin).parent / "tools" / "im2rec.py"
    if not program.is_file():
        raise BenchmarkFailed(f"{program} is not there; this MXNet comes without im2rec, mxnet==1.9.1 has it.")
    return str(program)


def _run(command: Sequence[str], log: Path) -> tuple[float, float, float]:
    """Run a program to its end; returns its wall seconds, CPU seconds and peak MiB, its child processes included."""
    with open(log, "wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - started
        process.returncode = status
    if status != 0:
        said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise BenchmarkFailed(f"`{' '.join(command[1:4])} ...` ended with wait status {status}:\n{said}")
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT_BYTES / MEBIBYTE


def _with_result(out: Path, runs: Sequence[tuple[float, float, float]]) -> Usage:
    images = sum(len(path.read_text(encoding="ascii").splitlines()) for path in out.glob("*.idx"))
    if images == 0:
        raise BenchmarkFailed("nothing was packed; give a folder with one folder of JPEGs a class.")
    record_bytes = sum(path.stat().st_size for path in out.glob("*.rec"))
    wall_s, cpu_s, peak_mebibytes = zip(*runs)
    return Usage(sum(wall_s), sum(cpu_s), max(peak_mebibytes), images, record_bytes)


def versions() -> dict[str, str]:
    """Return the versions of all that takes part."""
    installed = {distribution.metadata["Name"] for distribution in importlib.metadata.distributions()}
    return {name: importlib.metadata.version(name) for name in PACKAGES if name in installed}


def as_table(result: dict[str, Any]) -> str:
    """Return the medians and ratios of `compare` as lines for people."""
    rows = (
        ("wall time, s", "wall_s", "{:,.1f}"),
        ("CPU time, s", "cpu_s", "{:,.1f}"),
        ("peak of the largest process, MiB", "peak_mebibytes", "{:,.0f}"),
        ("images a second", "images_per_s", "{:,.0f}"),
        ("images packed", "images", "{:,.0f}"),
        ("records, bytes", "record_bytes", "{:,.0f}"),
    )
    ours, peer, ratios = result["medians"]["obs_layout"], result["medians"]["im2rec"], result["ratios"]
    lines = [" " * 34 + f"{'obs_layout':>14}{'im2rec':>14}{'ratio':>8}"]
    for label, key, form in rows:
        lines.append(f"{label:34}{form.format(ours[key]):>14}{form.format(peer[key]):>14}{ratios[key]:>8.2f}")
    runs = len(result["runs"]["im2rec"])
    lines.append(f"Median of {runs} by each, in turn; ratio: obs_layout / im2rec. Images: {result['data']}.")
    lines.append(machine_line(result["machine"]))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
