"""Types of the benchmarks' flags: each returns the value, or says in a sentence what is wrong with it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Sequence


def names_of(known: Sequence[str]) -> Any:
    """A type of some of the names `known` with commas between them, which returns them in the order of `known`."""

    def names(text: str) -> list[str]:
        given = text.split(",")
        for name in given:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {','.join(known)}")
        return [name for name in known if name in given]

    return names


def existing(text: str) -> Path:
    """The path of a file or folder that is there."""
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(f"{text!r} is not there")
    return Path(text)


def writable(text: str) -> Path:
    """The absolute path of a file to be written, whose folder is there."""
    if not Path(text).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder of {text!r} is not there")
    return Path(text).absolute()


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def number_up_to(text: str, most: float, of: str = "") -> float:
    """A number above 0 and up to `most`. of: what it counts, for the sentence."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number{of and ' of ' + of} above 0 and up to {most:g}")
    return number


def endpoint(text: str) -> str:
    """The URL of a server, without a slash at its end."""
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text.rstrip("/")
