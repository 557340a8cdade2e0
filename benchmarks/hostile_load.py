"""Serve a package and send it good and hostile requests at once: `python -m benchmarks.hostile_load PARENT`.

A fifth of the requests is hostile. Each must get the answer that it deserves within the platform's time, and the
service must be afterwards as it was: the same processes, with no more memory and descriptors than after a third of it.
"""

from __future__ import annotations

import argparse
import collections
import functools
import queue
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, NamedTuple, Sequence

from benchmarks.client_usage import PROCESSES, family, memory_of, open_files_of
from benchmarks.comparison import EXIT_FAILED, MEBIBYTE
from benchmarks.failures import BenchmarkFailed
from benchmarks.flag_types import count
from benchmarks.hostile_clients import Answer, Client, NoAnswer, ask_slowly
from benchmarks.hostile_requests import Request, SlowRequest, good_requests, hostile_requests, slow_requests
from benchmarks.served_package import ServedPackage

HOSTILE_SHARE = 5  # one of so many
REQUESTS_A_SLOW_ONE = 150  # a slow one takes 10 s and more, and does little meanwhile
SLOW_CONNECTIONS = 8  # with 16 others below the number of requests that may wait
SETTLE_S = 20.0
MEMORY_GROWTH = 0.1  # chosen: what an allocator may keep
GOOD = "good pictures, in all ways in which they may be sent"
FEWEST_WORDS = 3  # chosen: fewer are no sentence


class Load(NamedTuple):
    """How much is sent. seed: of what is sent when."""

    requests: int
    connections: int = 16
    seed: int = 1


class State(NamedTuple):
    """What the service holds. server, handler: numbers of the processes."""

    server: int
    handler: int
    server_bytes: int
    handler_bytes: int
    server_descriptors: int
    handler_descriptors: int


class Result(NamedTuple):
    """What came of a load.

    counts: requests by kind. wrong: a line for each answer that was not the right one.
    early: the state after a third of the load; late: after all of it. slowest_s: of the requests that were not slow
    themselves.
    """

    seconds: float
    counts: dict[str, int]
    wrong: list[str]
    slowest_s: float
    early: State
    late: State

    def complaints(self) -> list[str]:
        """Return all that is not as it should be, a line each."""
        found = list(self.wrong)
        for name in ("server", "handler"):
            early, late = self.early._asdict(), self.late._asdict()
            if early[name] != late[name]:
                found.append(f"the {name} has ended, and another process took its place")
            if late[f"{name}_descriptors"] != early[f"{name}_descriptors"]:
                change = (
                    f"{early[f'{name}_descriptors']} descriptors after a third, {late[f'{name}_descriptors']} at last"
                )
                found.append(f"the {name} had {change}")
            if late[f"{name}_bytes"] > (1 + MEMORY_GROWTH) * early[f"{name}_bytes"]:
                sizes = [each[f"{name}_bytes"] // MEBIBYTE for each in (early, late)]
                found.append(f"the {name} had {sizes[0]} MiB after a third, {sizes[1]} at last")
        return found


def main(argv: Sequence[str] | None = None) -> int:
    """Send a load and print what came of it; returns 0, or 1 when something was not as it should be."""
    arguments = build_parser().parse_args(argv)
    try:
        with ServedPackage(arguments.parent) as served:
            result = send(served, Load(arguments.requests, arguments.connections, arguments.seed))
    except BenchmarkFailed as error:
        print(f"benchmarks.hostile_load: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(as_text(result))
    return EXIT_FAILED if result.complaints() else 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile_load", description=__doc__)
    parser.add_argument("parent", metavar="PARENT", type=Path, help="folder that holds model/, as the job leaves it")
    parser.add_argument("--requests", type=count, default=10_000, help="how many are sent")
    parser.add_argument("--connections", type=count, default=16, help="how many at once, besides the slow ones")
    parser.add_argument("--seed", type=int, default=1, help="of what is sent when")
    return parser


def send(served: ServedPackage, load: Load) -> Result:
    """Send a load to a service that is warm, and return what came of it."""
    chance = random.Random(load.seed)
    good, hostile = good_requests(served.fields), hostile_requests(served.fields, chance)
    right = right_answers(served, good)
    sender = _Sender(served, right, load.connections)
    slow_number = max(len(slow_requests()), load.requests // REQUESTS_A_SLOW_ONE)
    hostile_number = max(load.requests // HOSTILE_SHARE - slow_number, 0)
    planned: list[Request | SlowRequest] = [
        *_repeat(hostile, hostile_number),
        *_repeat(good, load.requests - hostile_number - slow_number),
        *_repeat(slow_requests(), slow_number),
    ]
    chance.shuffle(planned)
    third = len(planned) // 3
    began = time.monotonic()
    sender.send(planned[:third])
    early = settled(served, None)
    sender.send(planned[third:])
    late = settled(served, early)
    good_kinds = {request.kind for request in good}
    counts = collections.Counter(GOOD if request.kind in good_kinds else request.kind for request in planned)
    return Result(time.monotonic() - began, dict(counts), sender.wrong, sender.slowest_s, early, late)


def right_answers(served: ServedPackage, good: Sequence[Request]) -> dict[str, Any]:
    """Return what each picture is answered when nothing else is asked."""
    client = Client(served.address)
    right: dict[str, Any] = {}
    for request in good:
        name = request.expected.picture if request.expected else None
        if name is not None and name not in right:
            answer = client.ask(request.content)
            if answer.status != 200:
                raise BenchmarkFailed(f"{name} is answered {answer.status} {answer.body[:300]!r} before the load")
            right[name] = answer.json()
    client.close()
    return right


def settled(served: ServedPackage, wanted: State | None) -> State:
    """Wait until the service holds as many descriptors as in `wanted`, or no fewer than a second ago; return its state.

    What is still not as wanted after SETTLE_S is returned so.
    """
    deadline = time.monotonic() + SETTLE_S
    before = None
    while True:
        now = state_of(served)
        descriptors = (now.server_descriptors, now.handler_descriptors)
        is_wanted = wanted is not None and descriptors == (wanted.server_descriptors, wanted.handler_descriptors)
        if is_wanted or (wanted is None and descriptors == before) or time.monotonic() > deadline:
            return now
        before = descriptors
        time.sleep(1)


def state_of(served: ServedPackage) -> State:
    """Return what the service holds now. Raises BenchmarkFailed where the system does not tell."""
    processes = list(family(served.pid))
    memory = [memory_of(pid, "VmRSS") for pid in processes]
    descriptors = [open_files_of(pid) for pid in processes]
    if len(processes) != 2 or None in descriptors:
        raise BenchmarkFailed(f"{PROCESSES} does not tell of the service and its one handler; measure on Linux.")
    server, handler = processes
    return State(server, handler, *(number or 0 for number in (*memory, *descriptors)))


def as_text(result: Result) -> str:
    """Return a result for people."""
    lines = [f"{number:7,}  {kind}" for kind, number in sorted(result.counts.items())]
    total = sum(result.counts.values())
    lines.append(f"{total:7,}  requests in {result.seconds:.1f} s, the slowest answered in {result.slowest_s:.1f} s")
    for name, state in (("a third", result.early), ("all", result.late)):
        lines.append(
            f"after {name}: handler {state.handler_bytes / MEBIBYTE:.0f} MiB, {state.handler_descriptors} descriptors; "
            f"server {state.server_bytes / MEBIBYTE:.0f} MiB, {state.server_descriptors} descriptors"
        )
    return "\n".join([*lines, *(result.complaints() or ["every one got the right answer"])])


class _Sender:
    """Sends requests from some threads, and keeps what was answered wrongly."""

    def __init__(self, served: ServedPackage, right: dict[str, Any], connections: int) -> None:
        self.wrong: list[str] = []
        self.slowest_s = 0.0
        self._served = served
        self._right = right
        self._connections = connections
        self._lock = threading.Lock()

    def send(self, planned: Sequence[Request | SlowRequest]) -> None:
        """Send them, in this order, and return when the last has ended."""
        quick: queue.SimpleQueue[Request] = queue.SimpleQueue()
        with ThreadPoolExecutor(self._connections + SLOW_CONNECTIONS) as threads:
            slow = [request for request in planned if isinstance(request, SlowRequest)]
            for request in planned:
                if isinstance(request, Request):
                    quick.put(request)
            futures = [threads.submit(self._send_quick, quick) for _ in range(self._connections)]
            for number in range(SLOW_CONNECTIONS):
                futures.append(threads.submit(self._send_slow, slow[number::SLOW_CONNECTIONS]))
            for future in futures:
                future.result()

    def _send_quick(self, requests: queue.SimpleQueue[Request]) -> None:
        client = Client(self._served.address)
        while True:
            try:
                request = requests.get_nowait()
            except queue.Empty:
                client.close()
                return
            if request.expected is None:
                client.leave(request.content)
            else:
                self._look_at(request, functools.partial(client.ask, request.content, request.is_whole))

    def _send_slow(self, requests: Sequence[SlowRequest]) -> None:
        for request in requests:
            self._look_at(request, functools.partial(ask_slowly, self._served.address, request))

    def _look_at(self, request: Request | SlowRequest, ask: Callable[[], Answer | None]) -> None:
        began = time.monotonic()
        try:
            complaint = complaint_of(ask(), request, self._right)
        except NoAnswer as error:
            complaint = str(error)
        with self._lock:
            if isinstance(request, Request):
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            if complaint:
                self.wrong.append(f"{request.kind}: {complaint}")


def complaint_of(answer: Answer | None, request: Request | SlowRequest, right: dict[str, Any]) -> str | None:
    """Return what is wrong with an answer, None when nothing is."""
    expected = request.expected
    if answer is None or expected is None:
        return None if answer is expected else f"answered {answer}, expected {expected}"
    content = answer.json()
    if answer.status != expected.status:
        return f"answered {answer.status} {answer.body[:200]!r}, expected {expected.status}"
    if expected.picture is not None:
        same = is_same_prediction(content, right[expected.picture])
        return None if same else f"answered {content}, alone {right[expected.picture]}"
    is_sentence = len(str(content.get("error_msg", "")).split()) > FEWEST_WORDS
    if content.get("error_code") != expected.code or not is_sentence or "request_id" not in content:
        return f"answered {answer.body[:300]!r}, expected the code {expected.code} and a sentence"
    return None


def is_same_prediction(one: Any, other: Any) -> bool:
    """Tell whether two answers agree up to rounding, which depends on what a picture is answered together with."""
    scores, others = dict(one["scores"]), dict(other["scores"])
    return one["predicted_label"] == other["predicted_label"] and all(
        abs(score - others.get(label, -1)) < 1e-4 for label, score in scores.items()
    )


def _repeat(requests: Sequence[Any], number: int) -> list[Any]:
    return [requests[index % len(requests)] for index in range(number)]


if __name__ == "__main__":
    sys.exit(main())
