"""What became of the requests of one model, for people who look at it while it runs."""

from __future__ import annotations

import collections
import statistics

MAX_TIMES = 500  # chosen: enough for a 99th percentile that means something


class Tally:
    """Counts answers, and keeps the times of the last ones.

    answered: with 200; refused: the client's mistake; turned_away: 503, nobody was free or well; failed: any other.
    """

    def __init__(self) -> None:
        self.answered = self.refused = self.turned_away = self.failed = 0
        self._seconds: collections.deque[float] = collections.deque(maxlen=MAX_TIMES)
        self._requests = self._batches = 0

    def count(self, status: int, seconds: float) -> None:
        """Count one request by the status of its answer. seconds: from its arrival to its answer."""
        if status == 200:
            self.answered += 1
            self._seconds.append(seconds)
        elif 400 <= status < 500:
            self.refused += 1
        elif status == 503:
            self.turned_away += 1
        else:
            self.failed += 1

    def count_batch(self, requests: int) -> None:
        """Count requests that a handler got at once."""
        self._requests += requests
        self._batches += 1

    def percentile_ms(self, percent: int) -> float | None:
        """Return the time within which so many percent of the last answers came; None before the first."""
        times = list(self._seconds)  # another thread may append
        if not times:
            return None
        if len(times) == 1:
            return times[0] * 1000
        return statistics.quantiles(times, n=100, method="inclusive")[percent - 1] * 1000

    def mean_batch(self) -> float | None:
        """Return how many requests a handler got at once on average; None before the first."""
        return self._requests / self._batches if self._batches else None
