"""What the command lines have in common: how their help looks, and types of flags that more than one has."""

from __future__ import annotations

import argparse
import re
import textwrap
from typing import Any

STORAGE = "storage: S3_ENDPOINT names the server, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold the keys"


class Parser(argparse.ArgumentParser):
    """A parser with our form of help; so are those of its commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": HelpFormatter, **settings})


class HelpFormatter(argparse.HelpFormatter):
    """Help as wide as the terminal: paragraphs apart, indented lines as written, defaults told that say something."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip("\n").split("\n\n")
        return "\n\n".join(part if part.startswith(" ") else "\n".join(_wrapped(part, width)) for part in paragraphs)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(text, width)

    def _get_help_string(self, action: argparse.Action) -> str:
        says_nothing = action.default in (None, "", [], argparse.SUPPRESS) or isinstance(action.default, bool)
        text = action.help or ""
        return text if says_nothing or "(default: " in text else f"{text} (default: %(default)s)"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)


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


def positive_number(text: str) -> float:
    """Return the number in `text`, which is more than 0; argparse shows the error."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
