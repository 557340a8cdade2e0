"""Curves over epochs as an SVG picture for the documents."""

from __future__ import annotations

from html import escape
from typing import Iterator, NamedTuple, Sequence

WIDTH, HEIGHT = 760, 420  # pixels
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 44  # margins of the plot
LEGEND_LINE = 20
# Okabe and Ito's colours, which the colour-blind can tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


class Curve(NamedTuple):
    """A named line: values[0] belongs to epoch 1."""

    name: str
    values: Sequence[float]


def draw_curves(curves: Sequence[Curve], x_label: str, y_label: str) -> str:
    """Return an SVG picture of curves with values of 0 to 100, with axes and a legend below."""
    return "\n".join(_parts(curves, x_label, y_label)) + "\n"


def _parts(curves: Sequence[Curve], x_label: str, y_label: str) -> Iterator[str]:
    height = HEIGHT + LEGEND_LINE * len(curves)
    last = max(len(curve.values) for curve in curves)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="13">'
    )
    yield f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    for value in range(0, 101, 20):
        y = _y(value)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
    for epoch in [1, *range(5, last + 1, 5)]:
        yield f'<text x="{_x(epoch, last):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{epoch}</text>'
    yield f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'
    middle = (TOP + HEIGHT - BOTTOM) / 2
    yield f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>'
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{_x(epoch, last):.1f},{_y(value):.1f}" for epoch, value in enumerate(curve.values, start=1))
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        y = HEIGHT + LEGEND_LINE * number
        yield f'<path d="M{LEFT} {y}h24" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{LEFT + 32}" y="{y + 4}">{escape(curve.name)}: {max(curve.values):.1f} at best</text>'
    yield "</svg>"


def _x(epoch: int, last: int) -> float:
    return LEFT + (epoch - 1) / max(last - 1, 1) * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    return HEIGHT - BOTTOM - value / 100 * (HEIGHT - TOP - BOTTOM)
