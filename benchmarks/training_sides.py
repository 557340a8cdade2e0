"""The sides of the comparison of trainings: how each is started, and how its speed is taken."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Callable, Iterable, Mapping, NamedTuple, Sequence

from benchmarks.peers import ROOT, Tools
from benchmarks.programs.steps import COOL_DOWN
from benchmarks.training_report import Memory
from benchmarks.watched_program import WatchedProgram

JOB = ROOT / "codes" / "train_caltech.py"
RECIPE = "modern"
WARM_UP = 3  # updates before the time is taken: the first lays out memory, and as many batches are prepared ahead
MEMORY_EPOCHS = 10
MEMORY_UPDATES = 8  # of each of them
SPEED = re.compile(r"Epoch\[\d+\] Batch \[\d+\]\tSpeed: ([\d.]+) samples/sec")
EPOCH_DONE = re.compile(r"epoch \d+ of \d+ done")


class Case(NamedTuple):
    """What is trained: ResNet of so many layers, on pictures of so many pixels, so many of them an update."""

    layers: int
    pixels: int
    batch: int

    @property
    def name(self) -> str:
        """What --case takes for it."""
        usual = (name for name, case in CASES.items() if case == self)
        return next(usual, f"resnet{self.layers}-{self.pixels}-{self.batch}")

    def flags(self) -> list[str]:
        """The flags of the job that say the same."""
        return [
            f"--num_layers={self.layers}",
            f"--image_size={self.pixels}",
            f"--batch_size={self.batch}",
            f"--recipe={RECIPE}",
        ]


CASES = {"resnet18-112": Case(18, 112, 64), "resnet34-224": Case(34, 224, 32)}


class Bench(NamedTuple):
    """What the sides run on. data: packed; images: originals, or None; work: an empty folder of the benchmark's own."""

    data: Path
    images: Path | None
    tools: Tools
    work: Path
    updates: int
    environment: Mapping[str, str]


class Speed(NamedTuple):
    """What a side did. waited: share of the time without a batch, None where it is not known."""

    images_per_s: float
    peak_bytes: int
    waited: float | None
    settings: str


def job_command(case: Case, data: str, output: str, updates: int, epochs: int = 1) -> list[str]:
    """The job on the CPU, with a line of its log for each update and epochs of so many updates."""
    return [
        sys.executable,
        str(JOB),
        f"--data_url={data}",
        f"--train_url={output}",
        *case.flags(),
        "--num_gpus=0",
        "--disp_batches=1",
        f"--num_epochs={epochs}",
        f"--num_examples={updates * case.batch}",
    ]


def measure_job(bench: Bench, case: Case, unique: str) -> Speed:
    """Run the job until it has logged as many updates as are wanted. Raises BenchmarkFailed."""
    command = job_command(case, str(bench.data), str(bench.work / unique), WARM_UP + bench.updates + COOL_DOWN)
    with WatchedProgram(command, bench.environment) as job:
        images_per_s = speed_of(stopping_after(job, WARM_UP + bench.updates), WARM_UP, bench.updates)
        if images_per_s is None:
            raise job.failure()
        return Speed(images_per_s, job.peak_bytes, None, f"codes/train_caltech.py with --recipe={RECIPE}")


def stopping_after(job: WatchedProgram, updates: int) -> Iterable[str]:
    """Yield the lines of a job, all of them, and stop it when it has logged so many updates."""
    logged = 0
    for line in job:
        yield line
        if SPEED.search(line):
            logged += 1
            if logged == updates:  # once: a second signal would not let it save
                job.stop()


def speed_of(lines: Iterable[str], warm_up: int, updates: int) -> float | None:
    """Images a second over `updates` updates after `warm_up` others, from the job's log with a line for each.

    None when there are fewer. All lines are read.
    """
    speeds = [float(found.group(1)) for found in map(SPEED.search, lines) if found]
    measured = speeds[warm_up : warm_up + updates]
    # each line is the speed of as many images
    return updates / sum(1 / speed for speed in measured) if len(measured) == updates else None


def measure_ceiling(bench: Bench, case: Case, unique: str) -> Speed:
    """Run MXNet's bare loop on one batch. Raises BenchmarkFailed."""
    return _speed(*_run_steps(mxnet_command(bench, case, "memory"), bench))


def measure_waiting(bench: Bench, case: Case, unique: str) -> Speed:
    """Run MXNet's bare loop on the job's own batches. Raises BenchmarkFailed."""
    return _speed(*_run_steps(mxnet_command(bench, case, "records"), bench))


def measure_pytorch(bench: Bench, case: Case, unique: str) -> Speed:
    """Run PyTorch on the original images. Raises BenchmarkFailed."""
    return _speed(*_run_steps(torch_command(bench, case), bench))


def count_weights(bench: Bench, case: Case) -> tuple[int, int]:
    """Count the weights of MXNet's network and of PyTorch's. Raises BenchmarkFailed."""
    nothing = bench._replace(updates=0)
    commands = (mxnet_command(nothing, case, "memory"), torch_command(nothing, case))
    mxnet, torch = (_run_steps(command, bench)[0]["weights"] for command in commands)
    return mxnet, torch


def mxnet_command(bench: Bench, case: Case, feed: str) -> list[str]:
    """The bare loop; with no updates it only builds the network."""
    where = [f"--data_url={bench.data}", f"--train_url={bench.work}", "--num_gpus=0"]
    program = [sys.executable, "-m", "benchmarks.programs.mxnet_steps", f"--feed={feed}"]
    return [*program, *where, *case.flags(), *_step_flags(bench.updates)]


def torch_command(bench: Bench, case: Case) -> list[str]:
    """PyTorch; with no updates it only builds the network."""
    program = [bench.tools.program("torch", "python"), "-m", "benchmarks.programs.torch_steps"]
    return [*program, f"--images={bench.images}", *case.flags(), *_step_flags(bench.updates)]


def _step_flags(updates: int) -> list[str]:
    return [f"--warm-up={WARM_UP if updates else 0}", f"--updates={updates}"]


def _run_steps(command: Sequence[str], bench: Bench) -> tuple[dict, int]:
    """Run a program of steps; returns the line of JSON that it prints, and its peak memory in bytes."""
    with WatchedProgram(command, bench.environment) as program:
        results = [line for line in program if line.startswith("{")]
        if not (program.succeeded and results):
            raise program.failure()
        return json.loads(results[-1]), program.peak_bytes


def _speed(result: Mapping, peak_bytes: int) -> Speed:
    seconds = result["seconds"]
    return Speed(result["images"] / seconds, peak_bytes, result["waited_s"] / seconds, result["settings"])


def measure_memory(bench: Bench, case: Case) -> Memory:
    """Run a job of MEMORY_EPOCHS short epochs to its end. Raises BenchmarkFailed."""
    output = bench.work / "memory"
    command = job_command(case, str(bench.data), str(output), MEMORY_UPDATES, MEMORY_EPOCHS)
    with WatchedProgram(command, bench.environment) as job:
        held = [job.resident_bytes() for line in job if EPOCH_DONE.search(line)]
        if not job.succeeded:
            raise job.failure()
        return Memory(case.name, held, job.peak_bytes)


def measure_start(bench: Bench, case: Case, data: str, output: str) -> float:
    """Start the job on a folder or URL; returns the seconds until it logs its first update. Raises BenchmarkFailed."""
    command = job_command(case, data, output, WARM_UP + COOL_DOWN)
    with WatchedProgram(command, bench.environment) as job:
        seconds = [job.seconds for line in stopping_after(job, 1) if SPEED.search(line)]
        if not seconds:
            raise job.failure()
        return seconds[0]


SIDES: Mapping[str, Callable[[Bench, Case, str], Speed]] = {
    "job": measure_job,
    "ceiling": measure_ceiling,
    "pytorch": measure_pytorch,
    "waiting": measure_waiting,
}
