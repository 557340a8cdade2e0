"""The job's residual networks of form D written for PyTorch: codes/network/resnet.py tells what form D is."""

from __future__ import annotations

import torch
from torch import nn

UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
STAGE_CHANNELS = (64, 128, 256, 512)
BATCH_NORM_EPS = 2e-5


class Unit(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut: (N, in, h, w) -> (N, out, h / stride, w / stride)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.first = conv_bn(in_channels, out_channels, 3, stride)
        self.second = conv_bn(out_channels, out_channels, 3, 1)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            pool = nn.AvgPool2d(stride, stride, ceil_mode=True)
            self.shortcut = nn.Sequential(pool, conv_bn(in_channels, out_channels, 1, 1))
        self.relu = nn.ReLU(inplace=True)
        nn.init.zeros_(self.second[1].weight)  # the unit passes its input on at first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the unit. x: (N, in, h, w)."""
        return self.relu(self.second(self.relu(self.first(x))) + self.shortcut(x))


def build_resnet(num_layers: int, num_classes: int) -> nn.Sequential:
    """Build ResNet-18 or -34, for pictures of more than 32 pixels: (N, 3, S, S) -> (N, classes)."""
    relu = nn.ReLU(inplace=True)
    layers: list[nn.Module] = [conv_bn(3, 32, 3, 2), relu, conv_bn(32, 32, 3, 1), relu, conv_bn(32, 64, 3, 1), relu]
    layers.append(nn.MaxPool2d(3, 2, 1))
    before = STAGE_CHANNELS[0]
    for channels, num_units in zip(STAGE_CHANNELS, UNITS[num_layers]):
        for unit in range(num_units):
            layers.append(Unit(before, channels, stride=2 if unit == 0 and channels != before else 1))
            before = channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, num_classes)]
    network = nn.Sequential(*layers)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return network


def conv_bn(in_channels: int, out_channels: int, kernel: int, stride: int) -> nn.Sequential:
    """A convolution that keeps the size, but for its stride, and BatchNorm."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels, eps=BATCH_NORM_EPS),
    )
