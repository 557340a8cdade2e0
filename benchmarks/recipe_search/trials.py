"""What is tried: a recipe of the job with changes, some of which only this program knows."""

from __future__ import annotations

from typing import Any, NamedTuple

import recipes

NUM_LAYERS = (18, 34)
SMALLEST_IMAGE = 33  # pixels: up to 32 the job's network has another stem, which is not here


class Extras(NamedTuple):
    """Parts that codes/recipes.py does not have, at what leaves them out."""

    ema: float = 0.0  # weights are measured as their mean, which keeps this share of itself at each update
    class_weights: float = 0.0  # pictures count by 1 / (pictures of their class) to this power
    erasing: float = 0.0  # share of the pictures with a rectangle of the mean colour (Zhong et al., 2017)
    dropout: float = 0.0  # share of the last layer's inputs that are left out
    mix_prob: float = 1.0  # share of the batches that mixup and cutmix mix


class Settings(NamedTuple):
    """What all trials of a comparison share. image_size: pixels; dtype: that the network computes in."""

    num_layers: int = 18
    image_size: int = 96
    num_epochs: int = 30
    batch_size: int = 128
    dtype: str = "float32"


class Trial(NamedTuple):
    """One way to train. text: as it was given; recipe: recipes.Recipe."""

    text: str
    recipe: Any
    extras: Extras


def parse_trial(text: str) -> Trial:
    """Return the Trial that `NAME` or `NAME,part=value,...` asks for. Raises ValueError with a sentence."""
    name, *changes = text.split(",")
    extras = {}
    for change in changes:
        part, _, value = change.partition("=")
        if part in Extras._fields:
            extras[part] = _parse_extra(part, value)
        elif part not in recipes.Recipe._fields:
            known = ", ".join((*recipes.Recipe._fields, *Extras._fields))
            raise ValueError(f"{part!r} is no part of a recipe; there are {known}")
    own = (change for change in changes if change.partition("=")[0] not in Extras._fields)
    return Trial(text, recipes.parse_recipe(",".join((name, *own))), Extras(**extras))


def _parse_extra(part: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if part == "class_weights":
        is_valid, expected = 0 <= value < float("inf"), "a number of at least 0"
    elif part in ("ema", "dropout"):  # all of it would leave nothing
        is_valid, expected = 0 <= value < 1, "a number from 0 to below 1"
    else:
        is_valid, expected = 0 <= value <= 1, "a number from 0 to 1"
    if not is_valid:
        raise ValueError(f"{part}={text!r} is not {expected}")
    return value


def largest_rate(recipe: Any, batch_size: int) -> float:
    """The learning rate that the job takes for so many images an update."""
    return recipe.lr * batch_size / recipes.REFERENCE_BATCH if recipe.scales_lr else recipe.lr
