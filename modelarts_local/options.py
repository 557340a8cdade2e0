"""Types of flags that more than one command line has, and what they say of storage."""

from __future__ import annotations

import argparse
import re
from typing import Callable

STORAGE = "storage: S3_ENDPOINT names the server, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold the keys"


def port_number(text: str) -> int:
    """Return the port in `text`; argparse shows the error."""
    if text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 to 65535")


def size_in_bytes(text: str) -> int:
    """Return the bytes of a size such as 512M, 4G or 1.5GiB; argparse shows the error."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:I?B)?", text.strip().upper())
    size = int(float(match.group(1)) * 1024 ** " KMGT".index(match.group(2) or " ")) if match else 0
    if size <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write a number and K, M, G or T, such as 4G")
    return size


def count(text: str) -> int:
    """Return the whole number in `text`, which is at least 1; argparse shows the error."""
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")


def number_from_0(text: str) -> float:
    """Return the number in `text`, which is at least 0; argparse shows the error."""
    return _number(text, lambda number: number >= 0, "of at least 0")


def positive_number(text: str) -> float:
    """Return the number in `text`, which is more than 0; argparse shows the error."""
    return _number(text, lambda number: number > 0, "above 0")


def _number(text: str, is_wanted: Callable[[float], bool], wanted: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not (is_wanted(number) and number < float("inf")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number {wanted}")
    return number
