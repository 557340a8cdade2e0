"""What a service measures of itself, for Prometheus."""

from __future__ import annotations

from typing import Iterable, Iterator, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..platform_rules import REQUEST_LIMIT_S
from .served_model import STATES, ServedModel

CONTENT_TYPE = CONTENT_TYPE_LATEST
NO_MODEL = "none"  # the label of a prediction that no model gets: 401, 405
# chosen: a small network answers in 10 ms, and the platform waits for 40 s
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, REQUEST_LIMIT_S)


class Metrics:
    """Counts and times of one service; what its models know of themselves is asked for when the text is made."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
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
        self._handler_s = Histogram(
            "modelarts_handler_seconds",
            "What of it the handler worked.",
            ["model"],
            buckets=_BUCKETS_S,
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

    def observe_handler(self, model: str, seconds: float) -> None:
        """Note how long a handler worked on one request."""
        self._handler_s.labels(model).observe(seconds)

    def text(self) -> bytes:
        """Return all of it in the text format of Prometheus."""
        return bytes(generate_latest(self._registry))


class _ModelGauges(Collector):
    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._models = models

    def collect(self) -> Iterable[Metric]:
        yield self._gauge("modelarts_queue_length", "Requests that wait for the handler.", self._waiting())
        yield self._gauge("modelarts_in_flight", "Requests that came and are not answered.", self._in_flight())
        yield self._gauge("modelarts_process_memory_bytes", "Memory of the handler's process.", self._memory())
        states = GaugeMetricFamily("modelarts_model_state", "1 for the state a model is in.", labels=["model", "state"])
        restarts = CounterMetricFamily("modelarts_restarts", "Starts of a handler after its first.", labels=["model"])
        for model in self._models:
            for state in STATES:
                states.add_metric([model.name, state], float(model.health.state == state))
            restarts.add_metric([model.name], model.restart_count)
        yield states
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
