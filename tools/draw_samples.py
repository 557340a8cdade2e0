"""Draw the sample pictures of the test page again: `python -m tools.draw_samples`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from demo.drawing import KINDS, draw_picture

FOLDER = Path(__file__).resolve().parents[1] / "modelarts_local" / "service" / "page_files" / "samples"
SERIES = 7
# Which picture of the series shows its kind well
PICKED = {"cup": 0, "fish": 2, "flower": 5, "house": 4, "key": 3, "umbrella": 2}
EDGES = (220, 300)  # pixels
JPEG_QUALITY = 80


def draw_samples(folder: Path) -> None:
    """Write one JPEG for each kind of PICKED into `folder`."""
    for number, (kind, index) in enumerate(PICKED.items()):
        random = np.random.RandomState([SERIES, number, index])
        draw_picture(KINDS[kind], random, EDGES).save(folder / f"{kind}.jpg", quality=JPEG_QUALITY)


if __name__ == "__main__":
    draw_samples(FOLDER)
