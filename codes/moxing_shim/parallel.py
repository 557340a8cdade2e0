"""Threads within bounds: how many bytes they hold together, and results in order."""
import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

MEMORY_BYTES = 128 * 1024 * 1024    # of content held by all threads of a process together; chosen

_budgets = {}       # process id -> ByteBudget: what was held when a process forked is not held in the child


def memory():
    """The ByteBudget of this process for content held in memory."""
    return _budgets.setdefault(os.getpid(), ByteBudget(MEMORY_BYTES))


class ByteBudget:
    """Lets threads hold so many bytes together; who wants more waits. One alone may exceed it."""

    def __init__(self, total_bytes):
        self._free = self._total = total_bytes
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def holding(self, size_bytes):
        """Hold `size_bytes` for the length of a block."""
        wanted = min(size_bytes, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


def in_order(work, count, threads):
    """Yield work(0), work(1), ... in order; with `threads`, so many at a time. The first failure stops the rest."""
    if not threads or count <= 1:
        for number in range(count):
            yield work(number)
        return
    stop = threading.Event()

    def guarded(number):
        if stop.is_set():
            return None
        try:
            return work(number)
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(min(threads, count), thread_name_prefix='moxing-part') as pool:
        futures = [pool.submit(guarded, number) for number in range(count)]
        try:
            for future in futures:
                result = future.result()
                if stop.is_set():       # a later part has failed: its exception is the one to raise
                    break
                yield result
            for future in futures if stop.is_set() else ():
                future.result()
        finally:
            stop.set()
            for future in futures:
                future.cancel()
