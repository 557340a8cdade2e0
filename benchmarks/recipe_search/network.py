"""The job's ResNets as a function of arrays that lie in one vector: codes/network/resnet.py tells their forms."""

from __future__ import annotations

import math
from typing import Mapping

import torch
import torch.nn.functional as F

from benchmarks.recipe_search.layout import Layout, Shape

BATCH_NORM_EPS = 2e-5
BATCH_NORM_MOMENTUM = 0.1  # PyTorch's is 1 less MXNet's

Arrays = Mapping[str, torch.Tensor]


def arrays_of(flat: torch.Tensor, places: Mapping[str, tuple[int, Shape]]) -> dict[str, torch.Tensor]:
    """Name the parts of a vector, which stay parts of it; kernels lie there channels last, as a GPU wants them."""
    found = {}
    for name, (start, shape) in places.items():
        part = flat[start : start + math.prod(shape)]
        if len(shape) == 4:
            channels, in_channels, height, width = shape
            found[name] = part.view(channels, height, width, in_channels).permute(0, 3, 1, 2)
        else:
            found[name] = part.view(shape)
    return found


def run_network(
    layout: Layout,
    weights: Arrays,
    statistics: Arrays,
    x: torch.Tensor,
    is_training: bool,
    kept: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return logits float32 (N, classes) of pictures (N, 3, S, S).

    is_training: normalise by the batch and move the statistics. kept: (N, 512), what dropout multiplies with.

    The variance that moves the statistics is PyTorch's, n / (n - 1) times MXNet's for n values.
    """
    kernels = {one.name: (one.stride, one.kernel // 2) for one in layout.convolutions}

    def normalised(x: torch.Tensor, name: str) -> torch.Tensor:
        stride, padding = kernels[name]
        x = F.conv2d(x, weights[f"{name}_weight"], stride=stride, padding=padding)
        mean, variance, gamma, beta = (
            of[f"{name}_bn_{kind}"]
            for of, kind in (
                (statistics, "moving_mean"),
                (statistics, "moving_var"),
                (weights, "gamma"),
                (weights, "beta"),
            )
        )
        return F.batch_norm(x, mean, variance, gamma, beta, is_training, BATCH_NORM_MOMENTUM, BATCH_NORM_EPS)

    for name in ("conv0",) if layout.form == "B" else ("conv0", "conv1", "conv2"):
        x = F.relu(normalised(x, name))  # (N, 3, S, S) -> (N, 64, S/2, S/2)
    x = F.max_pool2d(x, 3, 2, 1)  # -> S/4
    for stage, num_units in enumerate(layout.units, start=1):
        for unit in range(1, num_units + 1):
            name = f"stage{stage}_unit{unit}"
            shortcut = x
            if unit == 1 and stage > 1:
                if layout.form == "D":  # ceil: the odd last row is a mean too
                    shortcut = F.avg_pool2d(shortcut, 2, 2, ceil_mode=True)
                shortcut = normalised(shortcut, f"{name}_sc")
            y = F.relu(normalised(x, f"{name}_conv1"))
            x = F.relu(normalised(y, f"{name}_conv2") + shortcut)
    x = x.mean((2, 3))  # (N, 512, h, w) -> (N, 512)
    if kept is not None:
        x = x * kept
    return F.linear(x, weights["fc1_weight"], weights["fc1_bias"]).float()
