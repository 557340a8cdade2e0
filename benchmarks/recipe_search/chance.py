"""All chance of a training's pictures, drawn on the GPU before it begins: order, crops, colours, erased rectangles.

It is as in codes/dataset/augmentation.py, from another source. All is drawn whether a recipe needs it or not, so trials
with equal seeds differ in nothing but what their recipes say.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from benchmarks.recipe_search.pictures import Pictures

from dataset.augmentation import CROP_ATTEMPTS, GREY_WEIGHTS, PCA_EIGENVALUES, PCA_EIGENVECTORS

# columns of a picture's row: x, y as Pictures.resample takes them; the normalised change of its colours, a pixel p
# becomes colours p + of_mean m + offset for a picture of mean m; left, right, top, bottom of what is erased, pixels
COLUMNS = {"x": 2, "y": 2, "colours": 9, "of_mean": 9, "offset": 3, "erased": 4}
ERASED_AREA, ERASED_RATIO = (0.02, 0.33), (0.3, 3.3)  # the numbers of the paper


class Source:
    """A generator of numbers on a device, of which one seed makes many that are independent."""

    def __init__(self, device: torch.device, seed: int, purpose: int) -> None:
        self.device = device
        self.generator = torch.Generator(device=device).manual_seed(1000003 * seed + purpose)

    def uniform(self, *shape: int) -> torch.Tensor:
        """Draw numbers from 0 to below 1."""
        return torch.rand(*shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> torch.Tensor:
        """Draw numbers of mean 0 and standard deviation 1."""
        return torch.randn(*shape, generator=self.generator, device=self.device)


def draw_order(num_pictures: int, num_epochs: int, batches: int, batch_size: int, source: Source) -> torch.Tensor:
    """Draw the order of all epochs: (epochs * batches, batch_size); a last batch is filled from the epoch's start."""
    order = source.uniform(num_epochs, num_pictures).argsort(1)
    rounds = -(-batches * batch_size // num_pictures)
    return order.repeat(1, rounds)[:, : batches * batch_size].reshape(num_epochs * batches, batch_size)


def draw_changes(
    pictures: Pictures, numbers: torch.Tensor, recipe: Any, erasing: float, source: Source
) -> torch.Tensor:
    """Draw what is done to each of the pictures `numbers` (N,); returns float32 (N, columns)."""
    n = len(numbers)
    x, y = _draw_crops(pictures.sizes[numbers], pictures.side, recipe, source)
    colours, of_mean, offset = draw_colours(n, recipe, source)
    std = pictures.std_rgb
    colours, of_mean = (matrix / std[:, None] for matrix in (colours, of_mean))
    offset = (offset - pictures.mean_rgb) / std
    erased = _draw_erased(n, pictures.side, erasing, source)
    return torch.cat((x, y, colours.reshape(n, 9), of_mean.reshape(n, 9), offset, erased), 1)


def _draw_crops(sizes: torch.Tensor, side: int, recipe: Any, source: Source) -> tuple[torch.Tensor, torch.Tensor]:
    n = len(sizes)
    width, height = sizes[:, :1], sizes[:, 1:]
    is_mirrored = source.uniform(n, 1) < recipe.mirror_share
    smallest, largest = recipe.crop_area
    area = (smallest + source.uniform(n, CROP_ATTEMPTS) * (largest - smallest)) * width * height
    low, high = (math.log(ratio) for ratio in recipe.crop_ratio)
    ratio = torch.exp(low + source.uniform(n, CROP_ATTEMPTS) * (high - low))
    crop_width, crop_height = torch.sqrt(area * ratio).round(), torch.sqrt(area / ratio).round()
    fits = (crop_width > 0) & (crop_width <= width) & (crop_height > 0) & (crop_height <= height)
    first = fits.int().argmax(1, keepdim=True)
    is_found = fits.any(1, keepdim=True)
    crop_width = torch.where(is_found, crop_width.gather(1, first), width)
    crop_height = torch.where(is_found, crop_height.gather(1, first), height)
    left = torch.minimum((source.uniform(n, 1) * (width - crop_width + 1)).floor(), width - crop_width)
    top = torch.minimum((source.uniform(n, 1) * (height - crop_height + 1)).floor(), height - crop_height)
    step = crop_width / side
    x = torch.where(is_mirrored, torch.cat((left + crop_width, -step), 1), torch.cat((left, step), 1))
    return x, torch.cat((top, crop_height / side), 1)


def draw_colours(n: int, recipe: Any, source: Source) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw changes of brightness, contrast and saturation in random order, and noise along the colours' main axes."""
    device = source.device
    one, grey = torch.eye(3, device=device), torch.tensor(GREY_WEIGHTS, dtype=torch.float32, device=device)
    colours, of_mean = one.expand(n, 3, 3), torch.zeros(n, 3, 3, device=device)
    strengths = torch.tensor((recipe.brightness, recipe.contrast, recipe.saturation), device=device)
    factors = 1 + (2 * source.uniform(n, 3) - 1) * strengths
    order = source.uniform(n, 3).argsort(1)
    for place in range(3):
        which = order[:, place]
        factor = factors.gather(1, which[:, None])[:, :, None]  # (N, 1, 1)
        is_contrast, is_saturation = ((which == kind)[:, None, None] for kind in (1, 2))
        change = factor * one + (is_saturation * (1 - factor)) * grey
        # a change of contrast keeps the grey of the picture's mean, which by now is that of (colours + of_mean) mean
        shift = (is_contrast * (1 - factor)) * (grey @ (colours + of_mean))[:, None, :].expand(n, 3, 3)
        colours, of_mean = change @ colours, change @ of_mean + shift
    values, axes = (torch.tensor(of, dtype=torch.float32, device=device) for of in (PCA_EIGENVALUES, PCA_EIGENVECTORS))
    return colours, of_mean, (source.normal(n, 3) * recipe.pca_noise * values) @ axes.T


def _draw_erased(n: int, side: int, share: float, source: Source) -> torch.Tensor:
    is_erased = source.uniform(n, 1) < share
    (smallest, largest), (low, high) = ERASED_AREA, map(math.log, ERASED_RATIO)
    area = (smallest + source.uniform(n, CROP_ATTEMPTS) * (largest - smallest)) * side * side
    ratio = torch.exp(low + source.uniform(n, CROP_ATTEMPTS) * (high - low))
    tall, wide = torch.sqrt(area * ratio).round(), torch.sqrt(area / ratio).round()
    fits = (tall < side) & (wide < side)
    first = fits.int().argmax(1, keepdim=True)
    is_erased = is_erased & fits.any(1, keepdim=True)
    tall, wide = (edge.gather(1, first) * is_erased for edge in (tall, wide))
    top = (source.uniform(n, 1) * (side - tall + 1)).floor()
    left = (source.uniform(n, 1) * (side - wide + 1)).floor()
    return torch.cat((left, left + wide, top, top + tall), 1)
