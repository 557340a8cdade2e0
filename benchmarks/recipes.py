"""Train with one recipe after the other on the same data: `python -m benchmarks.recipes DATA OUT RECIPE ...`.

A recipe is what --recipe of the job takes, so `modern,mirror_share=0.5` measures what mirroring brings; flags of the
job may follow it in the same argument, as in "tutorial --lr=0.01 --num_layers=34", and win over the common ones. Each
training has a folder of its own below OUT, goes on there when the program is started again, and is not repeated once it
is done. Choose on one packing of the images and report on another: `obs-layout pack --seed 1` and `--seed 0`.
"""

from __future__ import annotations

import argparse
import csv
import re
import shlex
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

from benchmarks.curves import Curve, draw_curves
from benchmarks.failures import BenchmarkFailed

ROOT = Path(__file__).resolve().parent.parent
EXIT_FAILED = 1
TABLE = "recipes.md"
CURVES = "recipes.svg"
ACCURACY = "validation-accuracy"


class Training(NamedTuple):
    """A finished training: its recipe, its seed and the lines of its history.csv."""

    recipe: str  # with its flags, as it was given
    seed: int
    history: list[dict[str, float]]

    @property
    def best(self) -> dict[str, float]:
        """The epoch whose weights the job exports."""
        return max(self.history, key=lambda line: line[ACCURACY])

    @property
    def seconds(self) -> float:
        """Median time of an epoch, without validation."""
        return statistics.median(line["seconds"] for line in self.history)


def main(argv: Sequence[str] | None = None) -> int:
    """Train what is not trained yet, print and write the table; returns 0, or 1 with a sentence."""
    arguments = build_parser().parse_args(argv)
    trainings = []
    try:
        for recipe in arguments.recipe:
            for seed in arguments.seeds:
                trainings.append(train(arguments, recipe, seed))
    except BenchmarkFailed as error:
        print(f"benchmarks.recipes: {error}", file=sys.stderr)
        return EXIT_FAILED
    table = "\n".join(table_of(trainings))
    print(table)
    (arguments.out / TABLE).write_text(table + "\n")
    curves = [
        Curve(f"{one.recipe} (seed {one.seed})", [100 * line[ACCURACY] for line in one.history]) for one in trainings
    ]
    (arguments.out / CURVES).write_text(draw_curves(curves, "epoch", "validation accuracy, %"))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recipes",
        description="Train with one recipe after the other on the same data and compare.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="packed images")
    parser.add_argument("out", type=Path, metavar="OUT", help=f"folder for trainings, {TABLE} and {CURVES}")
    parser.add_argument(
        "recipe",
        nargs="+",
        metavar="RECIPE",
        help='as --recipe of the job, flags of the job after it: "tutorial --lr=0.01"; the first is the baseline',
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one training each")
    parser.add_argument("--num-layers", type=int, default=18, help="of the network")
    parser.add_argument("--image-size", type=int, default=96, help="pixels")
    parser.add_argument("--num-epochs", type=int, default=30, help="of each training")
    parser.add_argument("--batch-size", type=int, default=128, help="images an update")
    return parser


def train(arguments: argparse.Namespace, recipe: str, seed: int) -> Training:
    """Train unless that is done, with one line an epoch on standard output. Raises BenchmarkFailed."""
    folder = arguments.out / f"{re.sub('[^a-z0-9_.=-]+', '_', recipe)}-seed{seed}"
    history = folder / "report" / "history.csv"
    if not history.exists():
        folder.mkdir(parents=True, exist_ok=True)
        name, *more = shlex.split(recipe)
        flags = [
            f"--{flag}={getattr(arguments, flag)}" for flag in ("num_layers", "image_size", "num_epochs", "batch_size")
        ]
        flags += [f"--data_url={arguments.data}", f"--train_url={folder}", f"--recipe={name}", f"--seed={seed}"]
        with (folder / "log.txt").open("a") as log:
            for line in run([sys.executable, str(ROOT / "codes" / "train_caltech.py"), *flags, "--num_gpus=0", *more]):
                log.write(line)
                log.flush()
                if found := re.search(r"epoch \d+ of \d+ done.*|Validation-accuracy=.*", line):
                    print(f"{recipe} seed {seed}: {found.group(0)}", flush=True)
        if not history.exists():
            raise BenchmarkFailed(f"the training with {recipe} failed; see {folder / 'log.txt'}")
    with history.open(newline="") as stream:
        return Training(
            recipe, seed, [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
        )


def run(command: list[str]) -> Iterator[str]:
    """Yield the lines that a program writes."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        yield from process.stdout


def table_of(trainings: Sequence[Training]) -> Iterator[str]:
    """Yield the lines of a Markdown table, one training a line, with its difference to the first recipe."""
    yield "| recipe | seed | top-1, % | against the first | top-5, % | cross-entropy | last epoch, % | s an epoch |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    first = {one.seed: one.best[ACCURACY] for one in reversed(trainings) if one.recipe == trainings[0].recipe}
    for one in trainings:
        best = one.best
        gain = 100 * (best[ACCURACY] - first[one.seed])
        yield (
            f"| `{one.recipe}` | {one.seed} | {100 * best[ACCURACY]:.1f} | {gain:+.1f} "
            f"| {100 * best['validation-top_k_accuracy_5']:.1f} | {best['validation-cross-entropy']:.3f} "
            f"| {100 * one.history[-1][ACCURACY]:.1f} | {one.seconds:.0f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
