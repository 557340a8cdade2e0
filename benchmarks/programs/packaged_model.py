"""A model package as others than its handler use it: labels and the preparation of a picture, by Pillow as there."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple, Sequence

import numpy as np
from PIL import Image, ImageOps

SYMBOL_ENDING = "-symbol.json"
TOP_K = 5


class Package(NamedTuple):
    """prefix: what the names of network and weights begin with; preprocessing: content of preprocessing.json."""

    prefix: str
    labels: Sequence[str]
    preprocessing: dict[str, Any]

    @property
    def side(self) -> int:
        """Height and width of the network's input in pixels."""
        return int(self.preprocessing["image_size"])

    def prepare(self, content: bytes) -> np.ndarray:
        """Turn a picture file into the network's input, float32 (3, side, side)."""
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
        cut = min(image.size) * self.side / self.preprocessing["resize_short"]
        left, top = ((edge - cut) // 2 for edge in image.size)
        image = image.resize((self.side, self.side), Image.Resampling.BILINEAR, (left, top, left + cut, top + cut))
        mean, std = (np.array(self.preprocessing[name], np.float32) for name in ("mean_rgb", "std_rgb"))
        return ((np.asarray(image, np.float32) - mean) / std).transpose(2, 0, 1)

    def answer(self, probabilities: np.ndarray) -> dict[str, Any]:
        """Name the best classes as the handler does. probabilities: (classes,)."""
        best = np.argsort(-probabilities, kind="stable")[:TOP_K]
        scores = [[self.labels[number], float(probabilities[number])] for number in best]
        return {"predicted_label": scores[0][0], "scores": scores}


def read_package(model: Path) -> Package:
    """Read what lies in a folder model/ besides network and weights."""
    (symbol,) = model.glob(f"*{SYMBOL_ENDING}")
    labels = (model / "synset.txt").read_text(encoding="utf-8").split("\n")
    preprocessing = json.loads((model / "preprocessing.json").read_text(encoding="utf-8"))
    return Package(symbol.name[: -len(SYMBOL_ENDING)], [label for label in labels if label], preprocessing)
