"""How a model is, and how a handler of it is."""

from __future__ import annotations

from typing import Iterable, NamedTuple

STARTING = "starting"
WARMING_UP = "warming up"
HEALTHY = "healthy"
RESTARTING = "restarting"
FAILED = "failed"
STATES = (HEALTHY, STARTING, WARMING_UP, RESTARTING, FAILED)  # from best to worst


class Health(NamedTuple):
    """How one is now.

    state: one of STATES. reason: why it is not healthy, empty where the state says it all.
    retry_after_s: when it may answer again; None when waiting does not help.
    """

    state: str
    reason: str = ""
    retry_after_s: int | None = 1


def best_of(healths: Iterable[Health]) -> Health:
    """Return the health of a model whose handlers are in these states: it answers while one of them does."""
    return min(healths, key=lambda health: STATES.index(health.state))


def worst_of(healths: Iterable[Health]) -> Health:
    """Return the health of a service whose models are in these states: all of them must answer."""
    return max(healths, key=lambda health: STATES.index(health.state))
