"""The history of a made-up training, as Training.history and the checkpoints hold it."""

from __future__ import annotations

from typing import Any


def history_of(num_epochs: int) -> list[dict[str, Any]]:
    """Return a row for each epoch: train accuracy 0.1 more each time, validation one ahead, 2 s an epoch."""
    return [
        {
            "epoch": epoch,
            "lr": 0.1,
            "seconds": 2.0,
            "train-accuracy": round(min(0.1 * (epoch + 1), 1.0), 6),
            "train-cross-entropy": 5.0 / (epoch + 1),
            "train-top_k_accuracy_5": 0.5,
            "validation-accuracy": round(min(0.1 * (epoch + 2), 1.0), 6),
            "validation-cross-entropy": 4.0 / (epoch + 1),
            "validation-top_k_accuracy_5": 0.875,
        }
        for epoch in range(num_epochs)
    ]
