"""A finding: one place where a job or a package breaks a rule of the platform."""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

ERROR = "error"  # the platform would refuse it, or it would fail there
WARNING = "warning"  # it may fail there, or in another era of the platform, or not do what is meant
SEVERITIES = (ERROR, WARNING)
WIDTH = 100  # columns of a finding's text


class Finding(NamedTuple):
    """One place where a rule is broken.

    rule: its id in check.rules. severity: one of SEVERITIES.
    path: file or folder, as the user would name it. line: from 1 on, None where a line says nothing.
    found, expected: clauses without a full stop. remedy: a sentence that begins with what to do.
    platform_code: the error code that it would have been on the platform, None where none is documented.
    """

    rule: str
    severity: str
    path: str
    line: int | None
    found: str
    expected: str
    remedy: str
    platform_code: str | None = None

    @property
    def place(self) -> str:
        """Return path, or path:line."""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    def as_json(self) -> dict[str, Any]:
        """Return the members by name, as `check --json` prints them."""
        return self._asdict()

    def as_text(self) -> str:
        """Return the finding as a person reads it: a headline, and below it three lines, longer ones wrapped."""
        code = f"  {self.platform_code}" if self.platform_code else ""
        parts = (("found", self.found), ("expected", self.expected), ("remedy", self.remedy))
        return "\n".join(
            [f"{self.severity} {self.rule}  {printable(self.place)}{code}"]
            + [_wrapped(f"    {title:<8}  ", printable(text)) for title, text in parts]
        )


def printable(text: str) -> str:
    """Return `text` with everything that a terminal would obey, or could not show, written as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def quoted(value: object, most: int = 60) -> str:
    """Return a value of the user's as a message shows it: on one line, not longer than `most`."""
    if isinstance(value, (dict, list)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value[: most + 1] if isinstance(value, str) else value)
    return printable(text if len(text) <= most + 2 else f"{text[:most]}...")


def listed(names: list[str]) -> str:
    """Return up to eight names for a message, and the number of the others."""
    shown = ", ".join(printable(name) for name in names[:8]) or "nothing"
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"


def _wrapped(title: str, text: str) -> str:
    indent = " " * len(title)
    return textwrap.fill(
        text, WIDTH, initial_indent=title, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
