"""How the help of our command lines looks."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any


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
