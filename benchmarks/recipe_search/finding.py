"""One measure of how far the replica and the job differ."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """What was compared, how far it differs, and how far it may; `what` tells the unit."""

    what: str
    measured: float
    limit: float

    @property
    def is_kept(self) -> bool:
        """Whether the limit is kept; a measure that is no number does not."""
        return self.measured <= self.limit

    def line(self) -> str:
        """Say it for people."""
        return f"{'ok  ' if self.is_kept else 'FAIL'}  {self.what}: {self.measured:.2g} (limit {self.limit:g})"
