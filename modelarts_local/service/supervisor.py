"""One handler of a model: its process, the thread that asks it, and its restarts."""

from __future__ import annotations

import logging
import math
import queue
import sys
import threading
import time
from concurrent.futures import Future
from typing import Any, Callable, Mapping, NamedTuple

from ..engines import engine_string
from ..errors import HandlerDied, HandlerError, HandlerLoadError, HandlerTooSlow
from ..handler_process import HandlerProcess, Loaded
from ..package.model_package import ModelPackage
from ..platform_rules import MIB
from ..trial_pictures import draw_picture
from .health import FAILED, HEALTHY, RESTARTING, STARTING, WARMING_UP, Health
from .request_queue import Batching, PendingAnswer, RequestQueue
from .restarts import Losses, RestartPolicy

logger = logging.getLogger(__name__)


class Handler(NamedTuple):
    """What a handler's process is started with, as HandlerProcess takes it."""

    package: ModelPackage
    signature: Mapping[str, Any] = {}
    python: str = sys.executable
    memory_limit_bytes: int | None = None
    num_threads: int | None = None

    def start(self, on_end: Callable[[HandlerProcess, str], None]) -> HandlerProcess:
        """Start one process. on_end: as HandlerProcess takes it."""
        return HandlerProcess(
            self.package,
            self.signature,
            self.python,
            self.memory_limit_bytes,
            num_threads=self.num_threads,
            on_end=on_end,
        )


class Supervisor:
    """Asks one handler what waits in a queue, from one thread, and starts it again when its process ends.

    label: what it is called in the log.
    handler: what its process is started with.
    requests: shared with the other handlers of the model.
    batching: how many of them it takes at once.
    start_limit_s: how long it may take from its start to its first answer.
    observe: told the requests that were answered, and how long the handler worked on them.
    on_unhealthy: called whenever it stops being healthy.

    `load` comes first, then `warm_up`; then it takes requests until `close`.
    """

    def __init__(
        self,
        label: str,
        handler: Handler,
        requests: RequestQueue,
        batching: Batching,
        start_limit_s: float,
        restarts: RestartPolicy,
        observe: Callable[[list[PendingAnswer], float], None],
        on_unhealthy: Callable[[], None],
    ) -> None:
        self.loaded: Loaded | None = None
        self.restart_count = 0
        self._label = label
        self._handler = handler
        self._requests = requests
        self._batching = batching
        self._start_limit_s = start_limit_s
        self._restarts = restarts
        self._losses = Losses(restarts)
        self._observe = observe
        self._on_unhealthy = on_unhealthy
        self._calls: queue.Queue[tuple[Future[None], Callable[[], None]]] = queue.Queue()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: HandlerProcess | None = None
        self._health = Health(STARTING)
        self._start_began = time.monotonic()
        self._start_s = 0.0
        # a daemon: a handler that never returns must not keep the stopped service alive
        threading.Thread(target=self._run, name=f"inference {label}", daemon=True).start()

    @property
    def health(self) -> Health:
        """State of the handler, with the reason and when to come again."""
        return self._health

    def resident_bytes(self) -> int | None:
        """Return the memory of the process, None when there is none or the system does not tell."""
        process = self._process
        return process.resident_bytes() if process is not None else None

    def load(self) -> Future[None]:
        """Start the process; the future raises HandlerLoadError when the handler does not load."""
        return self._submit(self._load)

    def warm_up(self) -> Future[None]:
        """Answer a drawn picture, so that the first request does not pay for MXNet's lazy set-up.

        The future raises HandlerError when the handler fails on it; a picture that it refuses counts: it ran.
        """
        return self._submit(self._warm_up)

    def close(self) -> None:
        """End the process and its supervision."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            process.close()
        self._submit(lambda: None)  # ends the wait for one

    def _submit(self, call: Callable[[], None]) -> Future[None]:
        future: Future[None] = Future()
        self._calls.put((future, call))
        self._requests.wake()
        return future

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._health.state == HEALTHY and self._calls.empty():
                requests = self._requests.take(self._batching_now(), lambda: not self._calls.empty())
                if requests:
                    self._answer(requests)
                continue
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            # SystemExit included: whatever a call raises ends that call, not this thread
            except BaseException as error:
                future.set_exception(error)

    def _batching_now(self) -> Batching:
        return self._batching if self.loaded is not None and self.loaded.takes_many else Batching()

    def _load(self) -> None:
        self._start_began = time.monotonic()
        process = self._handler.start(self._lost)
        with self._lock:
            self._process = process
        if self._stopping.is_set():
            process.close()
        try:
            self.loaded = process.wait_until_loaded(self._start_limit_s)
        except HandlerLoadError as error:
            raise HandlerLoadError(self._with_hint(error), error.trace) from error
        engine = self.loaded.engine
        logger.info(
            "%s: loaded in %.1f s on %s; MXNetBaseService is that of %s",
            self._label,
            time.monotonic() - self._start_began,
            engine_string(engine["mxnet"], engine["python"]),
            engine["base_class"],
        )

    def _warm_up(self) -> None:
        with self._lock:
            process = self._process
            if self._health.state == STARTING:
                self._health = Health(WARMING_UP)
        assert process is not None and self.loaded is not None, "load comes before warm_up"
        rest_s = self._start_limit_s - (time.monotonic() - self._start_began)
        drawn = [draw_picture(spec) for spec in self.loaded.inputs]
        try:
            process.answer(drawn, max(rest_s, 0.001))
        except HandlerTooSlow as error:
            raise HandlerTooSlow(self._with_hint(error)) from error
        except HandlerError as error:
            if error.http_status != 400:
                raise
        with self._lock:
            self._losses.healthy()
            self._start_s = time.monotonic() - self._start_began
            self._health = Health(HEALTHY)
        # one that ended a moment ago was told of before it was healthy, and nobody minded
        how_it_ended = process.how_it_ended()
        if how_it_ended is not None:
            self._lost(process, how_it_ended)
        elif self._batching_now().max_batch > 1:
            self._submit(lambda: self._warm_up_for_many(process, drawn))

    def _warm_up_for_many(self, process: HandlerProcess, drawn: list[bytes]) -> None:
        """Let a handler set itself up for many pictures at once; requests that come meanwhile wait half a second."""
        try:
            process.answers([drawn] * self._batching.max_batch, self._start_limit_s)
        except (HandlerDied, HandlerTooSlow) as error:
            self._lost(process, str(error))

    def _with_hint(self, error: Exception) -> str:
        """Return what is said of a failed start, with the limit of ours that it may have met."""
        # the message of an import may have lines of its own
        said, limit = " ".join(str(error).split()).rstrip("."), self._handler.memory_limit_bytes
        if time.monotonic() - self._start_began >= self._start_limit_s:
            return f"{said}. Give it longer with --deploy-timeout."
        return f"{said}. --memory-limit leaves it {limit / MIB:g} MiB; it may need more." if limit else str(error)

    def _answer(self, requests: list[PendingAnswer]) -> None:
        process = self._process
        assert process is not None, "healthy without a process"
        began = time.monotonic()
        answers: list[bytes | HandlerError]
        try:
            answers = process.answers([request.images for request in requests], requests[0].limit_s)
        except (HandlerDied, HandlerTooSlow) as error:
            self._lost(process, str(error))
            answers = [error] * len(requests)
        except Exception as error:  # whatever it is, those who wait must hear of it
            logger.exception("%s: a defect of this program", self._label)
            answers = [HandlerError(f"the request could not be handed to the handler: {error}")] * len(requests)
        seconds = time.monotonic() - began
        self._observe(requests, seconds)
        for request, answer in zip(requests, answers):
            request.handler_s, request.together = seconds, len(requests)
            if isinstance(answer, HandlerError):
                request.future.set_exception(answer)
            else:
                request.future.set_result(answer)

    def _lost(self, process: HandlerProcess, reason: str) -> None:
        """Start again after a process that was healthy; told twice of one, it does so once."""
        with self._lock:
            if process is not self._process or self._health.state != HEALTHY or self._stopping.is_set():
                return
            self._losses.lost()
            wait_s = self._losses.wait_s()
            why_give_up = self._losses.why_give_up(reason)
            if why_give_up is None:
                self._health = Health(RESTARTING, reason, math.ceil(wait_s + self._start_s))
            else:
                self._health = Health(FAILED, why_give_up, None)
        if why_give_up is None:
            logger.error("%s: %s; starting it again in %g s", self._label, reason, wait_s)
            self._submit(lambda: self._restart(process, wait_s))
        else:
            logger.error("%s: %s", self._label, why_give_up)
            self._submit(process.close)  # there, where nobody reads from it any more
        self._on_unhealthy()

    def _restart(self, lost: HandlerProcess, wait_s: float) -> None:
        lost.close()  # here, where nobody reads from it any more
        tries = self._restarts.max_failed_starts
        for attempt in range(1, tries + 1):
            if self._stopping.wait(wait_s):
                return
            self.restart_count += 1
            try:
                self._load()
                self._warm_up()
            except Exception as error:  # whatever it is, the handler must not stay between two states
                wait_s = self._losses.wait_s(attempt)
                self._start_failed(f"start {attempt} of {tries} failed: {error}", wait_s)
            else:
                logger.warning("%s: healthy again after %.1f s", self._label, self._start_s)
                return
        with self._lock:
            self._health = Health(FAILED, self._health.reason, None)
        logger.error("%s: failed, and is not started again: %s", self._label, self._health.reason)

    def _start_failed(self, reason: str, next_wait_s: float) -> None:
        with self._lock:
            process = self._process
            self._health = Health(RESTARTING, reason, math.ceil(next_wait_s + self._start_s))
        if process is not None:
            process.close()
        if not self._stopping.is_set():
            logger.error("%s: %s", self._label, reason)
