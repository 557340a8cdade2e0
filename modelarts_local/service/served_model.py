"""One model of a service: the process of its handler, its health, and its restarts."""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from concurrent.futures import Future
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ..engines import engine_string
from ..errors import HandlerDied, HandlerError, HandlerLoadError, HandlerTooSlow, ModelUnavailable
from ..handler_process import HandlerProcess
from ..package.model_package import ModelPackage
from ..platform_rules import MIB
from ..trial_pictures import draw_picture
from .inference_thread import InferenceThread

logger = logging.getLogger(__name__)

STARTING = "starting"
WARMING_UP = "warming up"
HEALTHY = "healthy"
RESTARTING = "restarting"
FAILED = "failed"
STATES = (HEALTHY, STARTING, WARMING_UP, RESTARTING, FAILED)  # from best to worst


class Handler(NamedTuple):
    """What a model's process is started with, as HandlerProcess takes it."""

    package: ModelPackage
    signature: Mapping[str, Any] = {}
    python: str = sys.executable
    memory_limit_bytes: int | None = None

    def start(self, on_end: Callable[[HandlerProcess, str], None]) -> HandlerProcess:
        """Start one process. on_end: as HandlerProcess takes it."""
        return HandlerProcess(self.package, self.signature, self.python, self.memory_limit_bytes, on_end=on_end)


class Health(NamedTuple):
    """How a model is. state: one of STATES. reason: why it is not healthy, empty where the state says it all."""

    state: str
    reason: str = ""
    retry_after_s: int | None = 1


class RestartPolicy(NamedTuple):
    """When a lost handler is started again.

    waits_s: before the first, second, ... start since it last lived for `steady_s` seconds; the last one repeats.
    max_failed_starts: after so many in a row the model stays down.
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


class ServedModel:
    """A handler that is asked from one thread, and started again when its process ends.

    name: what the model is called in paths, logs and metrics.
    handler: what its process is started with.
    start_limit_s: how long it may take from its start to its first answer.
    observe_handler_s: told how long the handler worked on each request.
    engine: versions of "mxnet" and "python", and where "base_class" came from.
    in_flight: requests that the server has accepted and not answered; the server counts them.

    `load` comes first, then `warm_up`, then `answer` as often as wanted.
    """

    def __init__(
        self,
        name: str,
        handler: Handler,
        start_limit_s: float,
        observe_handler_s: Callable[[float], None] = lambda seconds: None,
        restarts: RestartPolicy = RestartPolicy(),  # noqa: B008
    ) -> None:
        self.name = name
        self.handler = handler
        self.engine: dict[str, str] = {}
        self.restart_count = 0
        self.in_flight = 0
        self._inputs: list[dict[str, Any]] = []
        self._start_limit_s = start_limit_s
        self._observe_handler_s = observe_handler_s
        self._restarts = restarts
        self._thread = InferenceThread()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: HandlerProcess | None = None
        self._health = Health(STARTING)
        self._start_began = self._healthy_since = time.monotonic()
        self._start_s = 0.0
        self._losses = self._early_ends = 0
        self._turn_ends: float | None = None

    @property
    def input_names(self) -> list[str]:
        """The fields that a request carries, in the order in which the handler gets them."""
        return [str(spec["data_name"]) for spec in self._inputs]

    @property
    def health(self) -> Health:
        """How the model is now."""
        return self._health

    def waiting(self) -> int:
        """Return how many requests wait for the one that the handler works on."""
        return self._thread.waiting()

    def turn_left_s(self) -> float | None:
        """Return how long the handler may still work on the request that it has; None when it has none."""
        ends = self._turn_ends
        return None if ends is None else max(ends - time.monotonic(), 0.0)

    def resident_bytes(self) -> int | None:
        """Return the memory of the handler's process, None when there is none or the system does not tell."""
        process = self._process
        return process.resident_bytes() if process is not None else None

    def load(self) -> Future[None]:
        """Start the handler's process; the future raises HandlerLoadError when it does not load."""
        return self._thread.submit(self._load)

    def warm_up(self) -> Future[None]:
        """Answer one drawn picture, so that the first request does not pay for MXNet's lazy set-up.

        The future raises HandlerError when the handler fails on it; a picture that it refuses counts: it ran.
        """
        return self._thread.submit(self._warm_up)

    def answer(self, images: Sequence[bytes], limit_s: float) -> Future[bytes]:
        """Queue one request; the future has the JSON of what the handler answers to the raw bytes of each input.

        limit_s: a handler that works longer on it is ended and started again.

        Raises ModelUnavailable when the model is not healthy, and so does the future when it is not any more; the
        future raises HandlerError, HandlerDied or HandlerTooSlow.
        """
        self._healthy_process()
        return self._thread.submit(lambda: self._answer(images, limit_s))

    def close(self) -> None:
        """End the handler's process and its supervision."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            process.close()
        self._thread.close()

    def _load(self) -> None:
        self._start_began = time.monotonic()
        process = self.handler.start(self._lost)
        with self._lock:
            self._process = process
        if self._stopping.is_set():
            process.close()
        try:
            loaded = process.wait_until_loaded(self._start_limit_s)
        except HandlerLoadError as error:
            raise HandlerLoadError(self._with_hint(error), error.trace) from error
        self._inputs, self.engine = loaded.inputs, loaded.engine
        logger.info(
            "model %s: loaded in %.1f s on %s; MXNetBaseService is that of %s",
            self.name,
            time.monotonic() - self._start_began,
            engine_string(self.engine["mxnet"], self.engine["python"]),
            self.engine["base_class"],
        )

    def _warm_up(self) -> None:
        with self._lock:
            process = self._process
            if self._health.state == STARTING:
                self._health = Health(WARMING_UP)
        assert process is not None, "load comes before warm_up"
        rest_s = self._start_limit_s - (time.monotonic() - self._start_began)
        try:
            process.answer([draw_picture(spec) for spec in self._inputs], max(rest_s, 0.001))
        except HandlerTooSlow as error:
            raise HandlerTooSlow(self._with_hint(error)) from error
        except HandlerError as error:
            if error.http_status != 400:
                raise
        with self._lock:
            self._healthy_since = time.monotonic()
            self._start_s = self._healthy_since - self._start_began
            self._health = Health(HEALTHY)
        # one that ended a moment ago was told of before it was healthy, and nobody minded
        how_it_ended = process.how_it_ended()
        if how_it_ended is not None:
            self._lost(process, how_it_ended)

    def _with_hint(self, error: Exception) -> str:
        """Return what is said of a failed start, with the limit of ours that it may have met."""
        said, limit = str(error).rstrip("."), self.handler.memory_limit_bytes
        if time.monotonic() - self._start_began >= self._start_limit_s:
            return f"{said}. Give it longer with --deploy-timeout."
        return f"{said}. --memory-limit leaves it {limit / MIB:g} MiB; it may need more." if limit else str(error)

    def _answer(self, images: Sequence[bytes], limit_s: float) -> bytes:
        process = self._healthy_process()
        began = time.monotonic()
        self._turn_ends = began + limit_s
        try:
            return process.answer(images, limit_s)
        except (HandlerDied, HandlerTooSlow) as error:
            self._lost(process, str(error))
            raise
        finally:
            self._turn_ends = None
            self._observe_handler_s(time.monotonic() - began)

    def _healthy_process(self) -> HandlerProcess:
        with self._lock:
            process, health = self._process, self._health
        if process is None or health.state != HEALTHY:
            why = f": {health.reason}" if health.reason else ""
            now = "has failed" if health.state == FAILED else f"is {health.state}"
            raise ModelUnavailable(f"model {self.name} {now}{why}", health.retry_after_s)
        return process

    def _lost(self, process: HandlerProcess, reason: str) -> None:
        """Start again after a process that was healthy; told twice of one, it does so once."""
        with self._lock:
            if process is not self._process or self._health.state != HEALTHY or self._stopping.is_set():
                return
            lived_s = time.monotonic() - self._healthy_since
            is_early = lived_s < self._restarts.steady_s
            self._losses = self._losses + 1 if is_early else 1
            self._early_ends = self._early_ends + 1 if is_early else 0
            if self._early_ends >= self._restarts.max_early_ends:
                self._health = Health(FAILED, self._ended_too_often(reason), None)
                self._thread.submit(process.close)  # there, where nobody reads from it any more
                logger.error("model %s: %s", self.name, self._health.reason)
                return
            wait_s = self._restarts.wait_s(self._losses)
            self._health = Health(RESTARTING, reason, math.ceil(wait_s + self._start_s))
        logger.error("model %s: %s; starting it again in %g s", self.name, reason, wait_s)
        self._thread.submit(lambda: self._restart(process, wait_s))

    def _ended_too_often(self, reason: str) -> str:
        return (
            f"the handler ended {self._early_ends} times in a row within {self._restarts.steady_s:g} s of a healthy "
            f"start, and is not started again. The last time {reason}. Mend what the log says of it, and start the "
            "service anew"
        )

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
            except Exception as error:  # whatever it is, the model must not stay between two states
                wait_s = self._restarts.wait_s(self._losses + attempt)
                self._start_failed(f"start {attempt} of {tries} failed: {error}", wait_s)
            else:
                logger.warning("model %s: healthy again after %.1f s", self.name, self._start_s)
                return
        with self._lock:
            self._health = Health(FAILED, self._health.reason, None)
        logger.error("model %s: failed, and is not started again: %s", self.name, self._health.reason)

    def _start_failed(self, reason: str, next_wait_s: float) -> None:
        with self._lock:
            process = self._process
            self._health = Health(RESTARTING, reason, math.ceil(next_wait_s + self._start_s))
        if process is not None:
            process.close()
        if not self._stopping.is_set():
            logger.error("model %s: %s", self.name, reason)
