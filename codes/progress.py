"""The log lines of a training, in the forms that MXNet's own tools read, and a line of progress on a terminal."""
import logging
import os
import shutil
import time

log = logging.getLogger(__name__)
# What it logs is the present state, of interest until the next one; only a LogHandler on a terminal shows it
status = logging.getLogger(__name__ + '.status')

REDRAW_EVERY_S = 0.2
ERASE = '\r\x1b[K'          # go to the start of the line and empty it, in the language of terminals


class LogHandler(logging.StreamHandler):
    """Writes the log to a stream; on a terminal with one line of progress below it, which is redrawn in place."""

    def __init__(self, stream):
        super(LogHandler, self).__init__(stream)
        self._line = ''
        self.is_terminal = stream.isatty() and os.environ.get('TERM') != 'dumb'
        status.setLevel(logging.DEBUG if self.is_terminal else logging.CRITICAL)

    def emit(self, record):
        """Write a log line above the line of progress, or put a new line of progress in its place."""
        if record.name == status.name:
            self._line = record.getMessage()[:shutil.get_terminal_size().columns - 1]
            self._write(ERASE + self._line)
            return
        if self._line:
            self._write(ERASE)
        super(LogHandler, self).emit(record)
        if record.levelno >= logging.ERROR:     # the job ends, and the shell's prompt comes next
            self._line = ''
        if self._line:
            self._write(self._line)

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()


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
    """Logs a line each --disp_batches batches: speed since the last line, measures so far, time left of the run.

    On a terminal the line of progress tells the same several times a second.
    """

    def __init__(self, epoch, batches_per_epoch, options, clock=time.time):
        self._epoch = epoch
        self._options = options
        self._batches_per_epoch = batches_per_epoch
        self._batches_to_come = (options.num_epochs - epoch) * batches_per_epoch
        self._clock = clock
        self._started = self._last = clock()
        self._shown = 0.0
        self._count = 0                         # of batches since then, fewer than the number of the last one

    def tick(self, number, measures):
        """Count one more batch; `number` starts at 1 in each epoch."""
        every = self._options.disp_batches
        self._count += 1
        if status.isEnabledFor(logging.DEBUG):
            self._show(number, measures)
        if number % every:
            return
        seconds = self._clock() - self._last
        self._last = self._clock()
        # the form of mx.callback.Speedometer, which tools that read MXNet logs know; eta_s is ours
        log.info('Epoch[%d] Batch [%d]\tSpeed: %.2f samples/sec\t%s\teta_s=%d', self._epoch, number,
                 every * self._options.batch_size / max(seconds, 1e-6),
                 '\t'.join('%s=%f' % item for item in measures.values().items()),
                 (self._batches_to_come - number) * seconds / every)

    def _show(self, number, measures):
        """Show the line of progress, unless it has just been shown; it goes when the epoch's batches are done."""
        now = self._clock()
        if number == self._batches_per_epoch:
            status.debug('')
        elif now - self._shown >= REDRAW_EVERY_S:
            self._shown = now
            seconds = max(now - self._started, 1e-6) / self._count       # a batch
            status.debug('epoch %d/%d  batch %d/%d  %.1f images/s  loss %.4f  ETA %s', self._epoch + 1,
                         self._options.num_epochs, number, self._batches_per_epoch,
                         self._options.batch_size / seconds, measures.values()['cross-entropy'],
                         clock_time((self._batches_to_come - number) * seconds))


def clock_time(seconds):
    """Return seconds as '0:09', '12:34' or '1:02:03'."""
    minutes, seconds = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return '%d:%02d:%02d' % (hours, minutes, seconds) if hours else '%d:%02d' % (minutes, seconds)


def log_measures(epoch, kind, values):
    """Log one line a measure in the form of Module.fit, which MXNet's tools/parse_log.py reads."""
    for name, value in values.items():
        log.info('Epoch[%d] %s-%s=%f', epoch, kind, name, value)
