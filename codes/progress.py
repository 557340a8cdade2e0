"""The log lines of a training, in the forms that MXNet's own tools read."""
import logging
import time

log = logging.getLogger(__name__)


def name_worker(rank, size):
    """Let the lines of one of several workers say whose they are; those other than 0 log warnings and errors only."""
    if size == 1:
        return
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logging.Formatter('%%(asctime)s %%(levelname)s worker %d: %%(message)s' % rank))
    if rank:
        log.info('worker 0 of %d logs the epochs and writes the results', size)
        logging.getLogger().setLevel(logging.WARNING)


class SpeedLog:
    """Logs a line each --disp_batches batches: speed since the last line, measures so far, time left of the run."""

    def __init__(self, epoch, batches_per_epoch, options):
        self._epoch = epoch
        self._options = options
        self._batches_to_come = (options.num_epochs - epoch) * batches_per_epoch
        self._last = time.time()

    def tick(self, number, measures):
        """Count one more batch; `number` starts at 1 in each epoch."""
        every = self._options.disp_batches
        if number % every:
            return
        seconds = time.time() - self._last
        self._last = time.time()
        # the form of mx.callback.Speedometer, which tools that read MXNet logs know; eta_s is ours
        log.info('Epoch[%d] Batch [%d]\tSpeed: %.2f samples/sec\t%s\teta_s=%d', self._epoch, number,
                 every * self._options.batch_size / max(seconds, 1e-6),
                 '\t'.join('%s=%f' % item for item in measures.values().items()),
                 (self._batches_to_come - number) * seconds / every)


def log_measures(epoch, kind, values):
    """Log one line a measure in the form of Module.fit, which MXNet's tools/parse_log.py reads."""
    for name, value in values.items():
        log.info('Epoch[%d] %s-%s=%f', epoch, kind, name, value)
