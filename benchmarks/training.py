"""Train with this project's job, MXNet's bare loop and PyTorch in turn: `python -m benchmarks.training --data=FOLDER`.

Each is a fresh process; the speed is that of updates after a few others, in images a second.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import sys
from pathlib import Path
from typing import Any, Sequence

from benchmarks import training_report
from benchmarks.boto3_tree import PREPARING_THREADS, upload_tree
from benchmarks.comparison import EXIT_FAILED, machine_facts, run_comparison, say
from benchmarks.failures import BenchmarkFailed
from benchmarks.flag_types import count, endpoint, existing, names_of, writable
from benchmarks.peers import MODULES, ROOT, Tools, client_environment, open_storage
from benchmarks.training_report import Run, Start
from benchmarks.training_sides import CASES, SIDES, Bench, Case, count_weights, measure_memory, measure_start

MEMORY = "memory"
CASE = re.compile(r"resnet(18|34)-(\d{2,4})-(\d{1,4})")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0, or 1 with a sentence when a program failed. A missed bar is a result: 0."""
    arguments = build_parser().parse_args(argv)
    measure = functools.partial(_measure, arguments)
    result = run_comparison("benchmarks.training", measure, training_report, arguments.json)
    return EXIT_FAILED if result is None else 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    sides = (*SIDES, MEMORY)
    parser = argparse.ArgumentParser(
        prog="benchmarks.training",
        description="Train the same network with this project's job, a bare loop and PyTorch, in turn, and compare.",
    )
    parser.add_argument(
        "--data", type=existing, required=True, metavar="FOLDER", help="images as packed by obs-layout, large enough"
    )
    parser.add_argument(
        "--images", type=existing, metavar="FOLDER", help="the same as they were, one folder a class, for PyTorch"
    )
    parser.add_argument(
        "--case",
        type=case_of,
        action="append",
        metavar="NAME",
        help=f"{' or '.join(CASES)}, or another one with its batch, as in resnet18-96-128 (default: both)",
    )
    parser.add_argument(
        "--only", type=names_of(sides), default=list(sides), metavar="NAMES", help=f"some of {','.join(sides)}"
    )
    parser.add_argument("--rounds", type=count, default=3, metavar="N", help="by each side (default: %(default)s)")
    parser.add_argument(
        "--updates", type=count, default=20, metavar="N", help="that are measured in a round (default: %(default)s)"
    )
    parser.add_argument(
        "--bucket", action="store_true", help="measure the start of a job whose data is in a bucket, too"
    )
    parser.add_argument(
        "--endpoint",
        type=endpoint,
        metavar="URL",
        help="the bucket's server, with its keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (default: SeaweedFS, "
        "started for the run)",
    )
    parser.add_argument(
        "--tools",
        type=Path,
        default=ROOT / ".venv-bench",
        metavar="FOLDER",
        help="where PyTorch and SeaweedFS are installed when first needed (default: .venv-bench)",
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write every run and the medians there too")
    return parser


def case_of(text: str) -> Case:
    """The case of a name of CASES, or of `resnet18-96-128`: layers, pixels, images an update."""
    found = CASE.fullmatch(text)
    if text in CASES:
        return CASES[text]
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither of {', '.join(CASES)} nor like resnet18-96-128")
    return Case(*map(int, found.groups()))


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    cases = arguments.case or list(CASES.values())
    names = [name for name in SIDES if name in arguments.only]
    tools = Tools(arguments.tools.absolute())
    work = folder / "work"
    work.mkdir()
    bench = Bench(arguments.data, arguments.images, tools, work, arguments.updates, environment_in(work))
    machine = machine_facts()
    facts = {case.name: f"ResNet-{case.layers}, {case.pixels} px, {case.batch} images an update" for case in cases}
    if "pytorch" in names:
        _prepare_pytorch(bench, cases, facts)
    runs, settings = compare(bench, cases, names, arguments.rounds)
    # of one case: validation of the other takes minutes an epoch
    memory = [measure_memory(bench, cases[0])] if MEMORY in arguments.only else []
    return {
        "machine": machine,
        "data": str(arguments.data),
        "cases": facts,
        "settings": settings,
        "runs": runs,
        "memory": memory,
        "starts": _measure_starts(arguments, bench, cases[0], folder) if arguments.bucket else [],
    }


def environment_in(work: Path) -> dict[str, str]:
    """The environment of all sides: the user's, our modules, temporary files in `work`."""
    return {**os.environ, "PYTHONPATH": MODULES, "PYTHONWARNINGS": "ignore", "TMPDIR": str(work)}


def _prepare_pytorch(bench: Bench, cases: Sequence[Case], facts: dict[str, str]) -> None:
    """Install PyTorch and see that it trains as many weights as MXNet; adds their number to `facts`."""
    if bench.images is None:
        raise BenchmarkFailed("pytorch needs --images=FOLDER, the original images; leave it out with --only.")
    say(f"installing PyTorch into {bench.tools.folder / 'torch'}, unless it is there")
    bench.tools.install("torch")
    for case in cases:
        of_mxnet, of_torch = count_weights(bench, case)
        if of_mxnet != of_torch:
            raise BenchmarkFailed(
                f"{case.name}: MXNet trains {of_mxnet:,} weights and PyTorch {of_torch:,}; give --images the folder "
                "that --data was packed from, with as many classes."
            )
        facts[case.name] += f", {of_mxnet:,} weights"


def compare(bench: Bench, cases: Sequence[Case], names: Sequence[str], rounds: int) -> tuple[list[Run], dict[str, str]]:
    """Run each side `rounds` times for each case, in turn; returns the runs and the settings of each side."""
    runs: list[Run] = []
    settings: dict[str, str] = {}
    for number in range(1, rounds + 1):
        first = (number - 1) % max(len(names), 1)  # another one in each round, so that none always follows the same
        for case in cases:
            for name in (*names[first:], *names[:first]):
                speed = SIDES[name](bench, case, f"{case.name}-{name}-{number}")
                runs.append(Run(case.name, name, number, speed.images_per_s, speed.peak_bytes, speed.waited))
                settings[name] = speed.settings
                say(f"round {number} of {rounds}: {case.name}, {name}: {speed.images_per_s:.2f} images/s")
    return runs, settings


def _measure_starts(arguments: argparse.Namespace, bench: Bench, case: Case, folder: Path) -> list[Start]:
    """Measure, in turn, how long a job takes to its first update from a folder and from a bucket."""
    if arguments.endpoint is None:
        bench.tools.install("clients")
    with open_storage(arguments.endpoint, bench.tools, folder) as storage:
        upload_tree(storage.client(), bench.data, storage.bucket, "data", PREPARING_THREADS)
        environment = {**client_environment(storage, bench.work), "TMPDIR": str(bench.work)}
        in_bucket = bench._replace(environment=environment)
        starts = []
        for number in range(1, arguments.rounds + 1):
            url = f"s3://{storage.bucket}"
            folder_s = measure_start(bench, case, str(bench.data), str(bench.work / f"start-{number}"))
            bucket_s = measure_start(in_bucket, case, f"{url}/data", f"{url}/start-{number}")
            starts.append(Start(case.name, number, folder_s, bucket_s))
            say(f"round {number} of {arguments.rounds}: {folder_s:.1f} s from a folder, {bucket_s:.1f} s from a bucket")
    return starts


if __name__ == "__main__":
    sys.exit(main())
