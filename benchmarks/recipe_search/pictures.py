"""All pictures of a data set in one tensor on the GPU, cropped and scaled there as Pillow does it.

Pillow scales columns first; here portrait pictures, which lie transposed, are scaled rows first. check.py measures what
that and halves rounded to even come to.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import os
from typing import Any

import numpy as np
import torch

from dataset.batches import decode_record
from dataset.preprocessing import Preprocessing

AT_ONCE = 128  # validation pictures that are prepared together
LINE = 8  # pixels of which the tensor's long edge is a multiple


class Pictures:
    """The decoded pictures, training ones first, and the validation pictures as the network sees them.

    dataset: dataset.records.Dataset. Attributes: sizes: float32 (N, 2), width and height; labels: int64 (N,);
    train: their numbers; val_images: float32 (V, 3, S, S); val_labels; mean_rgb, std_rgb: float32 (3,).
    """

    def __init__(self, dataset: Any, image_size: int, device: torch.device) -> None:
        self.device, self.side, self.num_classes = device, image_size, len(dataset.class_names)
        arrays, labels = _decode(dataset)
        # landscape pictures as they are and portrait ones transposed: the short edge is always the rows
        self._short = max(min(array.shape[:2]) for array in arrays)
        self._long = -(-max(max(array.shape[:2]) for array in arrays) // LINE) * LINE
        pixels = np.zeros((len(arrays), 3, self._short, self._long), dtype=np.uint8)
        for number, array in enumerate(arrays):
            height, width = array.shape[:2]
            turned = array.transpose(2, 1, 0) if height > width else array.transpose(2, 0, 1)
            pixels[number, :, : turned.shape[1], : turned.shape[2]] = turned
        self._pixels = torch.from_numpy(pixels).to(device)
        self.sizes = torch.tensor([array.shape[1::-1] for array in arrays], dtype=torch.float32, device=device)
        self._is_turned = self.sizes[:, 1] > self.sizes[:, 0]
        self.labels = torch.tensor(labels, device=device)
        # what float16 rounds is far below the half level that is rounded anyway
        self._weights_dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.ticks = torch.arange(max(self._long, image_size), dtype=torch.float32, device=device)
        preprocessing = Preprocessing.for_image_size(image_size)
        self.mean_rgb = torch.tensor(preprocessing.mean_rgb, device=device)
        self.std_rgb = torch.tensor(preprocessing.std_rgb, device=device)
        numbers = torch.arange(len(arrays), device=device)
        self.train, val = numbers[: len(dataset.train)], numbers[len(dataset.train) :]
        self.val_images, self.val_labels = self._for_validation(val, preprocessing.resize_short), self.labels[val]

    def _for_validation(self, numbers: torch.Tensor, resize_short: int) -> torch.Tensor:
        """Cut the square from the centre as dataset.preprocessing.prepare_image does, and normalise it."""
        sizes = self.sizes[numbers].double()
        cut = sizes.min(1).values * self.side / resize_short
        start = torch.div(sizes - cut[:, None], 2, rounding_mode="floor")
        x, y = (torch.stack((start[:, edge], cut / self.side), 1).float() for edge in (0, 1))
        images = torch.cat([self.resample(*some) for some in zip(*(of.split(AT_ONCE) for of in (numbers, x, y)))])
        return (images - self.mean_rgb[:, None, None]) / self.std_rgb[:, None, None]

    def resample(self, numbers: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Crop and scale as Pillow's resize with BILINEAR and a box, which rounds to whole levels after each direction.

        x, y: (B, 2), where in the picture the first pixel of the result starts, and how far on the next one does, in
        pixels; negative where it is mirrored. Returns float32 (B, 3, S, S), values 0 to 255.
        """
        is_turned = self._is_turned.index_select(0, numbers)[:, None]
        sizes = self.sizes.index_select(0, numbers)
        columns = self._weights(torch.where(is_turned, y, x), sizes.amax(1), self._long)  # (B, S, long)
        rows = self._weights(torch.where(is_turned, x, y), sizes.amin(1), self._short)  # (B, S, short)
        pixels = self._pixels.index_select(0, numbers).to(self._weights_dtype)
        pixels = pixels.view(-1, 3 * self._short, self._long)
        narrow = torch.bmm(pixels, columns.transpose(1, 2)).round_()  # (B, 3 short, S)
        small = torch.matmul(rows[:, None], narrow.view(-1, 3, self._short, self.side)).round_()  # (B, 3, S, S)
        return torch.where(is_turned[:, :, None, None], small.transpose(2, 3), small).float()

    def _weights(self, line: torch.Tensor, length: torch.Tensor, num: int) -> torch.Tensor:
        """Weigh `num` pixels of each line, of which `length` are the picture's, for each pixel of the result."""
        start, step = line[:, :1], line[:, 1:]
        centres = start + (self.ticks[: self.side] + 0.5) * step  # (B, S)
        distances = (self.ticks[:num] + 0.5 - centres[:, :, None]).abs()
        weights = (1 - distances / step.abs().clamp(min=1)[:, :, None]).clamp(min=0)
        weights = weights * (self.ticks[:num] < length[:, None])[:, None]
        return (weights / weights.sum(2, keepdim=True)).to(self._weights_dtype)


def _decode(dataset: Any) -> tuple[list[np.ndarray], list[int]]:
    """Decode all pictures as the job does: arrays (height, width, 3) and labels, training pictures first."""
    places = [(records, number) for records in (dataset.train, dataset.val) for number in range(len(records))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        decoded = list(pool.map(lambda place: decode_record(*place), places))
    return [np.asarray(image) for image, _ in decoded], list(itertools.chain(dataset.train.labels, dataset.val.labels))
