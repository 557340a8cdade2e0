"""A folder of pictures as a data set of PyTorch, changed at random as the job's recipe says.

Written as people do without torchvision, and as torchvision does it on Pillow's pictures.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch.utils.data import Dataset

from dataset.augmentation import CROP_ATTEMPTS
from dataset.preprocessing import MEAN_RGB, STD_RGB
from recipes import Recipe

SUFFIXES = {".jpg", ".jpeg", ".png"}


class PictureFolder(Dataset):
    """The pictures of a folder with one folder a class.

    paths: of the pictures; class_names: of those folders that hold any. An item is a float32 tensor (3, side, side)
    and the number of its class.
    """

    def __init__(self, folder: Path, side: int, recipe: Recipe) -> None:
        found = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in SUFFIXES)
        self.class_names = sorted({path.parent.name for path in found})
        numbers = {name: number for number, name in enumerate(self.class_names)}
        self.paths = [(str(path), numbers[path.parent.name]) for path in found]
        self._side = side
        self._recipe = recipe
        self._mean, self._std = (torch.tensor(numbers).view(3, 1, 1) / 255 for numbers in (MEAN_RGB, STD_RGB))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, number = self.paths[index]
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        box = crop_box(image.size, self._recipe)
        image = image.resize((self._side, self._side), Image.Resampling.BILINEAR, box=box)
        if random.random() < self._recipe.mirror_share:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(jitter(image, self._recipe))).permute(2, 0, 1)  # HWC to CHW
        return (pixels.float().div(255) - self._mean) / self._std, number


def crop_box(size: tuple[int, int], recipe: Recipe) -> tuple[int, int, int, int]:
    """Draw left, top, right and bottom of a crop in pixels; the whole picture when none that was drawn fits into it."""
    width, height = size
    for _ in range(CROP_ATTEMPTS):
        area = random.uniform(*recipe.crop_area) * width * height
        ratio = math.exp(random.uniform(*map(math.log, recipe.crop_ratio)))
        crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left, top = random.randint(0, width - crop_width), random.randint(0, height - crop_height)
            return left, top, left + crop_width, top + crop_height
    return 0, 0, width, height


def jitter(image: Image.Image, recipe: Recipe) -> Image.Image:
    """Change brightness, contrast and saturation in random order."""
    changes = [
        (ImageEnhance.Brightness, recipe.brightness),
        (ImageEnhance.Contrast, recipe.contrast),
        (ImageEnhance.Color, recipe.saturation),
    ]
    random.shuffle(changes)
    for enhancer, strength in changes:
        image = enhancer(image).enhance(random.uniform(1 - strength, 1 + strength))
    return image
