"""What is the same for all pictures of a batch, drawn for all updates of a training before it begins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.recipe_search.trials import Extras, largest_rate

from recipes import COSINE

STEP_FACTOR = 0.1  # the job's --lr_factor
PURPOSE = 77  # chosen: keeps this source of chance apart from others of the same seed
# lr: learning rate; share, target_share: of a picture and of its target, the rest is its partner's; left to bottom: the
# rectangle that is the partner's, pixels; fresh: share of the present weights in their mean
COLUMNS = ("lr", "share", "target_share", "left", "right", "top", "bottom", "fresh")


def learning_rates(recipe: Any, num_epochs: int, batches: int, batch_size: int) -> np.ndarray:
    """Return the learning rate of each update, as codes/training/schedules.py has it. batches: of an epoch."""
    peak = largest_rate(recipe, batch_size)
    updates = num_epochs * batches
    warmup = int(round(recipe.warmup * updates))
    rates = []
    for done in range(updates):
        if done < warmup:
            rates.append(peak * (done + 1) / warmup)
        elif recipe.lr_step != COSINE:
            rates.append(peak * STEP_FACTOR ** sum(done // batches >= step for step in recipe.lr_step))
        else:
            share = (done - warmup) / max(updates - warmup, 1)
            rates.append(peak * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
    return np.array(rates)


def draw_updates(recipe: Any, extras: Extras, rates: np.ndarray, image_size: int, seed: int) -> np.ndarray:
    """Draw how each update mixes its pictures, as codes/dataset/targets.py does; returns (updates, COLUMNS) float64."""
    random = np.random.RandomState([seed, PURPOSE])
    alphas = [(is_pasted, alpha) for is_pasted, alpha in ((False, recipe.mixup), (True, recipe.cutmix)) if alpha > 0]
    rows = []
    for number, rate in enumerate(rates):
        mixing = (1.0, 1.0, 0, 0, 0, 0)
        if alphas and random.uniform() < extras.mix_prob:
            is_pasted, alpha = alphas[random.randint(len(alphas))]
            share = random.beta(alpha, alpha)
            mixing = _draw_rectangle(share, image_size, random) if is_pasted else (share, share, 0, 0, 0, 0)
        # the mean of few weights must not keep the first ones for long
        fresh = 1 - min(extras.ema, (1.0 + number) / (10.0 + number))
        rows.append((rate, *mixing, fresh))
    return np.array(rows)


def _draw_rectangle(share: float, side: int, random: np.random.RandomState) -> tuple:
    """Place a rectangle of 1 - share of the area; returns the columns from share to bottom."""
    edge = int(round(side * np.sqrt(1 - share)))
    x, y = random.randint(side, size=2)
    left, right = max(x - edge // 2, 0), min(x + edge // 2, side)
    top, bottom = max(y - edge // 2, 0), min(y + edge // 2, side)
    return 1.0, 1 - (right - left) * (bottom - top) / (side * side), left, right, top, bottom
