"""Draw a small data set: ten kinds of objects, each picture with its own colours, size, place, tilt and background.

The pictures are hard enough that colour or size alone do not tell the kinds apart: every colour, background and clutter
comes with every kind.
"""

from __future__ import annotations

import colorsys
import math
from pathlib import Path
from typing import Callable, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = Tuple[int, int, int]
Point = Tuple[float, float]

PICTURE_EDGES = (100, 170)  # pixels, smallest and largest
OBJECT_SHARE = (0.7, 1.0)  # of the shorter edge
MAX_TILT_DEGREES = 15
JPEG_QUALITY = 90


class Pen:
    """Draws in the square from -1 to 1 of one object, on a transparent layer.

    main, second: the object's two colours.
    """

    def __init__(self, edge: int, main: Colour, second: Colour) -> None:
        self.layer = Image.new("RGBA", (edge, edge), (0, 0, 0, 0))
        self.main = main
        self.second = second
        self._draw = ImageDraw.Draw(self.layer)
        self._half = edge / 2

    def polygon(self, points: list[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([self._place(point) for point in points], fill=colour)

    def ellipse(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill an ellipse in a box."""
        self._draw.ellipse([self._place((left, top)), self._place((right, bottom))], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self._draw.rectangle([self._place((left, top)), self._place((right, bottom))], fill=colour)

    def line(self, points: list[Point], width: float, colour: Colour) -> None:
        """Draw a line; width in the object's own unit."""
        self._draw.line(
            [self._place(point) for point in points],
            fill=colour,
            width=max(1, round(width * self._half)),
            joint="curve",
        )

    def arc(
        self, box: tuple[float, float, float, float], start: float, end: float, width: float, colour: Colour
    ) -> None:
        """Draw part of an ellipse's outline; angles in degrees, clockwise from the right."""
        self._draw.arc(
            [self._place(box[:2]), self._place(box[2:])],
            start,
            end,
            fill=colour,
            width=max(1, round(width * self._half)),
        )

    def pie(self, box: tuple[float, float, float, float], start: float, end: float, colour: Colour) -> None:
        """Fill a slice of an ellipse; angles in degrees, clockwise from the right."""
        self._draw.pieslice([self._place(box[:2]), self._place(box[2:])], start, end, fill=colour)

    def _place(self, point: Point) -> Point:
        return (point[0] + 1) * self._half, (point[1] + 1) * self._half


def draw_balloon(pen: Pen) -> None:
    """An upright oval on a string."""
    pen.line([(0, 0.3), (0.12, 0.6), (-0.08, 0.95)], 0.05, pen.second)
    pen.ellipse(-0.55, -0.95, 0.55, 0.3, pen.main)
    pen.polygon([(-0.14, 0.42), (0.14, 0.42), (0, 0.25)], pen.main)


def draw_car(pen: Pen) -> None:
    """A body with a cabin on two wheels."""
    pen.polygon([(-0.5, -0.05), (-0.3, -0.5), (0.3, -0.5), (0.55, -0.05)], pen.second)
    pen.box(-0.95, -0.08, 0.95, 0.35, pen.main)
    for centre in (-0.5, 0.5):
        pen.ellipse(centre - 0.24, 0.15, centre + 0.24, 0.63, (25, 25, 25))


def draw_cup(pen: Pen) -> None:
    """A mug with its handle on the right."""
    pen.arc((0.2, -0.35, 0.95, 0.4), -90, 90, 0.14, pen.main)
    pen.polygon([(-0.65, -0.6), (0.5, -0.6), (0.4, 0.7), (-0.55, 0.7)], pen.main)
    pen.ellipse(-0.65, -0.75, 0.5, -0.45, pen.second)


def draw_fish(pen: Pen) -> None:
    """A body, a tail fin and an eye."""
    pen.polygon([(0.35, 0), (0.95, -0.5), (0.95, 0.5)], pen.second)
    pen.ellipse(-0.95, -0.45, 0.55, 0.45, pen.main)
    pen.ellipse(-0.7, -0.2, -0.5, 0.0, (15, 15, 15))


def draw_flower(pen: Pen) -> None:
    """Six petals around a centre."""
    for petal in range(6):
        x, y = 0.55 * math.cos(petal * math.pi / 3), 0.55 * math.sin(petal * math.pi / 3)
        pen.ellipse(x - 0.34, y - 0.34, x + 0.34, y + 0.34, pen.main)
    pen.ellipse(-0.3, -0.3, 0.3, 0.3, pen.second)


def draw_house(pen: Pen) -> None:
    """Walls, a roof and a door."""
    pen.box(-0.65, -0.1, 0.65, 0.85, pen.main)
    pen.polygon([(-0.9, -0.1), (0.9, -0.1), (0, -0.9)], pen.second)
    pen.box(-0.15, 0.3, 0.2, 0.85, pen.second)


def draw_key(pen: Pen) -> None:
    """A ring, a shaft and two teeth."""
    pen.arc((-0.95, -0.4, -0.15, 0.4), 0, 360, 0.17, pen.main)
    pen.line([(-0.2, 0), (0.95, 0)], 0.17, pen.main)
    for x in (0.55, 0.85):
        pen.line([(x, 0), (x, 0.4)], 0.15, pen.main)


def draw_star(pen: Pen) -> None:
    """A star with five points."""
    points = []
    for corner in range(10):
        radius = 0.95 if corner % 2 == 0 else 0.4
        angle = corner * math.pi / 5 - math.pi / 2
        points.append((radius * math.cos(angle), radius * math.sin(angle)))
    pen.polygon(points, pen.main)


def draw_tree(pen: Pen) -> None:
    """A trunk under three triangles."""
    pen.box(-0.14, 0.5, 0.14, 0.95, pen.second)
    for top, width in ((-0.95, 0.45), (-0.6, 0.6), (-0.2, 0.75)):
        pen.polygon([(-width, top + 0.75), (width, top + 0.75), (0, top)], pen.main)


def draw_umbrella(pen: Pen) -> None:
    """A half disc over a hooked stick."""
    pen.line([(0, -0.3), (0, 0.75)], 0.09, pen.second)
    pen.arc((-0.35, 0.55, 0.05, 0.95), 0, 180, 0.09, pen.second)
    pen.pie((-0.9, -0.85, 0.9, 0.75), 180, 360, pen.main)


KINDS: dict[str, Callable[[Pen], None]] = {
    "balloon": draw_balloon,
    "car": draw_car,
    "cup": draw_cup,
    "fish": draw_fish,
    "flower": draw_flower,
    "house": draw_house,
    "key": draw_key,
    "star": draw_star,
    "tree": draw_tree,
    "umbrella": draw_umbrella,
}


def draw_data_set(folder: Path, images_per_kind: int, seed: int) -> int:
    """Write folder/KIND/image_0001.jpg and so on; returns the number of pictures."""
    for number, kind in enumerate(KINDS):
        target = folder / kind
        target.mkdir(parents=True, exist_ok=True)
        for index in range(1, images_per_kind + 1):
            random = np.random.RandomState([seed, number, index])
            draw_picture(KINDS[kind], random).save(target / f"image_{index:04d}.jpg", quality=JPEG_QUALITY)
    return len(KINDS) * images_per_kind


def draw_picture(
    draw_object: Callable[[Pen], None], random: np.random.RandomState, edges: tuple[int, int] = PICTURE_EDGES
) -> Image.Image:
    """Draw one object on its own background: an RGB image with edges within `edges`, in pixels."""
    width, height = (int(random.randint(*edges)) for _ in range(2))
    hue = random.uniform()
    picture = _background(width, height, hue, random)
    edge = int(min(width, height) * random.uniform(*OBJECT_SHARE))
    # at least 90 degrees of hue apart from the background, so that the object can be seen at all
    main = _colour(hue + random.uniform(0.25, 0.75), random.uniform(0.6, 1.0), random.uniform(0.5, 1.0))
    second = _colour(random.uniform(), random.uniform(0.2, 1.0), random.uniform(0.2, 0.9))
    pen = Pen(edge * 2, main, second)  # drawn twice as large and halved: smooth edges
    draw_object(pen)
    layer = pen.layer.rotate(random.uniform(-MAX_TILT_DEGREES, MAX_TILT_DEGREES), Image.Resampling.BICUBIC)
    if random.uniform() < 0.5:
        layer = layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    layer = layer.resize((edge, edge), Image.Resampling.BILINEAR)
    place = int(random.randint(0, width - edge + 1)), int(random.randint(0, height - edge + 1))
    picture.paste(layer, place, layer)
    return _photograph(picture, random)


def _background(width: int, height: int, hue: float, random: np.random.RandomState) -> Image.Image:
    """A gradient between two related colours, with a few blots of others."""
    first, last = (
        np.array(_colour(hue + random.uniform(-0.08, 0.08), random.uniform(0.1, 0.6), random.uniform(0.3, 1.0)))
        for _ in range(2)
    )
    ramp = np.linspace(0, 1, height)[:, np.newaxis, np.newaxis]
    pixels = np.broadcast_to(first + (last - first) * ramp, (height, width, 3))
    picture = Image.fromarray(pixels.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(random.randint(0, 4)):
        x, y = random.uniform(0, width), random.uniform(0, height)
        radius = random.uniform(2, 14)
        colour = _colour(random.uniform(), random.uniform(0.1, 0.7), random.uniform(0.3, 1.0))
        draw.ellipse([x - radius, y - radius, x + radius, y + radius * random.uniform(0.5, 1.5)], fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(random.uniform(0, 2)))


def _photograph(picture: Image.Image, random: np.random.RandomState) -> Image.Image:
    """Add the grain of a camera."""
    grain = random.normal(0, random.uniform(1, 6), size=(picture.height, picture.width, 1))
    return Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)
