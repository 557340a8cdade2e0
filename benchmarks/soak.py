"""Keep our service at half of what it can do for half an hour: `python -m benchmarks.soak --images=...`.

Every look tells the answers, their times, the memory of all its processes and their open files, so that what grows
is seen.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import sys
from pathlib import Path
from typing import Any, Mapping, Sequence

from benchmarks import client_usage, soak_report
from benchmarks.comparison import EXIT_FAILED, machine_facts, run_comparison, say
from benchmarks.failures import BenchmarkFailed
from benchmarks.flag_types import count, existing, number_up_to, writable
from benchmarks.peers import MODULES, ROOT, Tools
from benchmarks.serving import CLASSES, DRAWN_FROM, package, pictures_below, spread
from benchmarks.serving_server import RunningServer
from benchmarks.serving_sides import OURS, SIDES, Bench, Network, clean_environment, draw_package, start_of
from benchmarks.soak_report import Look
from mxnet_support import engine

CONNECTIONS = 8  # chosen: two batches; the rate and not they limit the load
LIMIT_S = 10.0  # in which it is found how many answers a second the service gives
PICTURES = 32


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0, or 1 with a sentence when the service broke off or refused a request."""
    arguments = build_parser().parse_args(argv)
    measure = functools.partial(_measure, arguments)
    result = run_comparison("benchmarks.soak", measure, soak_report, arguments.json)
    return EXIT_FAILED if result is None else 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.soak",
        description="Keep modelarts-local serve at a part of what it can do, and look whether anything grows.",
    )
    parser.add_argument("--images", type=existing, required=True, metavar="FOLDER", help="JPEGs, anywhere below it")
    parser.add_argument(
        "--package", type=package, metavar="PARENT", help="what is served (default: a package of random weights)"
    )
    parser.add_argument("--minutes", type=minutes, default=30.0, metavar="M", help="of load (default: %(default)g)")
    parser.add_argument(
        "--every", type=count, default=60, metavar="S", help="seconds from one look to the next (default: %(default)s)"
    )
    parser.add_argument(
        "--share", type=share, default=0.5, metavar="S", help="of the answers a second that it can give (default: 0.5)"
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write every look there too")
    return parser


def minutes(text: str) -> float:
    """A number above 0 and up to a week's."""
    return number_up_to(text, 7 * 24 * 60)


def share(text: str) -> float:
    """A number above 0 and up to 1."""
    return number_up_to(text, 1)


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    files = pictures_below(arguments.images)
    served = arguments.package
    if served is None:
        served = folder / "drawn"
        say("drawing the weights of ResNet-34, 224 px")
        draw_package(Network(34, 224), CLASSES, spread(files, DRAWN_FROM), served)
    machine = machine_facts()
    bench = Bench(served, None, Tools(ROOT / ".venv-bench"), Path(sys.executable), folder, (), engine.physical_cores())
    pictures = spread(files, PICTURES)
    environment = clean_environment(PYTHONPATH=MODULES)
    with RunningServer(*start_of(SIDES[OURS], bench, "soak"), pictures[0]) as server:
        at_most = server.load(pictures, CONNECTIONS, 2.0, LIMIT_S, environment)
        limit = len(at_most["latencies_s"]) / at_most["seconds"]
        rate = arguments.share * limit
        say(f"{limit:.1f} answers a second at most; {rate:.1f} for {arguments.minutes:g} minutes")
        looks: list[Look] = []
        number = max(round(arguments.minutes * 60 / arguments.every), 1)
        while len(looks) < number:
            looks.append(_one_look(server, pictures, arguments.every, rate, environment))
            say(f"look {len(looks)} of {number}: {looks[-1].answers} answers, p99 {looks[-1].p99_ms:.0f} ms")
    network = f"{served}, {bench.pixels} px" if arguments.package else f"ResNet-34, {bench.pixels} px, random weights"
    return {
        "machine": machine,
        "network": network,
        "limit": limit,
        "rate": rate,
        "every": arguments.every,
        "looks": looks,
    }


def _one_look(
    server: RunningServer, pictures: Sequence[Path], seconds: float, rate: float, environment: Mapping[str, str]
) -> Look:
    found = server.load(pictures, CONNECTIONS, 0.0, seconds, environment, rate)
    if found["refused"] or not found["latencies_s"]:
        raise BenchmarkFailed(f"{server.url} refused requests, by status: {found['refused']}")
    times = [1000 * seconds for seconds in found["latencies_s"]]
    processes = list(client_usage.family(server.pid))
    return Look(
        answers=len(times),
        p50_ms=statistics.median(times),
        p99_ms=statistics.quantiles(times, n=100, method="inclusive")[98] if len(times) > 1 else times[0],
        memory_bytes=sum(client_usage.memory_of(pid, "VmRSS") or 0 for pid in processes),
        descriptors=sum(client_usage.open_files_of(pid) or 0 for pid in processes),
    )


if __name__ == "__main__":
    sys.exit(main())
