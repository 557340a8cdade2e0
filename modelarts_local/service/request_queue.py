"""Requests that wait for a handler, and how many of them it gets at once."""

from __future__ import annotations

import collections
import threading
import time
from concurrent.futures import Future
from typing import Callable, NamedTuple, Sequence


class Batching(NamedTuple):
    """How many requests a handler gets at once.

    max_batch: at most; a handler that takes one request at a time gets one.
    max_delay_s: how long the first may wait for more. 0 takes what waits already, which costs no request any time.
    """

    max_batch: int = 1
    max_delay_s: float = 0.0


class PendingAnswer:
    """A request that waits for its answer.

    images: the raw bytes of each input. limit_s: how long a handler may work on it.
    future: has the JSON of the answer, or what was raised. queued_s: how long it waited, once it is taken.
    handler_s, together: how long the handler worked, and on how many requests at once, when it is answered.
    """

    def __init__(self, images: Sequence[bytes], limit_s: float) -> None:
        self.images = images
        self.limit_s = limit_s
        self.future: Future[bytes] = Future()
        self.queued_s = self.handler_s = 0.0
        self.together = 0
        self.turn_ends: float | None = None
        self._arrived = time.monotonic()

    def begin(self) -> bool:
        """Note that a handler gets it now; False when nobody waits for the answer any more."""
        if not self.future.set_running_or_notify_cancel():
            return False
        now = time.monotonic()
        self.queued_s = now - self._arrived
        self.turn_ends = now + self.limit_s
        return True

    def turn_left_s(self) -> float | None:
        """Return how long the handler may still work on it; None before its turn."""
        return None if self.turn_ends is None else max(self.turn_ends - time.monotonic(), 0.0)


class RequestQueue:
    """First in, first out, for any number of handlers of one model."""

    def __init__(self) -> None:
        self._waiting: collections.deque[PendingAnswer] = collections.deque()
        self._changed = threading.Condition()

    def put(self, request: PendingAnswer) -> None:
        """Append a request."""
        with self._changed:
            self._waiting.append(request)
            self._changed.notify()

    def take(self, batching: Batching, is_wanted_elsewhere: Callable[[], bool]) -> list[PendingAnswer]:
        """Wait for the next requests and return them, begun.

        is_wanted_elsewhere: asked at first and after each `wake`; once it is true, what is there is returned, if only
        an empty list.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or is_wanted_elsewhere())
            if self._waiting and batching.max_delay_s > 0:
                self._changed.wait_for(
                    lambda: len(self._waiting) >= batching.max_batch or is_wanted_elsewhere(), batching.max_delay_s
                )
            taken: list[PendingAnswer] = []
            while self._waiting and len(taken) < batching.max_batch:
                request = self._waiting.popleft()
                if request.begin():
                    taken.append(request)
            return taken

    def refuse_all(self, error: Exception) -> None:
        """Let every request that waits fail with `error`."""
        with self._changed:
            waiting, self._waiting = self._waiting, collections.deque()
        for request in waiting:
            if request.begin():
                request.future.set_exception(error)

    def wake(self) -> None:
        """Let every `take` ask again whether its caller is wanted elsewhere."""
        with self._changed:
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._waiting)
