"""Copying: a planner that lists what goes where, and an executor that does it with a pool of threads.

Memory is bounded: the source is listed page by page while files are being copied, and only a window of
transfers is ahead of the threads.
"""
import contextlib
import errno
import logging
import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait
from typing import NamedTuple, Optional

from moxing_shim import errors, links, local_store, stores, unchanged, urls

log = logging.getLogger('moxing')

THREADS_MAX = 128               # 128 files x 8 parts in flight fill the client's 1,024 connections
WINDOW_PER_THREAD = 4           # planned transfers waiting per thread: keeps it busy between two listings
LOG_EVERY_FILES = 1000          # moxing's own interval
STOP_AFTER_FAILURES = 100       # failures without one success: keys, bucket or disk are wrong, not the files
STOP_AFTER_LASTING = 10         # failures in a row that concern every file, each after all of its tries
FAILURES_SHOWN = 20             # names in the message; all are in `.failures` and in the log
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)     # of the disk, whichever file is written


class Transfer(NamedTuple):
    """One step of a copy: a file, a directory to create, or a name that must not be copied."""

    name: str                   # relative to both ends
    source: object              # ObjectUrl or LocalPath
    target: object
    is_directory: bool = False
    entry: Optional[urls.Entry] = None      # the source as it was listed; None: not known before the copy
    refusal: Optional[Exception] = None     # why it must not be copied
    is_compared: bool = False               # leave it out when the target has the same, see unchanged.py
    there: Optional[urls.Entry] = None      # the target as it was listed; None: not known
    fence: Optional[links.Fence] = None     # around a local target folder


class Outcome(NamedTuple):
    """What became of a Transfer."""

    transfer: Transfer
    size_bytes: int = 0
    is_unchanged: bool = False              # left out: the target had the same
    error: Optional[Exception] = None


def plan_tree(source, target, entries):
    """Yield the Transfer of each Entry below `source`, to the same relative name below `target`.

    Going to a disk, a name that could leave the target folder is refused, and so is a name below one that is
    already a file: stores hold 'a' and 'a/b' together, a disk cannot. Entries must come in order of keys. Links
    that lead out of either folder are refused, see links.py.
    """
    fence = links.Fence(target) if target.is_local else None
    files = []      # the files whose name the next ones may have as a directory: a chain, each below the last
    for entry in entries:
        refusal = entry.leads_to and links.refusal(entry.name, entry.leads_to, source)
        if target.is_local and not source.is_local:
            refusal = _unsafe(entry.name) or _clash(entry, files)
            if refusal is None and not entry.is_directory:
                files.append(entry.name)
        yield _transfer(source, target, entry.name, entry, refusal, fence)


def plan_files(source, target, names):
    """Yield the Transfer of each of `names`, relative to both ends; refused as those of plan_tree."""
    fence = links.Fence(target) if target.is_local else None
    real_source = os.path.realpath(source.path) if source.is_local else None
    for name in names:
        refusal = _unsafe(name)
        if refusal is None and source.is_local:
            leads_to = links.leads_out(source.join(name).path, real_source)
            refusal = leads_to and links.refusal(name, leads_to, source)
        yield _transfer(source, target, name, None, refusal, fence)


def copy_file(source, target, size_bytes=None, part_threads=None):
    """Copy one file between any two places, returns its bytes; the folder of a local target is created.

    part_threads: parallel requests for one large object, 0 for none; None leaves it to the store.
    Raises MoxFileNameDuplicateException when a directory has the target's name, or a file that of its folder.
    """
    if target.is_local:
        _make_folder(os.path.dirname(target.path))
    return _copy_into_folder(source, target, size_bytes, part_threads)


def _copy_into_folder(source, target, size_bytes, part_threads):
    try:
        return _copy_content(source, target, size_bytes, part_threads)
    except IsADirectoryError as error:
        if isinstance(error, errors.MoxFileException):      # about the source
            raise
        raise errors.MoxFileNameDuplicateException(
            f'cannot write the file {target.path!r}: a directory has that name; name the file in it') from error


def _copy_content(source, target, size_bytes, part_threads):
    options = {} if part_threads is None else {'part_threads': part_threads}
    if source.is_local and target.is_local:
        return local_store.copy(source, target)
    if source.is_local:
        return stores.store_of(target).upload(source, target, **options)
    store = stores.store_of(source)
    return (store.download if target.is_local else store.copy)(source, target, size_bytes, **options)


def run(plan, threads, source, target, total=None, progress=None):
    """Carry out the transfers of `plan`; returns the number of files that the target has now.

    threads: files at a time, 0 for one after the other in the calling thread and without any pool.
    source, target: named in messages only. total: number of files when it is known before.
    progress: called in this thread after each file, see copying.copy_parallel.
    Raises MoxCopyException, with every failure in it, after everything else was copied; without trying the
    rest when it is not the files that fail but the bucket, the keys, the endpoint or the disk. An interruption
    (Ctrl-C, an exception of `progress`) starts no further file and waits for those that are being copied.
    """
    tally = _Tally(source, target, total, progress)
    steps = tally.counted(plan)
    outcomes = _run_pooled(steps, min(threads, THREADS_MAX)) if threads else _run_serial(steps)
    with contextlib.closing(outcomes):
        try:
            for outcome in outcomes:
                tally.add(outcome)
                if tally.hopeless():
                    break
        except KeyboardInterrupt:
            log.warning('interrupted: the files that are being copied to %s are finished first', target)
            raise
    return tally.close()


class _Tally:
    """Counts files and bytes, logs progress, keeps the failures."""

    def __init__(self, source, target, total, progress):
        self.source, self.target, self.total, self.progress = source, target, total, progress
        self.files = self.bytes = self.unchanged = 0    # `files` and `bytes` count the unchanged ones too
        self.failures = []
        self.lasting = 0        # failures since the last success, all of a kind that concerns every file
        self._reasons = set()

    def counted(self, plan):
        """Pass the plan through; at its end the total is known."""
        count = 0
        for transfer in plan:
            count += not transfer.is_directory
            yield transfer
        self.total = count

    def add(self, outcome):
        transfer, size_bytes, is_unchanged, error = outcome
        if error is not None:
            self._add_failure(transfer, error)
            return
        self.lasting = 0
        if not transfer.is_directory:
            self.files += 1
            self.bytes += size_bytes
            self.unchanged += is_unchanged
            if self.files % LOG_EVERY_FILES == 0:
                log.info('%d/%s files copied to %s%s', self.files, self.total or '?', self.target,
                         f' ({self.unchanged} of them unchanged)' if self.unchanged else '')
            if self.progress is not None:
                self.progress(self.files, self.total, self.bytes)

    def _add_failure(self, transfer, error):
        reason = _reason(error)
        log.error('not copied: %s: %s', transfer.source, 'the same' if reason in self._reasons else error)
        self._reasons.update([reason] if reason else [])
        self.failures.append((transfer.name, error))
        self.lasting = self.lasting + 1 if _concerns_all(error) else 0

    def hopeless(self):
        """Why the rest is not tried, or None when it is."""
        if not self.files and (self.lasting or len(self.failures) >= STOP_AFTER_FAILURES):
            return 'stopped, since none succeeded'
        return 'stopped, since none succeeds any more' if self.lasting >= STOP_AFTER_LASTING else None

    def close(self):
        if self.failures:
            raise _copy_failure(self)
        if not self.files:
            log.info('No files to copy: %s', self.source)       # moxing's words; users search for them
        elif not self.unchanged:
            log.info('%d files copied from %s to %s', self.files, self.source, self.target)
        else:
            log.info('%d files copied, %d unchanged, from %s to %s', self.files - self.unchanged, self.unchanged,
                     self.source, self.target)
        return self.files


def _transfer(source, target, name, entry, refusal, fence):
    if refusal is not None:
        return Transfer(name, source, target, refusal=refusal)
    is_directory = entry is not None and entry.is_directory
    return Transfer(name, source.join(name), target.join(name), is_directory, entry, fence=fence)


def _unsafe(name):
    try:
        urls.check_relative_name(name)
    except errors.MoxUnsafeKeyException as error:
        return error
    return None


def _clash(entry, files):
    """The refusal of a name below a file, or None; `files` is trimmed to what can still clash.

    In order of keys, everything below 'a' lies between 'a/' and 'a0' ('0' follows '/'), so a file is
    forgotten at the first name beyond that.
    """
    name = entry.name + '/' if entry.is_directory else entry.name
    while files and name > files[-1] + '/' and not name.startswith(files[-1] + '/'):
        files.pop()
    for file_name in files:
        if name.startswith(file_name + '/'):
            return errors.MoxFileNameDuplicateException(
                f'{file_name!r} is a file and a directory in the source; a disk cannot hold both, so '
                f'{name!r} is left out: rename one of them')
    return None


def _make_folder(folder):
    try:
        if folder:
            os.makedirs(folder, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise errors.MoxFileNameDuplicateException(
            f'cannot create the folder {folder!r}: a file has its name, or that of a folder above') from error


def _carry_out(transfer, part_threads=None):
    """Do one step; returns its Outcome."""
    if transfer.refusal is not None:
        return Outcome(transfer, error=transfer.refusal)
    try:
        if transfer.fence is not None:
            transfer.fence.check(transfer.target, _make_folder)
        if transfer.is_directory:
            stores.store_of(transfer.target).make_dirs(transfer.target)
            return Outcome(transfer)
        size_bytes = unchanged.unchanged_bytes(transfer) if transfer.is_compared else None
        if size_bytes is not None:
            return Outcome(transfer, size_bytes, is_unchanged=True)
        size_bytes = transfer.entry and transfer.entry.size_bytes
        copy = copy_file if transfer.fence is None else _copy_into_folder       # the fence has made the folder
        return Outcome(transfer, copy(transfer.source, transfer.target, size_bytes, part_threads))
    except Exception as error:      # whatever one file fails with, the others are still copied
        return Outcome(transfer, error=error)


def _run_serial(steps):
    for transfer in steps:
        yield _carry_out(transfer, part_threads=0)


def _run_pooled(steps, threads):
    """Yield the outcomes as they come; the plan is read only as far ahead as the window."""
    pending = set()
    with ThreadPoolExecutor(threads, thread_name_prefix='moxing') as pool:
        try:
            for transfer in steps:
                pending.add(pool.submit(_carry_out, transfer))
                if len(pending) >= threads * WINDOW_PER_THREAD:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            yield from (future.result() for future in as_completed(pending))
        finally:
            for future in pending:      # interrupted: what has not started does not start
                future.cancel()


# When every failure is of one kind, the exception of the whole copy is caught as that kind too
_ALIKE = ((errors.MoxCopyMissingException, errors.MoxFileNotExistsException),
          (errors.MoxCopyDuplicateException, errors.MoxFileNameDuplicateException))


def _copy_failure(tally):
    failures = tally.failures
    kinds = [of_all for of_all, of_one in _ALIKE if all(isinstance(error, of_one) for _, error in failures)]
    tried = len(failures) + tally.files
    stopped = tally.hopeless() if tried != tally.total else None
    count = f'{len(failures)} files' if stopped else f'{len(failures)} of {tried} files'
    message = (f'{count} not copied from {tally.source} to {tally.target}{"; " + stopped if stopped else ""}: '
               f'{_told_once(failures)}')
    return (kinds or [errors.MoxCopyException])[0](message, failures)


def _told_once(failures):
    """The failures in one line: each reason once, with the names of the files that it hit."""
    groups = {}
    for number, (name, error) in enumerate(failures):
        groups.setdefault(_reason(error) or number, []).append((name, error))
    told, room = [], FAILURES_SHOWN
    for (name, error), *others in groups.values():
        if room:
            named = [repr(other) for other, _ in others[:room - 1]]
            told.append(f'{name!r}: {error}' + ('; the same for ' + ', '.join(named) if named else ''))
            room -= 1 + len(named)
    left = len(failures) - (FAILURES_SHOWN - room)
    return '; '.join(told) + (f'; and {left} more, see .failures' if left else '')


def _reason(error):
    """What makes two failures the same; None for one that is about its own name."""
    resp, number = getattr(error, 'resp', None), getattr(error, 'errno', None)
    if resp is None and number is None and not _concerns_all(error):
        return None
    return type(error), resp and (resp.status, resp.errorCode), number


def _concerns_all(error):
    return getattr(error, 'concerns_all', False) or getattr(error, 'errno', None) in DISK_ERRORS
