"""How an update of the weights is made from the gradients of all devices and workers.

MXNet's key-value stores only add up; the optimizer runs beside every copy of the weights. So its state is on each
worker and can be saved, and a learning rate that depends on the update's number is the same everywhere.
"""
import numpy as np
from mxnet_support import engine

from cluster import OneWorker
from errors import DataError

mx = engine.import_mxnet()


def refuse_compression(options, num_devices):
    """Raise DataError when --gradient_compression is asked for where nothing can be compressed."""
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

    def step(self):
        """Update the weights with the gradients of the last batch."""
        self._module.update()

    def settle(self):
        """Make weights and statistics the same on all workers, to be measured or saved. All call it together."""


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

    def step(self):
        """Update the weights with the gradients of the last batch, of all devices and workers."""
        for index, (name, gradients) in enumerate(self._gradients):      # those of the first layers are needed first
            self._workers.store.push(name, gradients, priority=-index)
            self._workers.store.pull(name, out=gradients, priority=-index)
        if self._workers.size > 1:
            _wait_for(self._workers, [gradients for _, gradients in self._gradients])
        self._module.update()

    def settle(self):
        """Make weights and statistics the same on all workers, to be measured or saved. All call it together."""
        if self._workers.size > 1:
            _average_statistics(self._module, self._workers)


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
        group = module._exec_group
        # name, the devices' copies, and what they were before the update
        self._weights = [(name, copies, copies[0].copy()) for name, copies, gradients
                         in zip(group.param_names, group.param_arrays, group.grad_arrays) if gradients[0] is not None]

    def step(self):
        """Update the weights with the gradients of the last batch, and take over what other workers have changed."""
        self._updates.step()
        for index, (name, copies, before) in enumerate(self._weights):
            self._workers.store.push(name, before - copies[0], priority=-index)     # the servers subtract
        self._fetch()

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
