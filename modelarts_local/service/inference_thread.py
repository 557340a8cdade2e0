"""The one thread from which a model's process is asked."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import Any, Callable, TypeVar

Result = TypeVar("Result")


class InferenceThread:
    """Runs calls one after the other on one thread, because a handler's process answers one request at a time.

    The thread is a daemon: a handler that never returns must not keep the stopped service alive, which the
    standard library's executors would.
    """

    def __init__(self) -> None:
        self._calls: queue.Queue[tuple[Future[Any], Callable[[], Any]] | None] = queue.Queue()
        threading.Thread(target=self._run, name="inference", daemon=True).start()

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        """Queue `call`; the future has what it returns or raises."""
        future: Future[Result] = Future()
        self._calls.put((future, call))
        return future

    def waiting(self) -> int:
        """Return how many calls wait for the one that runs."""
        return self._calls.qsize()

    def close(self) -> None:
        """Let the thread end after what is queued now."""
        self._calls.put(None)

    def _run(self) -> None:
        while True:
            queued = self._calls.get()
            if queued is None:
                return
            future, call = queued
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            # SystemExit included: whatever a call raises ends that call, not this thread
            except BaseException as error:
                future.set_exception(error)
