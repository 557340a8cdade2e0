"""The one thread on which the model is loaded and run."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import Any, Callable, TypeVar

Result = TypeVar("Result")


class InferenceThread:
    """Runs calls one after the other on one thread, because an MXNet executor belongs to its maker's thread.

    The thread is a daemon: a handler that never returns must not keep the stopped service alive, which the
    standard library's executors would.
    """

    def __init__(self) -> None:
        self._calls: queue.Queue[tuple[Future[Any], Callable[[], Any]]] = queue.Queue()
        threading.Thread(target=self._run, name="inference", daemon=True).start()

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        """Queue `call`; the future has what it returns or raises."""
        future: Future[Result] = Future()
        self._calls.put((future, call))
        return future

    def _run(self) -> None:
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            # SystemExit included: a handler's sys.exit() must end its request, not this thread
            except BaseException as error:
                future.set_exception(error)
