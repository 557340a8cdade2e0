"""Steps of a training by MXNet in a bare loop: `python -m benchmarks.programs.mxnet_steps --feed=FEED FLAG ...`.

The flags are those of the job, from which network, recipe and data are taken; the job's own loop is not. With
--feed=memory every step learns from one batch that is there before the first: as fast as the network can be trained.
With --feed=records the job's own batches are drawn, and what the loop waits for them is measured. Prints one line of
JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from typing import Any, Iterator, Sequence

from benchmarks.programs.steps import COOL_DOWN, LEARNING_RATE, add_step_flags
from mxnet_support import engine

import arguments
from dataset.batches import TrainingBatches
from dataset.preprocessing import Preprocessing
from dataset.records import open_dataset


def main(argv: Sequence[str] | None = None) -> None:
    """Train and print {"images", "seconds", "waited_s", "weights", "settings"}."""
    from network import starting_point  # loads MXNet

    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--feed", choices=("memory", "records"), required=True)
    add_step_flags(parser)
    own, flags_of_job = parser.parse_known_args(argv)
    options = arguments.parse_arguments(flags_of_job)
    mx = engine.import_mxnet()
    threads = engine.usable_processors()
    with open_dataset(options.data_url, options.image_size, threads) as dataset:
        options.num_classes = len(dataset.class_names)
        options.num_examples = options.batch_size * (own.warm_up + own.updates + COOL_DOWN)
        module = build_module(starting_point.network_for(options), options)
        feed = draw_batches(dataset, options, threads)
        if own.feed == "memory":
            feed = itertools.repeat(next(feed))
        seconds, waited_s = run_steps(module, feed, own.warm_up, own.updates, empties=own.feed == "records")
    weights = sum(array.size for array in module.get_params()[0].values())
    result = {
        "images": own.updates * options.batch_size,
        "seconds": seconds,
        "waited_s": waited_s,
        "weights": weights,
        "settings": f"MXNet {mx.__version__}, {os.environ['OMP_NUM_THREADS']} threads of OpenMP",
    }
    print(json.dumps(result))


def build_module(network: Any, options: argparse.Namespace) -> Any:
    """Bind the network on the CPU with first weights and the optimizer of the job."""
    mx = engine.import_mxnet()
    recipe, side = options.recipe, options.image_size
    module = mx.mod.Module(network.symbol, data_names=["data"], label_names=["softmax_label"], context=[mx.cpu()])
    module.bind(
        data_shapes=[("data", (options.batch_size, 3, side, side))],
        label_shapes=[("softmax_label", (options.batch_size, options.num_classes))],
    )
    module.init_params(mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2))
    optimizer = {
        "learning_rate": LEARNING_RATE,
        "momentum": recipe.momentum,
        "wd": recipe.weight_decay,
        "rescale_grad": 1.0 / options.batch_size,
        "clip_gradient": recipe.clip_gradient,
    }
    module.init_optimizer(kvstore=None, optimizer="nag", optimizer_params=optimizer)
    return module


def draw_batches(dataset: Any, options: argparse.Namespace, threads: int) -> Iterator[Any]:
    """Return the batches that the job draws, in MXNet's form."""
    from training.evaluator import to_mxnet  # loads MXNet

    batches = TrainingBatches(
        dataset.train,
        options.num_examples,
        options.batch_size,
        Preprocessing.for_image_size(options.image_size),
        options.recipe,
        options.num_classes,
        options.seed,
        threads,
    )
    return map(to_mxnet, batches.epoch(0))


def run_steps(module: Any, feed: Iterator[Any], warm_up: int, updates: int, empties: bool) -> tuple[float, float]:
    """Make `warm_up` updates and then those that are measured; returns (seconds, seconds of them without a batch).

    empties: let the network finish each update before the next batch is asked for, so that all the time until the
    batch comes is time in which the network has nothing to do.
    """
    mx = engine.import_mxnet()
    started = time.monotonic()
    waited_s = 0.0
    for number in range(warm_up + updates):
        if number == warm_up:
            mx.nd.waitall()
            started, waited_s = time.monotonic(), 0.0
        asked = time.monotonic()
        batch = next(feed)
        waited_s += time.monotonic() - asked
        module.forward_backward(batch)
        module.update()
        if empties:
            mx.nd.waitall()
        else:  # as the job does, which looks at what the network says
            module.get_outputs()[0].wait_to_read()
    mx.nd.waitall()
    return time.monotonic() - started, waited_s


if __name__ == "__main__":
    main(sys.argv[1:])
