"""Upload and download the same files with this project and with its peers in turn: `python -m benchmarks.transfer`.

The peers are boto3, s3fs, awscli and s5cmd, each a fresh process with its own defaults, on one server in one run. What
they stored and fetched is checked, and removed, outside the time that is measured.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from benchmarks import client_usage, transfer_report
from benchmarks.boto3_tree import PREPARING_THREADS, upload_tree
from benchmarks.comparison import EXIT_FAILED, machine_facts, run_comparison, say
from benchmarks.failures import BenchmarkFailed
from benchmarks.flag_types import count, endpoint, existing, names_of, writable
from benchmarks.object_server import Storage
from benchmarks.peers import PEERS, ROOT, Tools, client_environment, open_storage
from benchmarks.transfer_data import DataSet, fault_of_download, fault_of_sizes, make_data_set
from benchmarks.transfer_report import Run

DATA = ("rec", "images", "small")
DIRECTIONS = ("upload", "download")
WARM_UP = 0.0002  # of the small files: 4, enough to see each program work
TIMEOUT_S = 3600  # of one client
# Downloads of more files than this stay until the end: for minutes after many deletions ext4 makes new files up to 20
# times slower (it does not hand out fresh i-nodes again), and the next program would pay for them.
FILES_KEPT = 100
SAID_CHARACTERS = 1000  # of a client that failed


class Bench(NamedTuple):
    """Where the clients run and what they reach."""

    storage: Storage
    tools: Tools
    work: Path  # an empty folder of the benchmark's own
    environment: Mapping[str, str]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0, or 1 with a sentence when a program failed. A missed bar is a result: 0."""
    arguments = build_parser().parse_args(argv)
    measure = functools.partial(_measure, arguments)
    result = run_comparison("benchmarks.transfer", measure, transfer_report, arguments.json)
    return EXIT_FAILED if result is None or any(run.fault for run in result["runs"]) else 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.transfer",
        description="Upload and download the same files with this project and its peers, in turn, and compare.",
    )
    data = parser.add_argument_group("data")
    data.add_argument("--data", type=names_of(DATA), metavar="NAMES", help="some of rec,images,small (default: all)")
    data.add_argument(
        "--rec", type=existing, metavar="FOLDER", help="large files, as packed by obs-layout (default: random bytes)"
    )
    data.add_argument(
        "--images", type=existing, metavar="FOLDER", help="original images, or an archive of them (default: left out)"
    )
    data.add_argument(
        "--scale", type=_share, default=1.0, metavar="X", help="share of the made files' usual size, for a trial"
    )
    peers = parser.add_argument_group("peers")
    peers.add_argument(
        "--only", type=names_of(tuple(PEERS)), default=list(PEERS), metavar="NAMES", help=f"some of {','.join(PEERS)}"
    )
    peers.add_argument(
        "--tools",
        type=Path,
        default=ROOT / ".venv-bench",
        metavar="FOLDER",
        help="where peers and server are installed when first needed (default: .venv-bench)",
    )
    parser.add_argument("--rounds", type=count, default=5, metavar="N", help="by each program (default: %(default)s)")
    parser.add_argument(
        "--endpoint",
        type=endpoint,
        metavar="URL",
        help="a server that runs, with its keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (default: SeaweedFS, "
        "started for the run)",
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write every run and the medians there too")
    return parser


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.0001 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0.0001 to 1")
    return share


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    names = arguments.data or [name for name in DATA if name != "images" or arguments.images]
    if "images" in names and arguments.images is None:
        raise BenchmarkFailed("the data set images needs --images=FOLDER, the original images.")
    tools = Tools(arguments.tools.absolute())
    for environment in _environments(arguments):
        say(f"installing into {tools.folder / environment}, unless it is there")
        tools.install(environment)
    peers = {name: {"version": PEERS[name].version(tools), "settings": PEERS[name].settings} for name in arguments.only}
    given = {"rec": arguments.rec, "images": arguments.images, "small": None}
    data_sets = [make_data_set(name, given[name], folder / name, arguments.scale) for name in names]
    machine = machine_facts()
    with open_storage(arguments.endpoint, tools, folder) as storage:
        work = folder / "work"
        (work / "home").mkdir(parents=True)
        bench = Bench(storage, tools, work, client_environment(storage, work / "home"))
        _warm_up(bench, arguments.only, folder / "warm-up")
        runs = compare(bench, arguments.only, data_sets, arguments.rounds, say)
    return {
        "machine": machine,
        "server": storage.description,
        "peers": peers,
        "data": {each.name: each.facts() for each in data_sets},
        "runs": runs,
    }


def _environments(arguments: argparse.Namespace) -> list[str]:
    needed = {environment for environment in (PEERS[name].environment for name in arguments.only) if environment}
    return sorted(needed if arguments.endpoint else needed | {"clients"})  # which the server is in


def _warm_up(bench: Bench, names: Sequence[str], folder: Path) -> None:
    """Run each program once on next to nothing: what cannot work says so now, and all are read from the disk."""
    say(f"trying {', '.join(names)}")
    for run in compare(bench, names, [make_data_set("small", None, folder, WARM_UP)], 1, lambda line: None):
        if run.fault is not None:
            raise BenchmarkFailed(f"{run.peer} does not {run.direction}: {run.fault}")


def compare(
    bench: Bench, names: Sequence[str], data_sets: Sequence[DataSet], rounds: int, say: Callable[[str], None]
) -> list[Run]:
    """Transfer each data set in both directions `rounds` times with each of the peers `names`, in turn.

    say: gets a line after each transfer. A transfer that fails is a Run with a fault.
    """
    runs = []
    for data_set in data_sets:  # what is downloaded was put there by none of the programs, and by one for all
        upload_tree(bench.storage.client(), data_set.folder, bench.storage.bucket, _prefix(data_set), PREPARING_THREADS)
    numbers = itertools.count()
    for number in range(1, rounds + 1):
        first = (number - 1) % len(names)  # another one in each round, so that none always follows the same
        for data_set, direction in itertools.product(data_sets, DIRECTIONS):
            for name in (*names[first:], *names[:first]):
                transfer = _upload if direction == "upload" else _download
                run = transfer(bench, data_set, name, number, f"run-{next(numbers)}")
                runs.append(run)
                outcome = run.fault or f"{run.wall_s:.2f} s"
                say(f"round {number} of {rounds}: {data_set.name} {direction}, {name}: {outcome}")
        bench.storage.give_back_space()
    for data_set in data_sets:
        bench.storage.clear(f"{_prefix(data_set)}/")
    return runs


def _prefix(data_set: DataSet) -> str:
    return f"source/{data_set.name}"


def _upload(bench: Bench, data_set: DataSet, name: str, number: int, unique: str) -> Run:
    run = _run(bench, data_set, name, number, "upload", str(data_set.folder), unique)
    fault = run.fault or fault_of_sizes(data_set.sizes, bench.storage.sizes(unique))
    bench.storage.clear(f"{unique}/")
    return run._replace(fault=fault)


def _download(bench: Bench, data_set: DataSet, name: str, number: int, unique: str) -> Run:
    folder = bench.work / unique
    folder.mkdir()
    run = _run(bench, data_set, name, number, "download", str(folder), _prefix(data_set))
    fault = run.fault or fault_of_download(data_set, folder)
    if len(data_set.sizes) < FILES_KEPT:
        shutil.rmtree(folder)
    return run._replace(fault=fault)


def _run(bench: Bench, data_set: DataSet, name: str, number: int, direction: str, folder: str, prefix: str) -> Run:
    command = PEERS[name].command(bench.tools, direction, folder, f"s3://{bench.storage.bucket}/{prefix}")
    os.sync()  # what the one before left to be written must not slow this one down
    usage, said = _use(command, bench)
    fault = None if usage["status"] == 0 else f"ended with wait status {usage['status']:.0f}: {said}"
    return Run(data_set.name, direction, name, number, usage["wall_s"], usage["cpu_s"], int(usage["peak_bytes"]), fault)


def _use(command: Sequence[str], bench: Bench) -> tuple[dict[str, float], str]:
    """Run a client; returns what client_usage measured, and the end of what the client printed."""
    report, log = bench.work / "usage.json", bench.work / "log"
    report.unlink(missing_ok=True)
    measuring = [sys.executable, "-I", client_usage.__file__, str(report), str(TIMEOUT_S)]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*measuring, *command],
            cwd=ROOT,
            env=dict(bench.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            process.wait()
        except BaseException:  # interrupted: it ends the client first, which killing it would not
            process.terminate()
            process.wait()
            raise
    said = log.read_text(encoding="utf-8", errors="replace").strip()[-SAID_CHARACTERS:]
    try:
        return json.loads(report.read_text(encoding="ascii")), said
    except (OSError, ValueError):  # none, or an empty one
        raise BenchmarkFailed(f"`{command[0]}` could not be started: {said}") from None


if __name__ == "__main__":
    sys.exit(main())
