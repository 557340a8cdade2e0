"""How the service does at this moment, for the block of the test page that shows it."""

from __future__ import annotations

from collections import Counter
from typing import Any, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access_log import STATUS_PATH
from .metrics import Metrics
from .page import HEADERS
from .served_model import ServedModel


def status_route(models: Sequence[ServedModel], metrics: Metrics) -> Route:
    """Return the route of STATUS_PATH."""

    async def status(_: Request) -> Response:
        content = {"models": [describe_status(model, metrics) for model in models]}
        return JSONResponse(content, headers={**HEADERS, "Cache-Control": "no-store"})

    return Route(STATUS_PATH, status, methods=["GET"])


def describe_status(model: ServedModel, metrics: Metrics) -> dict[str, Any]:
    """Return what the page shows of one model; times in milliseconds, null before there are any."""
    tally = metrics.tally(model.name)
    return {
        "name": model.name,
        "health": model.health.state,
        "reason": model.health.reason,
        "workers": dict(Counter(health.state for health in model.workers)),
        "waiting": model.waiting(),
        "in_flight": model.in_flight,
        "answered": tally.answered,
        "refused": tally.refused,
        "turned_away": tally.turned_away,
        "failed": tally.failed,
        "p50_ms": tally.percentile_ms(50),
        "p99_ms": tally.percentile_ms(99),
        "mean_batch": tally.mean_batch(),
        "restarts": model.restart_count,
        "memory_bytes": model.resident_bytes(),
    }
