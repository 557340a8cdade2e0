"""Times as people write them on a command line and read them in a line."""

from __future__ import annotations

import argparse
import re

_UNITS_S = {"h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")


def duration_s(text: str) -> int:
    """Return the seconds in 2h, 90m, 1h30m, 45s or 45; argparse shows the error."""
    found = _DURATION.fullmatch(text.strip())
    seconds = sum(int(n or 0) * unit for n, unit in zip(found.groups(), _UNITS_S.values())) if found else 0
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write it as in 2h, 90m, 1h30m or 45s")
    return seconds


def as_text(seconds: float) -> str:
    """Return a duration as 45 s, 12 min or 3 h 20 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def as_flag(seconds: int | None) -> str | None:
    """Return a duration as duration_s reads it back; None stays None."""
    return None if seconds is None else f"{seconds}s"
