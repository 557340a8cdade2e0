"""One model of a service: its queue, and the handlers that answer what waits there."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Callable, NamedTuple, Sequence

from ..errors import ModelUnavailable
from .health import FAILED, HEALTHY, Health, best_of
from .request_queue import Batching, PendingAnswer, RequestQueue
from .restarts import RestartPolicy
from .supervisor import Handler, Supervisor


class Workforce(NamedTuple):
    """How many processes answer for a model, how they are asked, and how they are looked after.

    start_limit_s: how long one may take from its start to its first answer.
    """

    start_limit_s: float
    workers: int = 1
    batching: Batching = Batching()
    restarts: RestartPolicy = RestartPolicy()


class ServedModel:
    """Handlers that take requests from one queue.

    name: what the model is called in paths, logs and metrics.
    handler: what each process is started with.
    observe: told the requests that were answered at once, and how long the handler worked on them.
    in_flight: requests that the server has accepted and not answered; the server counts them.

    `load` comes first, then `warm_up`, then `ask` as often as wanted.
    """

    def __init__(
        self,
        name: str,
        handler: Handler,
        workforce: Workforce,
        observe: Callable[[list[PendingAnswer], float], None] = lambda requests, seconds: None,
    ) -> None:
        self.name = name
        self.handler = handler
        self.in_flight = 0
        self._requests = RequestQueue()
        self._lock = threading.Lock()
        self._supervisors = [
            Supervisor(
                f"model {name}" if workforce.workers == 1 else f"model {name}, worker {number}",
                handler,
                self._requests,
                workforce.batching,
                workforce.start_limit_s,
                workforce.restarts,
                observe,
                self._refuse_when_none_is_healthy,
            )
            for number in range(1, workforce.workers + 1)
        ]

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """What the handler says of its inputs, in the order in which it gets them; empty before it is loaded."""
        loaded = self._supervisors[0].loaded
        return loaded.inputs if loaded is not None else []

    @property
    def input_names(self) -> list[str]:
        """The fields that a request carries, in the order in which the handler gets them."""
        return [str(spec["data_name"]) for spec in self.inputs]

    @property
    def engine(self) -> dict[str, str]:
        """Versions of "mxnet" and "python", and where "base_class" came from; empty before it is loaded."""
        loaded = self._supervisors[0].loaded
        return loaded.engine if loaded is not None else {}

    @property
    def health(self) -> Health:
        """How the model is now: that of its best handler."""
        return best_of(supervisor.health for supervisor in self._supervisors)

    @property
    def workers(self) -> list[Health]:
        """How each of its handlers is now."""
        return [supervisor.health for supervisor in self._supervisors]

    @property
    def restart_count(self) -> int:
        """Starts of a handler after its first."""
        return sum(supervisor.restart_count for supervisor in self._supervisors)

    def waiting(self) -> int:
        """Return how many requests wait for a handler."""
        return len(self._requests)

    def resident_bytes(self) -> int | None:
        """Return the memory of all processes, None when there is none or the system does not tell."""
        known = [number for one in self._supervisors if (number := one.resident_bytes()) is not None]
        return sum(known) if known else None

    def load(self) -> Future[None]:
        """Start the processes side by side; the future raises HandlerLoadError when one does not load."""
        return _all_of([supervisor.load() for supervisor in self._supervisors])

    def warm_up(self) -> Future[None]:
        """Answer a drawn picture in each; the future raises HandlerError when a handler fails on it."""
        return _all_of([supervisor.warm_up() for supervisor in self._supervisors])

    def ask(self, images: Sequence[bytes], limit_s: float) -> PendingAnswer:
        """Queue one request, the raw bytes of each input; its future has the JSON of what a handler answers.

        limit_s: a handler that works longer on it is ended and started again.

        Raises ModelUnavailable when no handler is healthy, and so does the future when none is any more; the future
        raises HandlerError, HandlerDied or HandlerTooSlow.
        """
        request = PendingAnswer(images, limit_s)
        with self._lock:  # so that none is queued after those that wait were refused
            health = self.health
            if health.state != HEALTHY:
                raise self._unavailable(health)
            self._requests.put(request)
        return request

    def close(self) -> None:
        """End the processes and their supervision."""
        for supervisor in self._supervisors:
            supervisor.close()

    def _refuse_when_none_is_healthy(self) -> None:
        with self._lock:
            health = self.health
            if health.state != HEALTHY:
                self._requests.refuse_all(self._unavailable(health))

    def _unavailable(self, health: Health) -> ModelUnavailable:
        why = f": {health.reason}" if health.reason else ""
        now = "has failed" if health.state == FAILED else f"is {health.state}"
        return ModelUnavailable(f"model {self.name} {now}{why}", health.retry_after_s)


def _all_of(futures: Sequence[Future[None]]) -> Future[None]:
    """Return a future that is done when all are, or fails as the first that fails."""
    together: Future[None] = Future()
    together.set_running_or_notify_cancel()
    lock = threading.Lock()
    left = len(futures)

    def note(future: Future[None]) -> None:
        nonlocal left
        with lock:
            left -= 1
            error = future.exception()
            if together.done():
                return
            if error is not None:
                together.set_exception(error)
            elif left == 0:
                together.set_result(None)

    for future in futures:
        future.add_done_callback(note)
    return together
