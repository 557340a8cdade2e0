"""How an update of the weights is made from the gradients of all devices and workers.

MXNet's key-value stores only add up; the optimizer runs beside every copy of the weights. So its state is on each
worker and can be saved, and a learning rate that depends on the update's number is the same everywhere.
"""
import contextlib

import numpy as np
from mxnet_support import engine

from errors import DataError, WorkersLost
from .cluster import OneWorker, fellows_in_trouble

mx = engine.import_mxnet()


def refuse_what_cannot_be_sent(options, num_devices):
    """Raise DataError for half precision where it would go wrong, and for compression where nothing is compressed."""
    if options.dtype == 'float16' and options.kv_store == 'dist_async':
        raise DataError('--dtype=float16 does not go with --kv_store=dist_async: the servers would add up changes that '
                        'float16 cannot hold. Take --kv_store=dist_sync.')
    if options.gradient_compression == 'none':
        return
    if options.kv_store == 'dist_async':
        problem = 'with --kv_store=dist_async changes of weights are sent, which are far below the threshold'
    elif options.dtype == 'float16':
        problem = 'MXNet compresses float32 gradients only, and this is --dtype=float16'
    elif options.kv_store == 'local':
        problem = 'MXNet compresses with --kv_store=device or dist_*, not with local'
    elif options.kv_store == 'device' and num_devices == 1:
        problem = 'one device of one worker sends no gradients'
    else:
        return
    raise DataError('--gradient_compression=%s is of no use here: %s. Leave it out.'
                    % (options.gradient_compression, problem))


def begin_updates(module, workers, options):
    """Give every worker worker 0's weights; returns the LocalUpdates, SummedUpdates or AsyncUpdates of the training.

    module: bound mx.mod.Module with weights, and with an optimizer and no key-value store. workers: see cluster.
    """
    num_devices = len(module._exec_group.param_arrays[0])
    threshold = options.compression_threshold if options.gradient_compression != 'none' else None
    adding_up = workers
    if workers.store is None or workers.is_async:       # the devices of this worker alone
        kind = 'local' if options.kv_store == 'local' else 'device'
        adding_up = OneWorker(mx.kv.create(kind)) if num_devices > 1 else None
    updates = SummedUpdates(module, adding_up, threshold) if adding_up else LocalUpdates(module)
    return AsyncUpdates(module, workers, updates) if workers.is_async else updates


class LocalUpdates:
    """Updates of one device of one worker. module: see begin_updates."""

    def __init__(self, module):
        self._module = module
        self._alarm = None              # where there are other workers, how they hear of trouble

    def step(self):
        """Update the weights with the gradients of the last batch; DataError when another worker cannot go on."""
        self._module.update()

    def settle(self):
        """Make weights and statistics the same on all workers, to be measured or saved. All call it together."""

    @contextlib.contextmanager
    def telling(self):
        """A block in which what is raised here ends the other workers, too, at their next step."""
        try:
            yield
        except BaseException as error:
            if self._alarm is not None and not isinstance(error, WorkersLost) and not self._alarm.was_heard:
                self._send_what_is_awaited()
                self._alarm.send(True)
                self._alarm.wait()
            raise

    def _send_what_is_awaited(self):
        """Send what the others wait for before they hear the alarm."""


class SummedUpdates(LocalUpdates):
    """Gradients are added up over devices and workers, then each updates its own copy of the weights in the same way.

    workers: OneWorker with a store, or Cluster; threshold: of the compression, or None.
    """

    def __init__(self, module, workers, threshold):
        super(SummedUpdates, self).__init__(module)
        self._workers = workers
        # Module has no public way to its gradients; this one is the same in MXNet 1.2.1 and 1.9.1
        group = module._exec_group
        self._gradients = [pair for pair in zip(group.param_names, group.grad_arrays) if pair[1][0] is not None]
        _share_statistics(module, workers)
        if threshold is not None:
            workers.compress(threshold)     # before `init`, which lays out what is sent
        _share_weights(module, workers)
        if workers.size > 1:
            self._alarm = Alarm(workers, threshold)

    def step(self):
        """Update the weights with the gradients of the last batch, of all devices and workers."""
        self._add_up()
        if self._alarm is not None:
            self._alarm.send(False)
            _wait_for(self._workers, [gradients for _, gradients in self._gradients])
            self._alarm.heed()
        self._module.update()

    def settle(self):
        """Make weights and statistics the same on all workers, to be measured or saved. All call it together."""
        if self._workers.size > 1:
            _average_statistics(self._module, self._workers)

    def _send_what_is_awaited(self):
        self._add_up()              # these gradients, whatever they are

    def _add_up(self):
        for index, (name, gradients) in enumerate(self._gradients):      # those of the first layers are needed first
            self._workers.store.push(name, gradients, priority=-index)
            self._workers.store.pull(name, out=gradients, priority=-index)


class AsyncUpdates(LocalUpdates):
    """Each worker updates its copy by itself, adds the change to the servers' weights, and goes on from the sum.

    updates: how the devices of this worker are updated. An optimizer on the servers, as MXNet means it, would have to
    be pickled with its schedule, and its momentum could not be saved.
    """

    def __init__(self, module, workers, updates):
        super(AsyncUpdates, self).__init__(module)
        self._workers = workers
        self._updates = updates
        _share_statistics(module, workers)
        _share_weights(module, workers)
        self._alarm = Alarm(workers, None)
        group = module._exec_group
        # name, the devices' copies, and what they were before the update
        self._weights = [(name, copies, copies[0].copy()) for name, copies, gradients
                         in zip(group.param_names, group.param_arrays, group.grad_arrays) if gradients[0] is not None]

    def step(self):
        """Update the weights with the gradients of the last batch, and take over what other workers have changed."""
        self._updates.step()
        for index, (name, copies, before) in enumerate(self._weights):
            self._workers.store.push(name, before - copies[0], priority=-index)     # the servers subtract
        self._alarm.send(False)
        self._fetch()
        self._alarm.heed()

    def settle(self):
        """Make weights and statistics the same on all workers, to be measured or saved. All call it together."""
        self._workers.barrier()
        self._fetch()
        self._workers.barrier()     # none goes on before all have them
        _average_statistics(self._module, self._workers)

    def _fetch(self):
        for index, (name, copies, _) in enumerate(self._weights):
            self._workers.store.pull(name, out=copies, priority=-index)
        _wait_for(self._workers, [copies for _, copies, _ in self._weights])
        for _, copies, before in self._weights:
            copies[0].copyto(before)


class Alarm:
    """A word to all workers that goes along with every step: which of them cannot go on.

    workers: Cluster; threshold: of the compression, or None; it is what a compressed word arrives as.
    """

    def __init__(self, workers, threshold):
        self._workers = workers
        self._word = threshold or 1.0
        self._heard = mx.nd.zeros(workers.size)
        self.was_heard = False
        self._key = 'trouble in words of %s' % self._word
        workers.init_once(self._key, self._heard)

    def send(self, is_in_trouble):
        """Tell all, and ask what they tell."""
        words = np.zeros(self._workers.size)
        words[self._workers.rank] = self._word * is_in_trouble
        self._workers.store.push(self._key, mx.nd.array(words))
        self._workers.store.pull(self._key, out=self._heard)

    def wait(self):
        """Wait for what all tell."""
        self._workers.wait_for(self._heard.wait_to_read)

    def heed(self):
        """Wait for what all tell; raise DataError when a worker cannot go on."""
        self.wait()
        troubled = np.flatnonzero(self._heard.asnumpy())
        self.was_heard = len(troubled) > 0
        if self.was_heard:
            raise fellows_in_trouble(troubled)


def _wait_for(workers, arrays):
    def wait():
        for copies in arrays:
            for copy in copies:
                copy.wait_to_read()
    workers.wait_for(wait)


def _share_weights(module, workers):
    arg_params, aux_params = module.get_params()
    names = module._exec_group.param_names
    weights = [arg_params[name] for name in names]
    workers.wait_for(lambda: workers.store.init(names, weights))        # worker 0's count
    workers.store.pull(names, out=weights)
    _wait_for(workers, [weights])
    module.set_params(arg_params, aux_params)


def _share_statistics(module, workers):
    """Give every worker the moving means and variances of worker 0's BatchNorm layers."""
    _replace_statistics(module, lambda own: workers.sum(own if workers.is_first else np.zeros_like(own)))


def _average_statistics(module, workers):
    """Give every worker the mean of all workers' moving means and variances, as MXNet does for devices.

    They average linearly, so that it does not matter how often this is done.
    """
    _replace_statistics(module, lambda own: workers.sum(own) / workers.size)


def _replace_statistics(module, replace):
    arg_params, aux_params = module.get_params()
    names = sorted(aux_params)
    if not names:
        return
    flat = np.concatenate([aux_params[name].asnumpy().ravel() for name in names]).astype(np.float64)
    replaced = replace(flat)
    ends = np.cumsum([aux_params[name].size for name in names])
    for name, values in zip(names, np.split(replaced, ends[:-1])):
        aux_params[name][:] = values.reshape(aux_params[name].shape)
    module.set_params(arg_params, aux_params)
