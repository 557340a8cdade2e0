"""Time the job's network by PyTorch: `python -m benchmarks.programs.torch_forward MODEL`, with weights of its own.

The package tells which network by its number of weights.
"""

from __future__ import annotations

import argparse
import sys
from typing import Callable

import numpy as np
import torch
from torch import nn

from benchmarks.programs.forward import parse_forward, time_forward
from benchmarks.programs.packaged_model import read_package
from benchmarks.programs.torch_resnet import UNITS, build_resnet

from network.params_file import read_params

NOT_TRAINED = ("moving_mean", "moving_var")


def main() -> None:
    """Print the speed for each batch; 1 with a sentence when PyTorch's file has no such network."""
    options = parse_forward("the folder model/ of a package, for the size of its network")
    network = network_like(options).eval().to(memory_format=torch.channels_last)

    def runner_for(pictures: np.ndarray) -> Callable[[], object]:
        batch = torch.from_numpy(pictures).to(memory_format=torch.channels_last)

        def run() -> object:
            with torch.inference_mode():
                return network(batch).softmax(dim=1).numpy()

        return run

    time_forward(options, runner_for)


def network_like(options: argparse.Namespace) -> nn.Module:
    """The network of torch_resnet.py that has as many weights as the package's."""
    package = read_package(options.network)
    weights = read_params(str(options.network / f"{package.prefix}-0000.params"))
    number = sum(array.size for name, array in weights.items() if not name.endswith(NOT_TRAINED))
    for layers in UNITS:
        network = build_resnet(layers, len(package.labels))
        if sum(weight.numel() for weight in network.parameters()) == number:
            return network
    sys.exit(f"the package's network has {number:,} weights; of those that are written for PyTorch here none has")


if __name__ == "__main__":
    main()
