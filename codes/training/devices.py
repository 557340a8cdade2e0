"""Which devices the network is trained on."""
import collections
import logging

from mxnet_support import engine

from errors import DataError

mx = engine.import_mxnet()
log = logging.getLogger(__name__)


class Devices(collections.namedtuple('Devices', 'contexts num_images')):
    """The devices of this worker: contexts, list of mx.Context, and num_images, how many of each batch they take."""

    @property
    def shares(self):
        """How many images of a batch each device takes."""
        return shares(self.num_images, len(self.contexts))


def choose_devices(options, num_images):
    """Return the Devices that the flags ask for, which take num_images of each batch, or raise DataError."""
    contexts = choose_contexts(options.num_gpus, options.gpus, options.asks_for_gpus)
    refuse_misfits(contexts, options.batch_size, num_images, options.dtype)
    return Devices(contexts, num_images)


def choose_contexts(num_gpus, gpus, is_asked_for):
    """Return the devices to train on: num_gpus GPUs, fewer when fewer are there, the CPU when none is.

    gpus: numbers of the GPUs to take instead, or (). is_asked_for: whether somebody gave num_gpus; then it is a warning
    when there are fewer.

    Raises DataError when a GPU of `gpus` is not there.
    """
    available = engine.gpu_count(mx) if num_gpus or gpus else 0
    if gpus:
        missing = [str(number) for number in gpus if number >= available]
        if missing:
            raise DataError('--gpus=%s, but MXNet %s finds %d GPUs here, so there is no GPU %s. They count from 0.'
                            % (','.join(map(str, gpus)), mx.__version__, available, ' and '.join(missing)))
        return [mx.gpu(number) for number in gpus]
    if available < num_gpus and is_asked_for:
        place = '%d of them' % available if available else 'the CPU'
        log.warning('--num_gpus=%d, but MXNet %s finds %d GPUs here; training on %s. Pass --num_gpus=%d to say so.',
                    num_gpus, mx.__version__, available, place, available)
    elif available < num_gpus:
        log.info('MXNet %s finds no GPU here; training on the CPU', mx.__version__)
    return [mx.gpu(i) for i in range(min(available, num_gpus))] or [mx.cpu()]


def refuse_misfits(contexts, batch_size, num_images, dtype):
    """Raise DataError when these devices cannot train.

    num_images: how many of a batch are this worker's.
    """
    if num_images < len(contexts):
        raise DataError('--batch_size=%d leaves %d images for the %d devices of a worker; each needs at least one.'
                        % (batch_size, num_images, len(contexts)))
    if dtype == 'float16' and any(context.device_type != 'gpu' for context in contexts):
        raise DataError('--dtype=float16 needs a GPU: MXNet multiplies no float16 matrices on the CPU, on which this '
                        'would train. Leave it out.')


def shares(num_images, num_devices):
    """Return how many images of a batch each device takes: as evenly as can be, and none without any.

    Module's own division by rounding leaves the last of four devices nothing of six images.
    """
    return [(i + 1) * num_images // num_devices - i * num_images // num_devices for i in range(num_devices)]
