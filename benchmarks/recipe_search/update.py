"""The optimizer of the job, MXNet's `nag`, as its CPU code really computes it."""

from __future__ import annotations

from typing import Sequence, Tuple

import torch

Decay = Tuple[slice, torch.Tensor]  # a part of the weights and its weight decay, a number


def update_weights(
    weights: torch.Tensor,
    momentum: torch.Tensor,
    gradient: torch.Tensor,
    rate: torch.Tensor,
    decays: Sequence[Decay],
    momentum_share: float,
    largest_element: float,
) -> None:
    """Make one update of a vector of weights, in place; `gradient` is used up.

    rate: learning rate, a number; momentum_share: of the momentum that is kept; largest_element: at which the gradient
    is clipped before decay is added, 0 for never.

    MXNet's momentum holds the learning rate: m = share m - rate (g + decay w), and w += share m - rate (g + decay w).
    It writes the weights before it reads them for the momentum's decay, which therefore is that of the changed weights.
    """
    if largest_element:
        gradient.clamp_(-largest_element, largest_element)
    gradient.mul_(rate)
    momentum.mul_(momentum_share).sub_(gradient)
    for part, decay in decays:
        weights[part].mul_(1 - (1 + momentum_share) * rate * decay)
    weights.add_(momentum, alpha=momentum_share).sub_(gradient)
    for part, decay in decays:
        momentum[part].addcmul_(weights[part], -rate * decay)
