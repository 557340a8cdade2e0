"""Which devices the network is trained on."""
import logging

from mxnet_support import engine

from errors import DataError

mx = engine.import_mxnet()
log = logging.getLogger(__name__)


def choose_contexts(num_gpus, batch_size, is_asked_for):
    """Return the devices to train on: num_gpus GPUs, fewer when fewer are there, the CPU when none is.

    is_asked_for: whether somebody gave that number; then it is a warning when there are fewer.

    Raises DataError when the batch has fewer images than there are devices.
    """
    available = engine.gpu_count(mx) if num_gpus else 0
    if available < num_gpus and is_asked_for:
        place = '%d of them' % available if available else 'the CPU'
        log.warning('--num_gpus=%d, but MXNet %s finds %d GPUs here; training on %s. Pass --num_gpus=%d to say so.',
                    num_gpus, mx.__version__, available, place, available)
    elif available < num_gpus:
        log.info('MXNet %s finds no GPU here; training on the CPU', mx.__version__)
    if batch_size < min(available, num_gpus):
        raise DataError('--batch_size=%d is smaller than the number of GPUs, %d; each needs at least one image.'
                        % (batch_size, min(available, num_gpus)))
    return [mx.gpu(i) for i in range(min(available, num_gpus))] or [mx.cpu()]
