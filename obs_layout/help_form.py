"""How our command lines explain themselves: the form of their help, and the flag that was probably meant."""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from typing import Any, NoReturn, Sequence

LIKENESS = 0.6  # of two flags, from 0 to 1, from which on one is suggested for the other; that of the job's own flags


class Parser(argparse.ArgumentParser):
    """A parser with our form of help, whose errors suggest a flag for each misspelt one; so are those of its commands.

    What a command does not know ends in its own parser, with its own usage; argparse hands it up to the program's.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": HelpFormatter, **settings})
        self._words: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse words as argparse does, all of them: there is no rest that the parser does not know."""
        self._words = sys.argv[1:] if args is None else list(args)
        known, unknown = super().parse_known_args(self._words, namespace)
        if unknown:
            # without their values, one of which may be a key
            names = [word.partition("=")[0] if word.startswith("-") else word for word in unknown]
            self.error(f"unrecognized arguments: {' '.join(names)}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        """End with argparse's message and the flags that were probably meant, as where a required one is misspelt."""
        meant = misspelt_flags(self._words, list(self._option_string_actions))
        hint = ", ".join(f"{flag} for {typed}" for typed, flag in meant.items())
        super().error(f"{message}; did you mean {hint}?" if hint else message)


def misspelt_flags(words: Sequence[str], flags: Sequence[str]) -> dict[str, str]:
    """Return the most similar flag for each word that looks like a flag and is none.

    words: a command line. flags: those that there are, with their dashes. Beginnings of a flag are no mistakes, as
    argparse completes them, and what follows a -- is no flag.
    """
    before = words[: list(words).index("--")] if "--" in words else words
    typed = [word.partition("=")[0] for word in before if word.startswith("--")]
    long = [flag for flag in flags if flag.startswith("--")]
    near = {
        name: difflib.get_close_matches(name, long, n=1, cutoff=LIKENESS)
        for name in typed
        if not any(flag.startswith(name) for flag in long)
    }
    return {name: found[0] for name, found in near.items() if found}


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
