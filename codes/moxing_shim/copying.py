"""copy and copy_parallel of moxing.file."""
import logging

from moxing_shim import stores, transfers, unchanged, urls
from moxing_shim.errors import (
    MoxFileDirectoryRespException,
    MoxFileNameDuplicateException,
    MoxFileNotExistsException,
)

log = logging.getLogger('moxing')


def copy(src_url, dst_url, client_id=None):
    """Copy one file, in any direction, over what is there. `client_id` has no effect.

    A target that ends in '/' is a directory that gets the file; the folder of a local target is created.
    Raises MoxFileNotExistsException when there is no source; MoxFileDirectoryRespException when it is a
    directory.
    """
    store, source = stores.locate(src_url)
    _, target = stores.locate(dst_url)
    if not store.is_file(source):
        if store.is_directory(source):
            raise MoxFileDirectoryRespException(
                f'copy takes one file, and {source} is a directory; use copy_parallel')
        raise MoxFileNotExistsException(f'nothing to copy: no such file: {source}')
    if target.ends_with_slash():
        target = target.join(source.basename)
    if not urls.is_same(source, target):
        transfers.copy_file(source, target)


def copy_parallel(src_url, dst_url, file_list=None, threads=16, is_processing=True, use_queue=True,
                  progress=None, skip_unchanged=False):
    """Copy the contents of a directory into another one, many files at a time, in any direction.

    Content lands directly in `dst_url`, which is created even when there is nothing to copy. Files of the
    same name are replaced; nothing is ever deleted. A single file is copied too: under its own name when
    `dst_url` is a directory or ends in '/', else as `dst_url`.

    Links (moxing: not documented) are followed inside the source folder. A link that leads out of the source, or
    that would lead what is written out of the target, is not followed: it counts as a file that failed, so that
    nothing is silently missing. `src_url` and `dst_url` themselves may be links.

    file_list: copy only these names, relative to `src_url`.
    threads: files at a time, 128 at most; 0 copies one after the other in the calling thread, with no pool.
    is_processing: True asks moxing for processes. Here it makes no difference: transfers wait for the network
        and not for Python, and a process forked beside MXNet's or boto3's threads can hang.
    use_queue: no effect.
    progress: our addition; called in the calling thread after each file as progress(files_done, files_total,
        bytes_done). files_total is None until the listing of the source is complete.
    skip_unchanged: our addition; True leaves out each file that the target has already, by size and ETag where
        there is one, else by time (the table is in unchanged.py); progress counts it as done. moxing copies
        everything again, hence False. A copy that was interrupted continues where it stopped when it is called
        again with True.

    Raises MoxFileNotExistsException when there is no source; ValueError when the target lies inside the
    source; MoxCopyException when files failed: every other file was copied by then, and each failed one is
    named.
    """
    if threads < 0:
        raise ValueError(f'copy_parallel(threads={threads!r}): use 0 for one file after the other, or 1 to '
                         f'{transfers.THREADS_MAX}')
    if isinstance(file_list, str):
        raise TypeError(f'copy_parallel(file_list={file_list!r}): pass a list of names, [{file_list!r}]')
    store, source = stores.locate(src_url)
    target_store, target = stores.locate(dst_url)
    if store.is_directory(source):
        if urls.is_inside(target, source) and urls.is_inside(source, target):
            log.info('No files to copy: %s and %s are the same directory', source, target)
            return
        plan, total = _plan_directory(store, source, target_store, target, file_list, skip_unchanged)
        if transfers.run(plan, threads, source, target, total, progress) == 0:
            target_store.make_dirs(target)      # moxing creates the target even for an empty source
    elif file_list is None and store.is_file(source):
        is_folder = target.ends_with_slash() or target_store.is_directory(target)
        destination = target.join(source.basename) if is_folder else target
        step = transfers.Transfer(source.basename, source, destination, is_compared=skip_unchanged)
        if not urls.is_same(source, destination):
            transfers.run(iter([step]), 0 if threads == 0 else 1, source, target, 1, progress)
    else:
        wanted = 'file or directory' if file_list is None else 'directory'
        raise MoxFileNotExistsException(f'nothing to copy: no such {wanted}: {source}')


def _plan_directory(store, source, target_store, target, file_list, skip_unchanged):
    """Return (plan, number of files if it is known); checks the two ends and creates a local target."""
    if urls.is_inside(target, source):
        raise ValueError(f'cannot copy {source} into {target}, which lies inside it: the copy would copy '
                         'itself for ever')
    if target.is_local:
        if target_store.is_file(target):
            raise MoxFileNameDuplicateException(f'cannot copy a directory to {target}: that is a file')
        target_store.make_dirs(target)
    if file_list is not None:
        names = list(file_list)
        plan = transfers.plan_files(source, target, names)
        return unchanged.compared_one_by_one(plan) if skip_unchanged else plan, len(names)
    plan = transfers.plan_tree(source, target, store.walk_leaves(source))
    return unchanged.compared_with(target, plan) if skip_unchanged else plan, None
