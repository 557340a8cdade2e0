"""The weights of the job's ResNet-18 and -34: their names, their shapes, and their places in one flat vector."""

from __future__ import annotations

import math
from typing import NamedTuple, Sequence, Tuple

UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
STAGE_CHANNELS = (64, 128, 256, 512)
ALIGNMENT = 64  # numbers from which each array starts, so that a GPU reads it in whole lines

Shape = Tuple[int, ...]


class Convolution(NamedTuple):
    """One without bias, which a BatchNorm follows. name: as in codes/network/resnet.py."""

    name: str
    channels: int
    in_channels: int
    kernel: int
    stride: int


def convolutions(form: str, num_layers: int) -> list[Convolution]:
    """List those of a network. form: one of recipes.FORMS."""
    if form == "B":
        found = [Convolution("conv0", 64, 3, 7, 2)]
    else:
        found = [
            Convolution("conv0", 32, 3, 3, 2),
            Convolution("conv1", 32, 32, 3, 1),
            Convolution("conv2", 64, 32, 3, 1),
        ]
    before = STAGE_CHANNELS[0]
    for stage, (channels, num_units) in enumerate(zip(STAGE_CHANNELS, UNITS[num_layers]), start=1):
        for unit in range(1, num_units + 1):
            halves = unit == 1 and stage > 1
            stride = 2 if halves else 1
            name = f"stage{stage}_unit{unit}"
            if halves:  # form D has averaged before
                found.append(Convolution(f"{name}_sc", channels, before, 1, 1 if form == "D" else stride))
            found.append(Convolution(f"{name}_conv1", channels, before, 3, stride))
            found.append(Convolution(f"{name}_conv2", channels, channels, 3, 1))
            before = channels
    return found


class Layout:
    """Where each array lies in one vector: what decays comes first, then BatchNorm's gammas, then betas and the bias.

    weights: name -> (start, shape), in a vector of `size` numbers; the first kind ends at `weights_end`, the second at
    `gammas_end`. statistics: the same of BatchNorm's moving means and variances, in a vector of their own.
    """

    def __init__(self, form: str, num_layers: int, num_classes: int) -> None:
        self.form, self.units, self.convolutions = form, UNITS[num_layers], convolutions(form, num_layers)
        self.weights: dict[str, tuple[int, Shape]] = {}
        kernels = [
            (f"{one.name}_weight", (one.channels, one.in_channels, one.kernel, one.kernel)) for one in self.convolutions
        ]
        self.weights_end = self._append([*kernels, ("fc1_weight", (num_classes, STAGE_CHANNELS[-1]))], 0)
        gammas = [(f"{one.name}_bn_gamma", (one.channels,)) for one in self.convolutions]
        self.gammas_end = self._append(gammas, self.weights_end)
        betas = [(f"{one.name}_bn_beta", (one.channels,)) for one in self.convolutions]
        self.size = self._append([*betas, ("fc1_bias", (num_classes,))], self.gammas_end)
        self.statistics: dict[str, tuple[int, Shape]] = {}
        self.statistics_size = 0
        for kind in ("moving_mean", "moving_var"):
            for one in self.convolutions:
                self.statistics[f"{one.name}_bn_{kind}"] = (self.statistics_size, (one.channels,))
                self.statistics_size += one.channels

    def _append(self, arrays: Sequence[tuple[str, Shape]], end: int) -> int:
        for name, shape in arrays:
            self.weights[name] = (end, shape)
            end += -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT
        return end
