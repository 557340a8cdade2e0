"""The workers of one training: which one this process is, and what they add up and agree on.

Workers are processes that MXNet's parameter server joins (--kv_store=dist_*): a scheduler, servers, and the workers,
each told its part by the DMLC_* variables. All are told the same flags. MXNet numbers the workers in the order in which
they arrive; number 0 alone writes results and logs the epochs.
"""
import json
import logging
import os
import sys
import threading

import numpy as np
from mxnet_support import engine

from errors import DataError, WorkersLost

log = logging.getLogger(__name__)

WARN_S = 60                 # after which a wait for the other workers is told; chosen
CHUNK_BYTES = 1 << 18       # of what worker 0 hands to the others at once; chosen
FRACTION_BITS = 32          # of a number that is sent bit by bit: below the precision of a weight near 1, up to 2**31
NUMBER_BITS = 63
# What MXNet's parameter server needs in the environment of each worker
VARIABLES = ('DMLC_ROLE', 'DMLC_PS_ROOT_URI', 'DMLC_PS_ROOT_PORT', 'DMLC_NUM_WORKER', 'DMLC_NUM_SERVER')
_abandoned = []     # Clusters whose stores must not be released: that would wait for workers which never come


def join(kv_store, timeout_s):
    """Return this process's place among the workers, after all of them have come; a context manager.

    kv_store: the flag's value. timeout_s: seconds without an answer from the others after which WorkersLost is raised.
    In a process that the environment makes a server or the scheduler, this serves the workers to their end and raises
    SystemExit. Raises DataError when flag and environment do not fit.
    """
    if os.environ.get('DMLC_ROLE') in ('server', 'scheduler'):
        engine.import_mxnet()           # importing is a server's whole life
    if not kv_store.startswith('dist_'):
        if int(os.environ.get('DMLC_NUM_WORKER') or 1) > 1:
            raise DataError('this is one of %s workers, but --kv_store=%s trains on one machine: each would write the '
                            'same files. Give --kv_store=dist_sync, or start one worker.'
                            % (os.environ['DMLC_NUM_WORKER'], kv_store))
        return OneWorker()
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing:
        raise DataError('--kv_store=%s needs several workers, started with MXNet\'s variables; not set: %s. '
                        '`modelarts-local train --nodes=2` starts them so; on one machine leave the flag out.'
                        % (kv_store, ', '.join(missing)))
    return Cluster(kv_store, timeout_s)


def end_process(exit_code):
    """End this process as sys.exit does; at once when it has left other workers behind."""
    if _abandoned:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(exit_code)
    raise SystemExit(exit_code)


class OneWorker:
    """The only worker of a training; Cluster does the same for several.

    rank: this worker's number, from 0; size: how many there are; is_first: whether this one writes the results;
    is_async: whether each updates the common weights without waiting for the others; store: MXNet's KVStore between
    workers or devices, or None where there is one device. Nobody else may keep the store: it ends with this reference.
    """

    rank = 0
    size = 1
    is_async = False

    def __init__(self, store=None):
        self.store = store

    @property
    def is_first(self):
        """Whether this is the worker that writes and logs."""
        return self.rank == 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        pass

    def leave(self):
        """Part from the other workers, when all have done what they do together."""

    def wait_for(self, action):
        """Return what a function returns that may have to wait for other workers."""
        return action()

    def compress(self, threshold):
        """From now on send gradients as 2 bits: plus or minus `threshold`, or 0; the rest is carried on."""
        self.store.set_gradient_compression({'type': '2bit', 'threshold': threshold})

    def part(self, count):
        """Return the slice of `count` things that is this worker's; sizes differ by one at most."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def sum(self, numbers):
        """Add up the workers' arrays (N,), element by element; every worker gets the same sum, a float64 array.

        Whole numbers up to 2**24 are exact; others as float32 is, which is all that MXNet 1.9.1's servers keep.
        """
        return np.asarray(numbers, dtype=np.float64)

    def share(self, content):
        """Return worker 0's bytes on every worker; what the others give is not looked at."""
        return content

    def together(self, action):
        """Return what a function returns; when it raises on any worker, all end instead of waiting for that one.

        Raises what it raises here, or DataError with the numbers of the workers where it raised.
        """
        result, problem = None, None
        try:
            result = action()
        except Exception as error:      # raised below, when all know of it
            problem = error
        flags = np.zeros(self.size)
        flags[self.rank] = problem is not None
        troubled = np.flatnonzero(self.sum(flags))
        if problem is not None:
            raise problem
        if len(troubled):
            raise fellows_in_trouble(troubled)
        return result

    def refuse_differences(self, facts):
        """Raise DataError on every worker when one has other facts, {name: JSON value}, than worker 0."""
        facts = json.loads(json.dumps(facts))
        first = json.loads(self.share(json.dumps(facts).encode()).decode())
        self.together(lambda: self._compare(facts, first))

    def _compare(self, own, first):
        differences = ['%s is %s here and %s there' % (name, own.get(name), first.get(name))
                       for name in sorted(set(own) | set(first)) if own.get(name) != first.get(name)]
        if differences:
            raise DataError('this worker, number %d, was given something else than worker 0: %s. Start all workers '
                            'with the same flags on the same data.' % (self.rank, ', '.join(differences)))


class Cluster(OneWorker):
    """One of several workers; OneWorker says what for.

    kv_store: 'dist_sync', 'dist_device_sync' or 'dist_async'; timeout_s: as in `join`, may be changed on the way.
    """

    def __init__(self, kv_store, timeout_s):
        super(Cluster, self).__init__()
        self._mx = engine.import_mxnet()
        self.timeout_s = timeout_s
        self._threshold = None              # of the compression, once there is one
        self._keys = set()                  # that init_once has made
        self.store = self.wait_for(lambda: self._mx.kv.create(kv_store))
        self.rank, self.size = self.store.rank, self.store.num_workers
        self.is_async = kv_store == 'dist_async'
        if self.is_async:       # the servers' whole arithmetic: they take away what a worker sends
            if self.is_first:
                self.store.set_optimizer(self._mx.optimizer.create('sgd', learning_rate=1.0))
            self.barrier()

    def __exit__(self, kind, error, traceback):
        if kind is None:
            self.leave()
        elif self.store is not None:
            _abandoned.append(self)

    def leave(self):
        """Part from the other workers, when all have done what they do together."""
        if self.store is not None:      # MXNet parts when the last reference goes, and waits for all to do so
            self.wait_for(self._release)

    def _release(self):
        self.store = None

    def wait_for(self, action):
        """Return what a function returns that waits for the other workers.

        It runs in a thread, because nothing, not even a signal, ends MXNet's own waiting. A warning tells each WARN_S
        that it waits. Raises WorkersLost after the time-out.
        """
        outcome = []

        def run():
            try:
                outcome.append((action(), None))
            except Exception as error:      # goes on in the thread that waits
                outcome.append((None, error))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            self._watch(thread)
        except BaseException:               # an interrupt, too: the thread goes on waiting
            _abandoned.append(self)
            raise
        result, error = outcome[0]
        if error is not None:
            raise error
        return result

    def _watch(self, thread):
        waited_s = 0
        while thread.is_alive():
            pause_s = min(WARN_S, self.timeout_s - waited_s)
            thread.join(pause_s)
            if not thread.is_alive():
                break
            waited_s += pause_s
            if waited_s >= self.timeout_s:
                raise WorkersLost('no answer from the other workers for %d s (--worker_timeout): one of them, or a '
                                  'server, has ended or hangs; its log may say why. The same command goes on from the '
                                  'newest checkpoint.' % waited_s)
            log.warning('the other workers have not answered for %d s', waited_s)

    def barrier(self):
        """Wait until every worker is here and all that they have sent has arrived."""
        def meet():
            self._mx.nd.waitall()
            self.store._barrier()           # no other name for it; used by MXNet's own Module
        self.wait_for(meet)

    def compress(self, threshold):
        """From now on send gradients as 2 bits: plus or minus `threshold`, or 0; the rest is carried on."""
        super(Cluster, self).compress(threshold)
        self._threshold = threshold

    def sum(self, numbers):
        """Add up the workers' arrays (N,), element by element; every worker gets the same sum, a float64 array.

        Whole numbers up to 2**24 are exact; others as float32 is, which is all that MXNet 1.9.1's servers keep.
        """
        numbers = np.asarray(numbers, dtype=np.float64)
        if self._threshold is None:
            return self._sum(numbers)
        # everything that is sent is compressed now, but plus or minus the threshold itself arrives as it is
        signs = to_bits(numbers).ravel() * self._threshold
        summed = np.rint(self._sum(signs) / self._threshold)
        return from_bits(summed.reshape(len(numbers), -1))

    def init_once(self, key, array):
        """Make a key that may be there; all workers ask for the same keys in the same order."""
        if key not in self._keys:
            self.wait_for(lambda: self.store.init(key, array))
            self._keys.add(key)

    def _sum(self, numbers):
        key = 'sum of %d%s' % (len(numbers), '' if self._threshold is None else ' in bits')
        array, total = self._mx.nd.array(numbers), self._mx.nd.zeros(len(numbers))      # float32
        self.init_once(key, total)
        self.store.push(key, array)
        if self.is_async:
            self.barrier()
        self.store.pull(key, out=total)
        self.wait_for(total.wait_to_read)
        summed = total.asnumpy().astype(np.float64)
        if not self.is_async:
            return summed
        self.barrier()                      # all have read it: back to zero
        if self.is_first:
            self.store.push(key, total)
        return -summed

    def share(self, content):
        """Return worker 0's bytes on every worker; what the others give is not looked at."""
        size = len(content) if self.is_first else 0
        high, low = self.sum([size >> 20, size % (1 << 20)])
        length = (int(high) << 20) + int(low)
        chunks = []
        for start in range(0, length, CHUNK_BYTES):
            words = np.zeros(CHUNK_BYTES // 2, dtype='<u2')
            if self.is_first:
                chunk = content[start:start + CHUNK_BYTES]
                words = np.frombuffer(chunk.ljust(CHUNK_BYTES, b'\0'), dtype='<u2')
            chunks.append(self.sum(words).astype('<u2').tobytes())
        return b''.join(chunks)[:length]


def fellows_in_trouble(ranks):
    """Return the DataError of a worker that ends because of others. ranks: their numbers."""
    return DataError('the training ends, because worker %s cannot go on; its log says why.'
                     % ' and '.join(map(str, ranks)))


def to_bits(numbers):
    """Return float64 numbers (N,) as -1, 0 and 1, (N, 64): bits with the number's sign, and whether it is no number.

    Numbers are rounded to multiples of 2**-32; those of 2**31 and above count as none.
    """
    scaled = np.rint(np.asarray(numbers, dtype=np.float64) * 2.0 ** FRACTION_BITS)
    is_number = np.abs(scaled) < 2.0 ** NUMBER_BITS         # false for NaN too
    scaled = np.where(is_number, scaled, 0)
    places = np.arange(NUMBER_BITS, dtype=np.uint64)
    bits = (np.abs(scaled).astype(np.uint64)[:, np.newaxis] >> places) & np.uint64(1)
    signed = bits.astype(np.int64) * np.sign(scaled).astype(np.int64)[:, np.newaxis]
    return np.concatenate([signed, 1 - is_number[:, np.newaxis].astype(np.int64)], axis=1)


def from_bits(bits):
    """Return the float64 numbers (N,) whose bits, or sums of bits, are given (N, 64)."""
    numbers = bits[:, :NUMBER_BITS].dot(2.0 ** np.arange(NUMBER_BITS)) / 2.0 ** FRACTION_BITS
    return np.where(bits[:, NUMBER_BITS] > 0, np.nan, numbers)
