"""What the programs that make steps of a training have in common."""

from __future__ import annotations

import argparse

# Batches that can be drawn beyond the last that is measured: while it is, the next ones must be in the making as at
# any other time. More than anybody prepares ahead: the job 3, PyTorch 2 for each of its workers
COOL_DOWN = 16
# Small enough that the loss stays a number when one batch is learnt over and over; it costs no time
LEARNING_RATE = 0.01


def add_step_flags(parser: argparse.ArgumentParser) -> None:
    """Add --warm-up, updates before the time is taken, and --updates, those that are measured; 0 and 0: none."""
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--updates", type=int, required=True)
