"""Types of flags that more than one command has."""

from __future__ import annotations

import argparse


def port_number(text: str) -> int:
    """Return the port in `text`; argparse shows the error."""
    if text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 to 65535")
