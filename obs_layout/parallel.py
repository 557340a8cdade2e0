"""Run a function over many items on all cores, results in order, with little of it in memory at a time."""

from __future__ import annotations

import collections
import itertools
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from typing import Callable, Generator, Iterable, Iterator, Sequence, TypeVar

from obs_layout.errors import DataError

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_ITEMS = 16  # enough to hide the cost of passing work to a process, few enough to keep results small
BATCHES_PER_WORKER = 3  # one in work, the others so that nobody waits


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """Yield function(item) for every item, in order, computed by `workers` processes.

    function and items must be picklable; processes are spawned, so nothing is inherited by chance. At most
    workers * BATCHES_PER_WORKER * BATCH_ITEMS items and results are in memory. One worker means this process
    itself. Closing the generator ends the processes after the item each has in hand.

    Raises what the function raises, and DataError when a process dies, which mostly means that memory ran
    out.
    """
    if workers == 1:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pending: collections.deque[Future[list[Result]]] = collections.deque()
    with ProcessPoolExecutor(workers, context, _start_worker, (stop,)) as pool:
        try:
            for batch in _batches(items):
                pending.append(pool.submit(_run_batch, function, batch))
                if len(pending) >= workers * BATCHES_PER_WORKER:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        except BrokenProcessPool as error:
            raise DataError(
                "a worker process ended unexpectedly, most likely for want of memory. Try fewer --workers."
            ) from error
        finally:
            stop.set()


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while True:
        batch = list(itertools.islice(iterator, BATCH_ITEMS))
        if not batch:
            return
        yield batch


def _run_batch(function: Callable[[Item], Result], batch: Sequence[Item]) -> list[Result]:
    """Runs in a worker process."""
    return [function(item) for item in itertools.takewhile(lambda _: not _worker.stop.is_set(), batch)]


class _Worker:
    """What a worker process has to know; set when it starts."""

    stop: Event


_worker = _Worker()


def _start_worker(stop: Event) -> None:
    _worker.stop = stop
    # Ctrl-C reaches every process of the terminal; only the parent answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A worker waits for work on a pipe that its siblings hold open too, so a killed parent would leave it for
    # ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
