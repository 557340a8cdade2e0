"""Train by PyTorch what the job trains by MXNet: `python -m benchmarks.programs.torch_steps --images=FOLDER ...`.

The same network, recipe and optimizer, in the way that PyTorch advises for the CPU: memory format channels_last,
as many threads as cores and as many processes that prepare pictures. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Iterator, Sequence

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.programs.steps import LEARNING_RATE, add_step_flags
from benchmarks.programs.torch_pictures import PictureFolder
from benchmarks.programs.torch_resnet import UNITS, build_resnet

from recipes import Recipe, parse_recipe


def main(argv: Sequence[str] | None = None) -> None:
    """Train and print {"images", "seconds", "waited_s", "weights", "settings"}."""
    options = build_parser().parse_args(argv)
    pictures = PictureFolder(options.images, options.image_size, options.recipe)
    network = build_resnet(options.num_layers, len(pictures.class_names)).to(memory_format=torch.channels_last)
    workers = torch.get_num_threads()
    seconds = waited_s = 0.0
    if options.updates:
        if len(pictures) < options.batch_size:
            sys.exit(f"{options.images} holds {len(pictures)} pictures, fewer than a batch of {options.batch_size}")
        loader = DataLoader(
            pictures, options.batch_size, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=True
        )
        seconds, waited_s = train(network, _endless(loader), options)
    result = {
        "images": options.updates * options.batch_size,
        "seconds": seconds,
        "waited_s": waited_s,
        "weights": sum(weights.numel() for weights in network.parameters()),
        "settings": f"PyTorch {torch.__version__}, {workers} threads, {workers} workers of its DataLoader",
    }
    print(json.dumps(result))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, whose flags are named as the job's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--num_layers", type=int, choices=UNITS, required=True)
    parser.add_argument("--image_size", type=int, required=True)
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--recipe", type=parse_recipe, required=True)
    add_step_flags(parser)
    return parser


def train(
    network: nn.Module, batches: Iterator[tuple[torch.Tensor, torch.Tensor]], options: argparse.Namespace
) -> tuple[float, float]:
    """Make the updates; returns the seconds of those that are measured, and those of them without a batch."""
    optimizer = build_optimizer(network, options.recipe)
    measure = nn.CrossEntropyLoss(label_smoothing=options.recipe.label_smoothing)
    started, waited_s = time.monotonic(), 0.0
    for number in range(options.warm_up + options.updates):
        if number == options.warm_up:
            started, waited_s = time.monotonic(), 0.0
        asked = time.monotonic()
        images, labels = next(batches)
        waited_s += time.monotonic() - asked
        loss = measure(network(images.to(memory_format=torch.channels_last)), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(network.parameters(), options.recipe.clip_gradient)
        optimizer.step()
    return time.monotonic() - started, waited_s


def build_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Nesterov's gradient, with weight decay of convolutions and the last layer's weights only."""
    weights = list(network.parameters())
    groups = [
        {"params": [one for one in weights if one.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [one for one in weights if one.dim() == 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, LEARNING_RATE, recipe.momentum, nesterov=True)


def _endless(loader: DataLoader) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    while True:
        yield from loader


if __name__ == "__main__":
    main(sys.argv[1:])
