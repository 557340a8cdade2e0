"""The names of the classes, which our own job and the platform's samples keep beside the weights."""

from __future__ import annotations

from .deployment import KnownShape
from .files import PackageFiles, Unreadable

LABELS_FILE = "synset.txt"


def read_labels(files: PackageFiles) -> list[str] | None:
    """Return the labels in the order of the network's outputs; None where the package has no such file.

    Raises Unreadable.
    """
    if not files.holds(LABELS_FILE):
        return None
    return [line.strip() for line in files.read_text(LABELS_FILE).splitlines() if line.strip()]


def shape_in_labels(files: PackageFiles) -> KnownShape | None:
    """Return the shape of the output that the labels tell; None where they tell none."""
    try:
        labels = read_labels(files)
    except Unreadable:
        return None  # which the trial tells
    return KnownShape([0, len(labels)], LABELS_FILE) if labels else None
