"""SIGTERM and SIGINT: what was trained so far is saved, the process ends soon, its exit code says why.

A machine that is taken away sends SIGTERM and ends all processes some seconds later; Ctrl-C sends SIGINT.
"""
import contextlib
import os
import signal
import sys
import threading

from errors import Interrupted

GRACE_S = 8     # after SIGTERM the process ends by itself; clusters give 10 to 30 s before SIGKILL (Slurm, Kubernetes)
WATCHED = (signal.SIGTERM, signal.SIGINT)


class Interruption:
    """The wish to end this process, told by a signal; a context manager that is entered in the main thread.

    Outside of `saving`, a first signal raises Interrupted where the program is. Inside, it is only noted, for the
    program to look at between two batches. Python runs a handler between two of its own instructions, and a batch may
    take longer than there is time: a thread ends the process then, or at the second signal.
    """

    def __init__(self, grace_s=GRACE_S):
        self._grace_s = grace_s
        self._signal = None             # the first one that came
        self._is_saving = False
        self._before = []               # handlers, and the file descriptor for wake-ups
        self._reading, self._writing = None, None

    def __enter__(self):
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        threading.Thread(target=self._watch, args=(self._reading,), daemon=True).start()
        self._before = [signal.signal(number, self._note) for number in WATCHED]
        self._before.append(signal.set_wakeup_fd(self._writing))
        return self

    def __exit__(self, kind, error, traceback):
        signal.set_wakeup_fd(self._before.pop())
        for number, handler in zip(WATCHED, self._before):
            signal.signal(number, handler)
        os.close(self._writing)         # which ends the thread

    @contextlib.contextmanager
    def saving(self):
        """A block whose code looks at `is_asked_for` and then saves before it raises `error()`."""
        self._is_saving = True
        try:
            yield
        finally:
            self._is_saving = False

    @property
    def is_asked_for(self):
        """Whether a signal has come."""
        return self._signal is not None

    def error(self, place):
        """Return the Interrupted to raise. place: how far the training is saved, a part of the sentence."""
        return Interrupted(self._signal, place)

    def _note(self, number, _):
        if self._signal is None:
            self._signal = number
            if not self._is_saving:
                raise Interrupted(number, 'the newest checkpoint')

    def _watch(self, reading):
        """Wait for signals, whose numbers Python writes into the pipe at once, whatever the main thread does."""
        with os.fdopen(reading, 'rb', buffering=0) as numbers:
            first = self._next(numbers)
            if first == signal.SIGTERM:
                threading.Timer(self._grace_s, self._end, [first, 'not done within %g s' % self._grace_s]).start()
            if first is not None and self._next(numbers) is not None:
                self._end(first, 'told twice')

    @staticmethod
    def _next(numbers):
        """Return the next watched signal; None when there will be none."""
        for number in iter(lambda: numbers.read(1), b''):
            if number[0] in WATCHED:
                return number[0]
        return None

    @staticmethod
    def _end(number, reason):
        sys.stderr.write('ended by %s, %s; started again with the same --train_url it goes on from the newest '
                         'checkpoint\n'
                         % (signal.Signals(number).name, reason))
        sys.stderr.flush()
        os._exit(128 + number)
