"""Several trainings at once on one GPU, which a small network does not fill: a thread, a stream and graphs for each."""

from __future__ import annotations

import collections
import contextlib
import gc
import queue
import threading
import time
from typing import Any, ContextManager, Iterator, NamedTuple, Sequence

import torch

from benchmarks.failures import BenchmarkFailed
from benchmarks.recipe_search.pictures import Pictures
from benchmarks.recipe_search.training import Kind, Training
from benchmarks.recipe_search.trials import Settings, Trial

MOST_KINDS = 8  # whose buffers and graphs a lane keeps
EPOCHS_AHEAD = 2  # that are sent to the GPU before the first of them is awaited
STEPS_BEFORE_CAPTURE = 3  # in which cuDNN chooses its algorithms and all memory is taken
# Held for all work on the GPU but replays: nothing unusual may run while a graph is captured
CAPTURING = threading.Lock()


def choose_device(name: str) -> torch.device:
    """Return the device, on which cuDNN is to look for the fastest algorithms.

    Raises BenchmarkFailed where there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise BenchmarkFailed("PyTorch finds no GPU. Install its build for CUDA, or try the program with --device cpu.")
    torch.backends.cudnn.benchmark = True
    return torch.device(name)


def machine_of(device: torch.device) -> str:
    """Name the device and PyTorch's version."""
    what = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    return f"{what}, PyTorch {torch.__version__}"


class Due(NamedTuple):
    """A trial and the seed it is to be trained with."""

    trial: Trial
    seed: int


class Done(NamedTuple):
    """What a training measured, see Training.results, and how long it took beside the others."""

    due: Due
    measured: dict[str, Any]
    seconds: float


class Lane:
    """Trains one trial after the other. uses_graphs: on a GPU, record the kernels of a step once and replay them."""

    def __init__(self, pictures: Pictures, settings: Settings, uses_graphs: bool) -> None:
        self._pictures, self._settings = pictures, settings
        self._is_cuda = pictures.device.type == "cuda"
        self._uses_graphs = uses_graphs and self._is_cuda
        self._kinds: collections.OrderedDict[Kind, _Recorded] = collections.OrderedDict()
        if self._is_cuda:
            self._stream, self._pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()

    def train(self, due: Due) -> Done:
        """Train and measure."""
        with self._on_stream():
            began = time.monotonic()
            with CAPTURING:
                recorded = self._prepare(due)
            pending: collections.deque = collections.deque()
            for _ in range(self._settings.num_epochs):
                for _ in range(recorded.training.batches):
                    recorded.step()
                recorded.evaluate()
                if self._is_cuda:
                    event = torch.cuda.Event(blocking=True)
                    event.record(self._stream)
                    pending.append(event)
                    if len(pending) > EPOCHS_AHEAD:
                        pending.popleft().synchronize()
            if self._is_cuda:
                self._stream.synchronize()
            with CAPTURING:
                return Done(due, recorded.training.results(), time.monotonic() - began)

    def _prepare(self, due: Due) -> _Recorded:
        """Return a training of the trial's kind at its first step."""
        kind = Kind.of(due.trial)
        recorded = self._kinds.pop(kind, None)
        if recorded is None:
            while len(self._kinds) >= MOST_KINDS:
                self._kinds.popitem(last=False)
            recorded = _Recorded(Training(self._pictures, kind, self._settings))
            if self._uses_graphs:
                recorded.training.reset(due.trial, due.seed)
                recorded.capture(self._stream, self._pool)
        self._kinds[kind] = recorded
        recorded.training.reset(due.trial, due.seed)
        return recorded

    def _on_stream(self) -> ContextManager:
        return torch.cuda.stream(self._stream) if self._is_cuda else contextlib.nullcontext()


class _Recorded:
    """A training, and the graphs of its step and its evaluation where there are any."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.step, self.evaluate = training.train_step, training.evaluate

    def capture(self, stream: Any, pool: Any) -> None:
        """Record both, the training's buffers being theirs from now on."""
        training = self.training
        for _ in range(STEPS_BEFORE_CAPTURE):
            training.step.zero_()  # within the tables, however short the training is
            training.epoch.zero_()
            training.train_step()
            training.evaluate()
        stream.synchronize()
        self.step, self.evaluate = (_graph_of(work, pool).replay for work in (training.train_step, training.evaluate))


def _graph_of(work: Any, pool: Any) -> Any:
    graph = torch.cuda.CUDAGraph()
    graph.capture_begin(pool=pool, capture_error_mode="thread_local")
    try:
        work()
    finally:
        graph.capture_end()
    return graph


def train_all(dues: Sequence[Due], lanes: Sequence[Lane], limit_s: float) -> Iterator[Done]:
    """Train with one thread a lane and yield each training when it is done; none is begun after `limit_s` seconds.

    After a failure none is begun either. Raises, when all have ended, BenchmarkFailed where the GPU's memory does not
    suffice, and what else a training raised.
    """
    waiting: queue.SimpleQueue[Due] = queue.SimpleQueue()
    for due in dues:
        waiting.put(due)
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()  # Done, or None for a lane that has ended
    until = time.monotonic() + limit_s
    failures: list[BaseException] = []

    def work(lane: Lane) -> None:
        try:
            while time.monotonic() < until and not failures:
                finished.put(lane.train(waiting.get_nowait()))
        except queue.Empty:
            pass
        except BaseException as error:
            failures.append(error)
        finally:
            finished.put(None)

    with _no_collection():
        for lane in lanes:
            threading.Thread(target=work, args=(lane,), daemon=True).start()
        for _ in lanes:
            yield from iter(finished.get, None)
    if failures and isinstance(failures[0], torch.OutOfMemoryError):
        advice = "Take fewer trainings --at-once, or a smaller --batch-size."
        raise BenchmarkFailed(f"the GPU's memory does not suffice. {advice} PyTorch: {failures[0]}") from failures[0]
    if failures:
        raise failures[0]


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """A block in which no forgotten graph is destroyed by chance, which must not be while another is captured."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
