"""Serve one network by this project and by others, under the same load: `python -m benchmarks.serving --images=...`.

The services get the same pictures over kept connections, and the answers of all are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
from pathlib import Path
from typing import Any, Sequence

from benchmarks import serving_report
from benchmarks.comparison import EXIT_FAILED, machine_facts, run_comparison, say
from benchmarks.failures import BenchmarkFailed
from benchmarks.flag_types import count, existing, names_of, number_up_to, writable
from benchmarks.peers import ROOT, Tools
from benchmarks.serving_rounds import Plan, compare
from benchmarks.serving_sides import FORWARDS, MXNET_INT8, OURS_INT8, SIDES, Bench, Network, draw_package
from mxnet_support import engine

NETWORK = re.compile(r"resnet(18|34|50)-(\d{2,4})")
CLASSES = 102  # of Caltech-101 with its background
SUFFIXES = {".jpg", ".jpeg"}
DRAWN_FROM = 16  # pictures that a random network is made for
CALIBRATED_BY = 64  # pictures for the ranges of INT8
NETWORKS = "networks"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0, or 1 with a sentence when our service or an answer failed.

    A peer that cannot be installed or started is left out, with the reason in the result: 0.
    """
    arguments = build_parser().parse_args(argv)
    measure = functools.partial(_measure, arguments)
    result = run_comparison("benchmarks.serving", measure, serving_report, arguments.json)
    return EXIT_FAILED if result is None else 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    names = (*SIDES, NETWORKS)
    parser = argparse.ArgumentParser(
        prog="benchmarks.serving",
        description="Serve one network by this project and by others, in turn, under the same load, and compare.",
    )
    parser.add_argument("--images", type=existing, required=True, metavar="FOLDER", help="JPEGs, anywhere below it")
    parser.add_argument(
        "--package", type=package, metavar="PARENT", help="what is served (default: a package of random weights)"
    )
    parser.add_argument(
        "--int8-package", type=package, metavar="PARENT", help="the same network as INT8 for MXNet (default: left out)"
    )
    parser.add_argument(
        "--network",
        type=network_of,
        default=Network(34, 224),
        metavar="NAME",
        help="of the random weights: layers and pixels (default: resnet34-224)",
    )
    parser.add_argument(
        "--only", type=names_of(names), default=list(names), metavar="NAMES", help=f"some of {','.join(names)}"
    )
    parser.add_argument("--rounds", type=count, default=3, metavar="N", help="by each side (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=seconds, default=10.0, metavar="S", help="of each measurement (default: %(default)g)"
    )
    parser.add_argument(
        "--connections", type=counts, default=[1, 4, 16], metavar="NUMBERS", help="kept at once (default: 1,4,16)"
    )
    parser.add_argument("--pictures", type=count, default=32, metavar="N", help="that are sent (default: %(default)s)")
    parser.add_argument(
        "--parity",
        type=Path,
        default=ROOT / ".venv-parity" / "bin" / "python",
        metavar="PYTHON",
        help="the one with MXNet 1.2.1 and mxnet-model-server (default: that of .venv-parity)",
    )
    parser.add_argument(
        "--tools",
        type=Path,
        default=ROOT / ".venv-bench",
        metavar="FOLDER",
        help="where peers are installed when first needed (default: .venv-bench)",
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write every run and the medians there too")
    return parser


def package(text: str) -> Path:
    """The absolute path of a folder that holds model/."""
    if not (Path(text) / "model").is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} holds no folder model/")
    return Path(text).absolute()


def network_of(text: str) -> Network:
    """The network of a name such as `resnet34-224`: layers and pixels."""
    found = NETWORK.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like resnet34-224, with 18, 34 or 50 layers")
    return Network(*map(int, found.groups()))


def counts(text: str) -> list[int]:
    """Whole numbers of at least 1 with commas between them."""
    return [count(number) for number in text.split(",")]


def seconds(text: str) -> float:
    """A number above 0 and up to an hour's."""
    return number_up_to(text, 3600, "seconds")


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    files = pictures_below(arguments.images)
    sent = spread(files, arguments.pictures)
    others = [path for path in files if path not in sent] or files
    machine = machine_facts()
    served = arguments.package or folder / "drawn"
    if arguments.package is None:
        say(f"drawing the weights of ResNet-{arguments.network.layers}, {arguments.network.pixels} px")
        draw_package(arguments.network, CLASSES, spread(others, DRAWN_FROM), served)
    work = folder / "work"
    work.mkdir()
    bench = Bench(
        served,
        arguments.int8_package,
        Tools(arguments.tools.absolute()),
        arguments.parity.absolute(),
        work,
        spread(others, CALIBRATED_BY),
        engine.physical_cores(),
    )
    plan = Plan(*_names(arguments), arguments.rounds, arguments.seconds, arguments.connections)
    found = compare(bench, sent, plan)
    return {
        "machine": machine,
        "network": _described(bench, arguments),
        "pictures": f"{len(sent)} of {len(files)} below {arguments.images}",
        **found,
    }


def _names(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The sides and the networks alone that are wanted."""
    networks = list(FORWARDS) if NETWORKS in arguments.only else []
    has_int8 = arguments.int8_package is not None
    return (
        [name for name in SIDES if name in arguments.only and (has_int8 or name != OURS_INT8)],
        [name for name in networks if has_int8 or name != MXNET_INT8],
    )


def pictures_below(folder: Path) -> list[Path]:
    """The absolute paths of the JPEGs anywhere below a folder, sorted. Raises BenchmarkFailed when there is none."""
    files = sorted(path for path in folder.absolute().rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise BenchmarkFailed(f"there is no {' or '.join(sorted(SUFFIXES))} below {folder}.")
    return files


def spread(files: Sequence[Path], number: int) -> list[Path]:
    """Take so many of the files, or all, at even distances."""
    number = min(number, len(files))
    return [files[index * len(files) // number] for index in range(number)]


def _described(bench: Bench, arguments: argparse.Namespace) -> str:
    if arguments.package is not None:
        return f"{arguments.package}, {bench.pixels} px"
    return f"ResNet-{arguments.network.layers}, {bench.pixels} px, {CLASSES} classes, random weights"


if __name__ == "__main__":
    sys.exit(main())
