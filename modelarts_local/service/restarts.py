"""When a handler that was lost is started again, and when it is given up."""

from __future__ import annotations

import time
from typing import NamedTuple, Sequence


class RestartPolicy(NamedTuple):
    """When a lost handler is started again.

    waits_s: before the first, second, ... start since it last lived for `steady_s` seconds; the last one repeats.
    max_failed_starts: after so many in a row it stays down.
    max_early_ends: after so many ends in a row, each less than `steady_s` seconds after a healthy start, too.
    """

    waits_s: Sequence[float] = (0.5, 1, 2, 4, 8, 16, 30)  # chosen: a stray death is mended at once, a loop costs little
    steady_s: float = 60.0
    max_failed_starts: int = 5
    # chosen: what StartLimitBurst is to systemd, which has 5; twice that, as here a client's picture may be the cause,
    # and one that is sent again a few times must not end the service. With the waits they take two and a half minutes
    max_early_ends: int = 10

    def wait_s(self, number: int) -> float:
        """Return the wait before start `number`, counted from 1."""
        return self.waits_s[min(number, len(self.waits_s)) - 1]


class Losses:
    """Counts the losses of one handler since it last lived long."""

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._healthy_since = time.monotonic()
        self._in_a_row = self._early_ends = 0

    def healthy(self) -> None:
        """Note that the handler is healthy from now on."""
        self._healthy_since = time.monotonic()

    def lost(self) -> None:
        """Note that it was lost after it was healthy."""
        is_early = time.monotonic() - self._healthy_since < self._policy.steady_s
        self._in_a_row = self._in_a_row + 1 if is_early else 1
        self._early_ends = self._early_ends + 1 if is_early else 0

    def wait_s(self, failed_starts: int = 0) -> float:
        """Return the wait before the next start, after so many that failed since the loss."""
        return self._policy.wait_s(self._in_a_row + failed_starts)

    def why_give_up(self, reason: str) -> str | None:
        """Return why it is not to be started again, None when it is. reason: how it ended the last time."""
        if self._early_ends < self._policy.max_early_ends:
            return None
        return (
            f"the handler ended {self._early_ends} times in a row within {self._policy.steady_s:g} s of a healthy "
            f"start, and is not started again. The last time {reason}. Mend what the log says of it, and start the "
            "service anew"
        )
