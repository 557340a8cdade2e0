"""Lays out text in columns on a terminal, where a Chinese character is as wide as two letters."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple, Sequence

from .prediction import printable

_CUT = "…"


class Column(NamedTuple):
    """How one column is laid out.

    heading: its first line. max_width: in letters; longer texts are cut.
    keeps_end: cut at the start, as fits a path. is_number: set to the right.
    """

    heading: str
    max_width: int
    keeps_end: bool = False
    is_number: bool = False


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the headings and the rows as lines, each column as wide as its widest text."""
    cells = [[shorten(printable(text), column) for column, text in zip(columns, row)] for row in rows]
    lines = [[column.heading for column in columns], *cells]
    widths = [max(width_of(line[index]) for line in lines) for index in range(len(columns))]
    return ["  ".join(_padded(*item) for item in zip(line, widths, columns)).rstrip() for line in lines]


def width_of(text: str) -> int:
    """Return how many letters wide a text is on a terminal."""
    return sum(_width_of_character(char) for char in text)


def shorten(text: str, column: Column) -> str:
    """Cut a text to the column's width, with … where it was cut."""
    if width_of(text) <= column.max_width:
        return text
    kept: list[str] = []
    left = column.max_width - 1
    for char in reversed(text) if column.keeps_end else text:
        left -= _width_of_character(char)
        if left < 0:
            break
        kept.append(char)
    return f"{_CUT}{''.join(reversed(kept))}" if column.keeps_end else f"{''.join(kept)}{_CUT}"


def _width_of_character(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _padded(text: str, width: int, column: Column) -> str:
    space = " " * (width - width_of(text))
    return f"{space}{text}" if column.is_number else f"{text}{space}"
