"""What a service measures of itself, for Prometheus."""

from __future__ import annotations

import collections
from typing import Iterable, Iterator, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..platform_rules import REQUEST_LIMIT_S
from .health import STATES
from .request_queue import PendingAnswer
from .served_model import ServedModel
from .tally import Tally

CONTENT_TYPE = CONTENT_TYPE_LATEST
NO_MODEL = "none"  # the label of a prediction that no model gets: 401, 405
# chosen: a small network answers in 10 ms, and the platform waits for 40 s
_BUCKETS_REQUESTS = (1, 2, 4, 8, 16, 32)
BODY, QUEUE, HANDLER = "body", "queue", "handler"  # the stages of a prediction
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, REQUEST_LIMIT_S)


class Metrics:
    """Counts and times of one service; what its models know of themselves is asked for when the text is made."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._tallies: collections.defaultdict[str, Tally] = collections.defaultdict(Tally)
        self._requests = Counter(
            "modelarts_requests",
            "Predictions that were asked for and answered or refused; not the page, /health and /metrics.",
            ["model", "status"],
            registry=self._registry,
        )
        self._request_s = Histogram(
            "modelarts_request_seconds",
            "From a prediction's arrival to its answer.",
            ["model"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._stage_s = Histogram(
            "modelarts_stage_seconds",
            "What of it was spent on receiving the body, waiting in the queue, and in the handler.",
            ["model", "stage"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._batch_size = Histogram(
            "modelarts_batch_size",
            "Requests that a handler got at once.",
            ["model"],
            buckets=_BUCKETS_REQUESTS,
            registry=self._registry,
        )

    def watch(self, models: Sequence[ServedModel]) -> None:
        """Add what these models know of themselves; once."""
        self._registry.register(_ModelGauges(models))

    def count_request(self, model: str | None, status: int, seconds: float) -> None:
        """Count one prediction that was answered or refused. model: None when no model got it."""
        self._requests.labels(model or NO_MODEL, str(status)).inc()
        if model:
            self._request_s.labels(model).observe(seconds)
            self._tallies[model].count(status, seconds)

    def observe_body(self, model: str, seconds: float) -> None:
        """Note how long a request's body took to arrive."""
        self._stage_s.labels(model, BODY).observe(seconds)

    def observe_answers(self, model: str, requests: Sequence[PendingAnswer], seconds: float) -> None:
        """Note requests that a handler answered at once, and how long it worked on them."""
        self._batch_size.labels(model).observe(len(requests))
        self._tallies[model].count_batch(len(requests))
        for request in requests:
            self._stage_s.labels(model, QUEUE).observe(request.queued_s)
            self._stage_s.labels(model, HANDLER).observe(seconds)

    def tally(self, model: str) -> Tally:
        """Return what became of the requests of one model."""
        return self._tallies[model]

    def text(self) -> bytes:
        """Return all of it in the text format of Prometheus."""
        return bytes(generate_latest(self._registry))


class _ModelGauges(Collector):
    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._models = models

    def collect(self) -> Iterable[Metric]:
        yield self._gauge("modelarts_queue_length", "Requests that wait for the handler.", self._waiting())
        yield self._gauge("modelarts_in_flight", "Requests that came and are not answered.", self._in_flight())
        yield self._gauge("modelarts_process_memory_bytes", "Memory of the handlers' processes.", self._memory())
        states = GaugeMetricFamily("modelarts_model_state", "1 for the state a model is in.", labels=["model", "state"])
        restarts = CounterMetricFamily("modelarts_restarts", "Starts of a handler after its first.", labels=["model"])
        workers = GaugeMetricFamily("modelarts_workers", "Handlers in each state.", labels=["model", "state"])
        for model in self._models:
            in_state = [health.state for health in model.workers]
            for state in STATES:
                states.add_metric([model.name, state], float(model.health.state == state))
                workers.add_metric([model.name, state], in_state.count(state))
            restarts.add_metric([model.name], model.restart_count)
        yield states
        yield workers
        yield restarts

    def _gauge(self, name: str, help_text: str, values: Iterator[tuple[str, float]]) -> Metric:
        gauge = GaugeMetricFamily(name, help_text, labels=["model"])
        for model, value in values:
            gauge.add_metric([model], value)
        return gauge

    def _waiting(self) -> Iterator[tuple[str, float]]:
        return ((model.name, model.waiting()) for model in self._models)

    def _in_flight(self) -> Iterator[tuple[str, float]]:
        return ((model.name, model.in_flight) for model in self._models)

    def _memory(self) -> Iterator[tuple[str, float]]:
        for model in self._models:
            memory = model.resident_bytes()
            if memory is not None:
                yield model.name, memory
