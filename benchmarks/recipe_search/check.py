"""Compares the replica with codes/ on the CPU, in float32: pictures, colours, crops, network, update, schedule.

Each line is a measure of how far they differ and the limit that it must keep. On Caltech-101, 96 pixels, with MXNet
1.9.1 and PyTorch 2.13.0, at most:

    pictures cropped, mirrored, scaled   2 levels of 255, and 3.4 % of the values differ at all
    validation pictures                  1 level, and 2.9 % of the values
    changes of colour, draw for draw     0.00005 levels
    edges of 20,000 random crops         mean and standard deviation: 0.0025 of the picture
    learning rates of all updates        none
    20 updates alone                     0.0000002 of how far the weights moved
    first weights                        those that are not drawn: none; standard deviation of a layer: 5.5 %
    probabilities, equal weights         0.000003 in training, 0.000006 in validation
    3 updates of the network             0.5 % of how far the weights moved, 0.34 % of how far the statistics did

The last, of BatchNorm, is PyTorch's variance of n values, n / (n - 1) times MXNet's: at the end of the network n is 288
here, 32 pictures of 3 x 3 pixels. The weights differed most where nearly every gradient is clipped.

The replica's chance has the job's form and another source, so crops are compared by their mean and spread alone, and
the network learns from the job's own batches, mixed ones too. Not compared: how the replica mixes pictures, what is
CUDA's alone (bfloat16 and graphs), and the parts that the job does not have (Extras).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import torch
from PIL import Image

from benchmarks.recipe_search import chance
from benchmarks.recipe_search.check_learning import compare_learning, compare_rates, compare_updates
from benchmarks.recipe_search.finding import Finding
from benchmarks.recipe_search.pictures import Pictures

from dataset.augmentation import draw_colour_change, random_crop_box
from dataset.batches import decode_record
from dataset.preprocessing import Preprocessing, prepare_image
from dataset.records import RecordFile, open_dataset
from recipes import TUTORIAL

SIDE = 96
TRAIN_PICTURES, VAL_PICTURES = 96, 64
COLOURS_DRAWN, CROPS_DRAWN = 200, 20_000
# the second clips nearly everything, the third does what the first does not
TAUGHT = ("modern", "tutorial,clip_gradient=0.003", "modern,cutmix=1,mixup=0.2,zero_init=0,weight_decay=0.01,form=C")


def run_check(folder: Path) -> int:
    """Compare on some pictures of packed data and print each finding; returns 0 when all limits are kept, else 1."""
    are_kept = True
    with open_dataset(str(folder), SIDE, torch.get_num_threads()) as dataset:
        few = dataset._replace(train=_some_of(dataset.train, TRAIN_PICTURES), val=_some_of(dataset.val, VAL_PICTURES))
        for finding in compare(few):
            print(finding.line(), flush=True)
            are_kept = are_kept and finding.is_kept
    return 0 if are_kept else 1


def _some_of(records: RecordFile, num: int) -> RecordFile:
    """Open so many of the records, from everywhere in the file."""
    chosen = np.linspace(0, len(records) - 1, min(num, len(records))).astype(int)
    return RecordFile(records.path, offsets=[records.byte_offsets[number] for number in chosen])


def compare(dataset: Any) -> Iterator[Finding]:
    """Yield all findings. dataset: dataset.records.Dataset."""
    random = np.random.RandomState(0)
    pictures = Pictures(dataset, SIDE, torch.device("cpu"))
    yield from compare_pictures(dataset, pictures, random)
    yield compare_colours(pictures, random)
    yield from compare_crops(pictures, random)
    yield from compare_rates()
    yield from compare_updates(random)
    for text in TAUGHT:
        yield from compare_learning(dataset, pictures, text)


def compare_pictures(dataset: Any, pictures: Pictures, random: np.random.RandomState) -> Iterator[Finding]:
    """Crop, mirror and scale every training picture by Pillow and by the replica; prepare the validation pictures."""
    differences = []
    for number in range(len(dataset.train)):
        image, _ = decode_record(dataset.train, number)
        left, top, right, bottom = box = random_crop_box(image.size, TUTORIAL, random)
        x = (left, (right - left) / SIDE)
        if random.uniform() < 0.5:
            mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            expected = mirrored.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
            x = (image.width - left, -x[1])
        else:
            expected = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
        y = (top, (bottom - top) / SIDE)
        found = pictures.resample(
            torch.tensor([number]), *(torch.tensor([line], dtype=torch.float32) for line in (x, y))
        )
        differences.append(np.abs(found[0].permute(1, 2, 0).numpy() - np.asarray(expected, dtype=np.float32)))
    yield Finding("crop and scale, levels of 255, largest", max(one.max() for one in differences), 2)
    yield Finding("crop and scale, share of values that differ", _share_that_differs(differences), 0.1)
    preprocessing = Preprocessing.for_image_size(SIDE)
    prepared = [
        prepare_image(decode_record(dataset.val, number)[0], preprocessing) for number in range(len(dataset.val))
    ]
    std = np.array(preprocessing.std_rgb)[:, np.newaxis, np.newaxis]
    off = np.abs(pictures.val_images.numpy() - np.stack(prepared)) * std
    yield Finding("validation pictures, levels of 255, largest", off.max(), 2.001)
    yield Finding("validation pictures, share of values that differ", (off > 0.001).mean(), 0.1)


def _share_that_differs(differences: list[np.ndarray]) -> float:
    return float(np.mean([(one > 0).mean() for one in differences]))


class _Played:
    """In place of the job's source of chance: what the replica has drawn for one picture."""

    def __init__(self, changes: np.ndarray, order: np.ndarray, noise: np.ndarray) -> None:
        self._changes, self._order, self._noise = iter(changes[order]), order, noise

    def permutation(self, _: int) -> np.ndarray:
        return self._order

    def uniform(self, _low: float, _high: float) -> float:
        return next(self._changes)

    def normal(self, _mean: float, _deviation: float, size: int) -> np.ndarray:
        assert size == len(self._noise)
        return self._noise


def compare_colours(pictures: Pictures, random: np.random.RandomState) -> Finding:
    """Change colours draw for draw as the job does, for pictures of random means."""
    n, cpu = COLOURS_DRAWN, torch.device("cpu")
    colours, of_mean, offset = (
        of.double().numpy() for of in chance.draw_colours(n, TUTORIAL, chance.Source(cpu, 0, 0))
    )
    again = chance.Source(cpu, 0, 0)
    strengths = np.array((TUTORIAL.brightness, TUTORIAL.contrast, TUTORIAL.saturation))
    changes = (2 * again.uniform(n, 3).double().numpy() - 1) * strengths
    order = again.uniform(n, 3).argsort(1).numpy()
    noise = again.normal(n, 3).double().numpy() * TUTORIAL.pca_noise
    worst = 0.0
    for number in range(n):
        mean, pixel = random.uniform(0, 255, (2, 3))
        played = _Played(changes[number], order[number], noise[number])
        matrix, shift = draw_colour_change(mean, TUTORIAL, played)
        found = colours[number] @ pixel + of_mean[number] @ mean + offset[number]
        worst = max(worst, np.abs(found - (matrix.dot(pixel) + shift)).max())
    return Finding("changed colours, levels of 255, largest", worst, 0.001)


def compare_crops(pictures: Pictures, random: np.random.RandomState) -> Iterator[Finding]:
    """Draw many crops of one picture by both; compare mean and spread of their places, as shares of the picture."""
    numbers = torch.zeros(CROPS_DRAWN, dtype=torch.int64)
    width, height = (int(edge) for edge in pictures.sizes[0])
    changes = chance.draw_changes(pictures, numbers, TUTORIAL, 0.0, chance.Source(pictures.device, 0, 0)).double()
    left, top = changes[:, 0].numpy(), changes[:, 2].numpy()
    found = np.stack((left, top, left + SIDE * changes[:, 1].numpy(), top + SIDE * changes[:, 3].numpy()), 1)
    boxes = np.array([random_crop_box((width, height), TUTORIAL, random) for _ in range(CROPS_DRAWN)])
    found, boxes = (of / (width, height, width, height) for of in (found, boxes))
    limit = 4 * math.sqrt(2 / CROPS_DRAWN)  # four standard errors, where a standard deviation is 1 at most
    for what, of in (("mean", np.mean), ("standard deviation", np.std)):
        off = np.abs(of(found, axis=0) - of(boxes, axis=0)).max()
        yield Finding(f"edges of random crops, shares of the picture, {what}", off, limit)
