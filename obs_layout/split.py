"""Divide the images of each class between training and validation. Pure functions: names in, names out.

How many: the whole data set is divided by the ratio, and the classes share the training images by largest
remainder. Which: the images whose seeded hash is smallest. No random number generator takes part, so the
result is the same on every machine and Python version, and adding an image moves few others.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Mapping, NamedTuple, Sequence


class Split(NamedTuple):
    """Names of the images of each side, in the shuffled order in which they are written."""

    train: list[str]
    val: list[str]


def apportion(class_counts: Sequence[int], train_ratio: float) -> list[int]:
    """Return how many images of each class go to training.

    class_counts: images of each class, each at least 1. train_ratio: between 0 and 1, read as the decimal
    number it is written as, so that 0.8 of 9,145 is 7,316 exactly.

    The sum is the ratio of the total, rounded half up. Each class gets its exact share rounded down or up,
    the largest remainders up, ties in label order. A class of two or more keeps at least one image on each
    side, a class of one goes to training; where these minimums cannot be met within the sum, the minimums
    win.
    """
    ratio = Fraction(repr(train_ratio))
    quotas = [count * ratio for count in class_counts]
    most = [max(1, count - 1) for count in class_counts]
    shares = [min(max(1, int(quota)), limit) for quota, limit in zip(quotas, most)]
    wanted = int(sum(class_counts) * ratio + Fraction(1, 2))
    labels = range(len(class_counts))
    while sum(shares) != wanted:
        if sum(shares) < wanted:
            free = [label for label in labels if shares[label] < most[label]]
            step, choose = 1, max
        else:
            free = [label for label in labels if shares[label] > 1]
            step, choose = -1, min
        if not free:
            break
        chosen = choose(free, key=lambda label: (quotas[label] - shares[label], -label))
        shares[chosen] += step
    return shares


def stratified_split(names_by_class: Mapping[str, Sequence[str]], train_ratio: float, seed: int) -> Split:
    """Divide the images of each class and shuffle both sides.

    names_by_class: class name -> names of its images, unique over all classes. Both sides are shuffled, so
    that the start of either file is a fair sample. The same names, ratio and seed give the same result
    whatever their order.
    """
    classes = sorted(names_by_class)
    shares = dict(zip(classes, apportion([len(names_by_class[name]) for name in classes], train_ratio)))
    train: list[str] = []
    val: list[str] = []
    for class_name in classes:
        drawn = _shuffled(names_by_class[class_name], seed, "side")
        train += drawn[: shares[class_name]]
        val += drawn[shares[class_name] :]
    return Split(_shuffled(train, seed, "order"), _shuffled(val, seed, "order"))


def _shuffled(names: Sequence[str], seed: int, purpose: str) -> list[str]:
    keys: dict[str, bytes] = {name: hashlib.sha256(f"{purpose}\0{seed}\0{name}".encode()).digest() for name in names}
    return sorted(names, key=lambda name: (keys[name], name))
