"""background_sync_copy: a folder on this machine is kept in a bucket while the program goes on."""
import atexit
import logging
import os
import threading

from moxing_shim import urls
from moxing_shim.copying import copy_parallel

log = logging.getLogger('moxing')

THREADS = 4     # of one round: a training runs beside it

_running = {}   # (local folder, target) -> its BackgroundCopy
_lock = threading.Lock()


def background_sync_copy(local_dir, obs_dir, seconds=120):
    """Copy the folder every `seconds`, and once more when the program ends; returns at once.

    A round copies what is new or changed since the round before; nothing is deleted. One that fails is skipped
    with a warning, the program goes on and the next round tries again. The copy at the end comes when the main
    thread ends, by itself, by an exception or by sys.exit; not when the process is killed, which moxing does not
    say either. Calling it again for the same two places sets a new interval.

    Returns the BackgroundCopy, whose stop() ends it sooner; moxing returns None.
    Raises ValueError when `seconds` is not above 0, and for a URL that names no place.
    """
    if not seconds > 0:
        raise ValueError(f'background_sync_copy(seconds={seconds!r}): use a number above 0')
    places = str(urls.parse(local_dir)), str(urls.parse(obs_dir))
    started = BackgroundCopy(places[0], places[1], seconds)
    with _lock:
        before = _running.get(places)
        _running[places] = started
    if before is not None:
        before.stop(is_last_copy_made=False)
    started.start()
    return started


class BackgroundCopy:
    """One folder that is copied again and again."""

    def __init__(self, source, target, seconds):
        self.source, self.target, self.seconds = source, target, seconds
        self.rounds = 0         # that succeeded
        self._is_ending = threading.Event()
        self._owner = os.getpid()
        self._thread = threading.Thread(target=self._run, name='moxing-background-copy', daemon=True)

    def start(self):
        """Start the thread, and have the last copy made when the program ends."""
        atexit.register(self.stop)
        self._thread.start()

    def stop(self, is_last_copy_made=True):
        """Wait for the round that is under way, copy for the last time and end; nothing happens after the first call.

        Never raises: what the last copy could not do is logged as an error.
        """
        atexit.unregister(self.stop)
        if self._owner != os.getpid() or self._is_ending.is_set():      # the thread did not come along a fork
            return
        self._is_ending.set()
        self._thread.join()
        with _lock:
            if _running.get((self.source, self.target)) is self:
                del _running[self.source, self.target]
        if is_last_copy_made:
            try:
                # No threads: when the interpreter ends, Python 3.9 and later start none any more
                copy_parallel(self.source, self.target, threads=0, skip_unchanged=True)
            except Exception as error:
                log.error('background_sync_copy: the last copy of %s to %s failed, what is new since the round before '
                          'is only in %s: %s', self.source, self.target, self.source, error)

    def _run(self):
        while not self._is_ending.wait(self.seconds):
            try:
                copy_parallel(self.source, self.target, threads=THREADS, skip_unchanged=True)
                self.rounds += 1
            except Exception as error:
                # At the end the interpreter takes the round's threads away; the last copy comes at once then
                if threading.main_thread().is_alive() and not self._is_ending.is_set():
                    log.warning('background_sync_copy: this round from %s to %s failed, the next one is in %g s: %s',
                                self.source, self.target, self.seconds, error)
