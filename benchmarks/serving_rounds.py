"""The rounds of the comparison of services: each side in turn is started, put under load and ended."""

from __future__ import annotations

import collections
import functools
import math
import statistics
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from benchmarks.comparison import say
from benchmarks.failures import BenchmarkFailed
from benchmarks.peers import MODULES
from benchmarks.serving_agreement import Agreement, agreement_of, wrong_answer
from benchmarks.serving_report import Life, Run, Speed
from benchmarks.serving_server import RunningServer
from benchmarks.serving_sides import (
    FORWARDS,
    OURS,
    SIDES,
    Bench,
    clean_environment,
    forward_speeds,
    start_of,
    versions,
)

BATCHES = (1, 32)
WARM_UP_S = 1.0
SHOWN_CHARACTERS = 600  # of the reason why a peer is left out


class Plan(NamedTuple):
    """What is measured. names: of SIDES. networks: of FORWARDS. seconds: of each measurement."""

    names: Sequence[str]
    networks: Sequence[str]
    rounds: int
    seconds: float
    connections: Sequence[int]


def compare(bench: Bench, pictures: Sequence[Path], plan: Plan) -> dict[str, Any]:
    """Compare what the sides answer, then time them; returns the members of the result that tell of both.

    A peer that fails is left out from then on. Raises BenchmarkFailed when our own service fails, and when one side
    answers something else than the others.
    """
    rounds = Rounds(bench, pictures, plan)
    rounds.check_answers()
    for number in range(1, plan.rounds + 1):
        rounds.measure(number)
    return rounds.result()


class Rounds:
    """What is known so far. A side that fails is in `_left_out` with the reason."""

    def __init__(self, bench: Bench, pictures: Sequence[Path], plan: Plan) -> None:
        self._bench = bench
        self._pictures = pictures
        self._plan = plan
        self._left_out: dict[str, str] = {}
        self._alone: dict[
            str, list[str]
        ] = {}  # the labels that a side gives when it is asked for one picture at a time
        self._agreement: list[Agreement] = []
        self._runs: list[Run] = []
        self._lives: list[Life] = []
        self._speeds: list[Speed] = []

    def check_answers(self) -> None:
        """Start each side once and compare what it answers with our service's answers."""
        expected = self._answers_of(OURS, 0)
        for name in self._plan.names:
            self._attempt(name, functools.partial(self._check, name, expected))
        for name in self._plan.networks:
            self._attempt(name, functools.partial(FORWARDS[name].prepare, self._bench))

    def _check(self, name: str, expected: list[dict[str, Any]]) -> None:
        answers = expected if name == OURS else self._answers_of(name, 0)
        self._alone[name] = [answer["predicted_label"] for answer in answers]
        found = agreement_of(name, answers, expected)
        self._agreement.append(found)
        say(f"{name}: {found.same} of {found.pictures} labels as ours, scores differ by up to {found.largest:.4f}")
        wrong = None if SIDES[name].is_int8 else wrong_answer(answers, expected, [path.name for path in self._pictures])
        if wrong is not None:
            raise WrongAnswers(f"{name} does not serve the same network: {wrong}.")

    def _answers_of(self, name: str, number: int) -> list[dict[str, Any]]:
        SIDES[name].prepare(self._bench)
        with self._running(name, number) as server:
            return server.answers(self._pictures)

    def _running(self, name: str, number: int) -> RunningServer:
        start, service = start_of(SIDES[name], self._bench, f"{name}-{number}")
        return RunningServer(start, service, self._pictures[0])

    def _attempt(self, name: str, do: Callable[[], None]) -> None:
        """Do something of a side; when it fails, the side is left out from now on."""
        if name in self._left_out:
            return
        try:
            do()
        except WrongAnswers:
            raise
        except BenchmarkFailed as error:
            if name == OURS:
                raise
            self._left_out[name] = str(error)
            say(f"{name} is left out: {str(error)[:SHOWN_CHARACTERS]}")

    def measure(self, number: int) -> None:
        """Measure each side once, another one first in each round, so that none always follows the same."""
        for name in _turned(self._plan.names, number):
            self._attempt(name, functools.partial(self._measure_service, name, number))
        for name in _turned(self._plan.networks, number):
            self._attempt(name, functools.partial(self._measure_network, name, number))

    def _measure_service(self, name: str, number: int) -> None:
        environment = clean_environment(PYTHONPATH=MODULES)
        with self._running(name, number) as server:
            for connections in self._plan.connections:
                found = server.load(self._pictures, connections, WARM_UP_S, self._plan.seconds, environment)
                run = run_of(name, number, connections, found, self._alone[name])
                self._runs.append(run)
                say(
                    f"round {number} of {self._plan.rounds}: {name}, {connections} connections: "
                    f"{run.requests_per_s:.2f} requests/s, p50 {run.p50_ms:.0f} ms"
                )
            self._lives.append(Life(name, number, server.start_s, server.peak_bytes))

    def _measure_network(self, name: str, number: int) -> None:
        speeds = forward_speeds(FORWARDS[name], self._bench, BATCHES, self._plan.seconds)
        self._speeds += [Speed(name, number, batch, images_per_s) for batch, images_per_s in speeds.items()]
        shown = ", ".join(f"{speed:.2f} images/s by {batch}" for batch, speed in speeds.items())
        say(f"round {number} of {self._plan.rounds}: {name} alone: {shown}")

    def result(self) -> dict[str, Any]:
        """The members of the result."""
        measured = [name for name in self._plan.names if name in {run.side for run in self._runs}]
        timed = [name for name in self._plan.networks if name in {speed.network for speed in self._speeds}]
        return {
            "seconds": self._plan.seconds,
            "runs": self._runs,
            "lives": self._lives,
            "speeds": self._speeds,
            "agreement": self._agreement,
            "left_out": self._left_out,
            "sides": {name: f"{SIDES[name].meaning}; {SIDES[name].settings}" for name in measured},
            "networks": {name: FORWARDS[name].meaning for name in timed},
            "versions": versions(self._bench, [*measured, *timed]),
        }


class WrongAnswers(BenchmarkFailed):
    """A side answers something else than ours, so that its speed would mean nothing."""


def _turned(names: Sequence[str], number: int) -> list[str]:
    first = (number - 1) % max(len(names), 1)
    return [*names[first:], *names[:first]]


def run_of(side: str, number: int, connections: int, found: Mapping[str, Any], alone: Sequence[str]) -> Run:
    """The figures of what http_load tells. alone: the label of each picture when it is the only one.

    Raises BenchmarkFailed when no answer came.
    """
    latencies_ms = sorted(1000 * latency_s for latency_s in found["latencies_s"])
    refused = collections.Counter(found["refused"])
    if not latencies_ms:
        why = f"refused by status: {dict(refused)}" if refused else "give --seconds more"
        raise BenchmarkFailed(f"no answer came within {found['seconds']:.1f} s: {why}.")
    mixed_up = sum(
        times
        for picture, labels in found["labels"].items()
        for label, times in labels.items()
        if label != alone[int(picture)]
    )
    return Run(
        side,
        number,
        connections,
        answers=len(latencies_ms),
        requests_per_s=len(latencies_ms) / found["seconds"],
        p50_ms=statistics.median(latencies_ms),
        p99_ms=percentile(latencies_ms, 0.99),
        cpu_ms=1000 * found["server_cpu_s"] / len(latencies_ms),
        client_share=found["client_cpu_s"] / found["seconds"],
        refused=sum(refused.values()),
        mixed_up=mixed_up,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the numbers that at least so large a share of them does not exceed."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
