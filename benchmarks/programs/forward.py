"""What the programs have in common that time a network alone, without a service and without pictures to prepare."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Callable

import numpy as np

WARM_UP = 3  # times, in which memory is laid out
FEWEST = 3  # times that are measured, however long they take
SEED = 1


def parse_forward(what: str) -> argparse.Namespace:
    """Read the command line. what: the network that it names, for its help."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network", type=Path, help=what)
    parser.add_argument("--image_size", type=int, required=True)
    parser.add_argument("--batches", type=int, nargs="+", required=True)
    parser.add_argument("--seconds", type=float, required=True, help="for each batch")
    return parser.parse_args()


def time_forward(options: argparse.Namespace, runner_for: Callable[[np.ndarray], Callable[[], object]]) -> None:
    """Print the median speed for each batch as {batch: images a second}.

    runner_for: takes float32 (N, 3, S, S) and returns what runs the network on it once, to its end.
    """
    random = np.random.RandomState(SEED)
    found = {}
    for batch in options.batches:
        run = runner_for(random.normal(size=(batch, 3, options.image_size, options.image_size)).astype(np.float32))
        for _ in range(WARM_UP):
            run()
        times: list[float] = []
        while sum(times) < options.seconds or len(times) < FEWEST:
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        found[batch] = batch / statistics.median(times)
    print(json.dumps(found))
