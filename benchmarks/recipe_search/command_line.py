"""The command line of the comparison of recipes by the replica."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any, Iterator, Sequence

from benchmarks.failures import BenchmarkFailed
from benchmarks.recipe_search.results import Result, append_result, read_results, table_of
from benchmarks.recipe_search.trials import NUM_LAYERS, SMALLEST_IMAGE, Settings, Trial, parse_trial
from mxnet_support import engine

from dataset.records import open_dataset
from errors import JobError

PROGRAM = "python -m benchmarks.recipe_search"
CHECK = "check"
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
RESULTS = "results.jsonl"
TABLE = "recipe_search.md"
DTYPE_ON_GPU = "bfloat16"


def main(argv: Sequence[str] | None = None) -> int:
    """Compare recipes, or the replica with the job; returns 0, or 1 after a sentence."""
    argv = sys.argv[1:] if argv is None else list(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        if argv[:1] == [CHECK]:
            arguments = build_check_parser().parse_args(argv[1:])
            load_replica()
            load_mxnet()
            from benchmarks.recipe_search.check import run_check  # loads PyTorch and MXNet

            return run_check(arguments.data)
        compare(build_parser().parse_args(argv))
    except (BenchmarkFailed, JobError) as error:
        print(f"{PROGRAM}: {str(error).replace('--data_url', 'DATA')}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; the same command goes on with what is not done", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the command line, which is that of benchmarks.recipes where it can be."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Compare recipes by trainings of a replica of the job on one GPU, several at once. "
        f"`{PROGRAM} {CHECK} DATA` compares the replica with the job.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="packed images")
    parser.add_argument("out", type=Path, metavar="OUT", help=f"folder for {RESULTS} and {TABLE}")
    parser.add_argument(
        "recipe",
        type=trial,
        nargs="+",
        metavar="RECIPE",
        help="as --recipe of the job, also with ema, class_weights, erasing, dropout and mix_prob; the first is the "
        "baseline",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one training each")
    parser.add_argument("--at-once", type=positive, default=3, metavar="N", help="trainings side by side")
    parser.add_argument("--limit-s", type=float, default=float("inf"), help="seconds after which none is begun")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: one at a time, for a try")
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), help=f"of the network; on a GPU {DTYPE_ON_GPU}")
    parser.add_argument("--no-graphs", action="store_true", help="send every kernel by itself, to look for faults")
    parser.add_argument("--num-layers", type=int, choices=NUM_LAYERS, default=18, help="of the network")
    parser.add_argument("--image-size", type=image_size, default=96, help="pixels")
    parser.add_argument("--num-epochs", type=positive, default=30, help="of each training")
    parser.add_argument("--batch-size", type=positive, default=128, help="images an update")
    return parser


def build_check_parser() -> argparse.ArgumentParser:
    """Build the command line of the check."""
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {CHECK}", description="Compare network, update and augmentation with codes/ on the CPU."
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="packed images")
    return parser


def trial(text: str) -> Trial:
    """Read a recipe of the command line."""
    try:
        return parse_trial(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """Read a number of at least 1."""
    if not (text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def image_size(text: str) -> int:
    """Read the height and width of a picture."""
    size = positive(text)
    if size < SMALLEST_IMAGE:
        raise argparse.ArgumentTypeError(f"{size} pixels: up to {SMALLEST_IMAGE - 1} the job's network is another one")
    return size


def load_replica() -> Any:
    """Return the module that trains. Raises BenchmarkFailed where PyTorch is not installed."""
    try:
        from benchmarks.recipe_search import side_by_side
    except ImportError as error:
        advice = "pip install torch numpy Pillow"
        raise BenchmarkFailed(f"PyTorch cannot be imported ({error}). Install it: {advice}") from error
    return side_by_side


def load_mxnet() -> Any:
    """Return MXNet. Raises BenchmarkFailed where it is not installed."""
    try:
        return engine.import_mxnet()
    except engine.EngineMissing as error:
        raise BenchmarkFailed(str(error)) from error


def compare(arguments: argparse.Namespace) -> None:
    """Train what is not trained yet, then print and write the table. Raises BenchmarkFailed or JobError."""
    device = load_replica().choose_device(arguments.device)
    settings = Settings(
        arguments.num_layers,
        arguments.image_size,
        arguments.num_epochs,
        arguments.batch_size,
        arguments.dtype or (DTYPE_ON_GPU if device.type == "cuda" else Settings().dtype),
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / RESULTS
    with open_dataset(str(arguments.data), settings.image_size, engine.usable_processors()) as dataset:
        done = read_results(path, settings, dataset.sha256)
        wanted = [(trial, seed) for seed in arguments.seeds for trial in arguments.recipe]
        for result in train(arguments, settings, device, dataset, _without(wanted, done)):
            append_result(path, result)
            done.append(result)
            print(
                f"{result.recipe} seed {result.seed}: top-1 {100 * result.last('val_top1'):.1f} %, its own pictures "
                f"{100 * result.last('train_top1'):.1f} %, {result.seconds:.0f} s",
                flush=True,
            )
    kept = [one for one in done if one.seed in arguments.seeds]
    table = "\n".join(table_of(kept, [trial.text for trial in arguments.recipe]))
    print(table)
    (arguments.out / TABLE).write_text(table + "\n", encoding="utf-8")
    missing = len(_without(wanted, done))
    if missing:
        raise BenchmarkFailed(
            f"{missing} trainings were not begun within --limit-s; the same command goes on with them"
        )


def _without(wanted: list[tuple[Trial, int]], done: Sequence[Result]) -> list[tuple[Trial, int]]:
    """Leave out what is done, and what stands there twice."""
    finished = {(result.recipe, result.seed) for result in done}
    return [one for one in dict.fromkeys(wanted) if (one[0].text, one[1]) not in finished]


def train(
    arguments: argparse.Namespace,
    settings: Settings,
    device: Any,
    dataset: Any,
    wanted: Sequence[tuple[Trial, int]],
) -> Iterator[Result]:
    """Train and yield each result when it is there."""
    if not wanted:
        return
    from benchmarks.recipe_search.pictures import Pictures  # these load PyTorch
    from benchmarks.recipe_search.side_by_side import Due, Lane, machine_of, train_all

    pictures = Pictures(dataset, settings.image_size, device)
    at_once = min(arguments.at_once, len(wanted)) if device.type == "cuda" else 1
    lanes = [Lane(pictures, settings, not arguments.no_graphs) for _ in range(at_once)]
    for done in train_all([Due(*one) for one in wanted], lanes, arguments.limit_s):
        trial, seed = done.due
        yield Result(
            trial.text, seed, settings, dataset.sha256, done.measured, round(done.seconds, 1), machine_of(device)
        )
