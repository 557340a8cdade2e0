"""rename of moxing.file: within a disk one step, else a checked copy and then the deletion of what was copied."""
import errno
import os
import shutil

from moxing_shim import copying, stores, transfers, urls
from moxing_shim.errors import MoxFileNameDuplicateException, MoxFileNotExistsException

THREADS = 16            # files at a time when a directory is copied; those of copy_parallel


def rename(src_url, dst_url):
    """Give a file or directory another name or place, in any direction between disk and bucket.

    A file replaces the one that has the target's name; the folder of a local target is created. On a disk this is
    os.rename. Otherwise everything is copied first, and only when all of it has arrived the source is deleted:
    exactly the files that were copied, not what others put there meanwhile. A failure leaves the source whole. It
    is no single step in a bucket: others see both names for a while.
    Raises MoxFileNotExistsException when there is no source, MoxCopyException when files were not copied.
    """
    store, source = stores.locate(src_url)
    _, target = stores.locate(dst_url)
    if urls.is_same(source, target):
        return
    if source.is_local and target.is_local:
        _rename_on_disk(source, target)
    elif store.is_file(source):
        copying.copy(src_url, dst_url)
        store.remove(source)
    elif store.is_directory(source):
        _move_directory(store, source, target)
    else:
        raise MoxFileNotExistsException(f'nothing to rename: no such file or directory: {source}')


def _rename_on_disk(source, target):
    if not os.path.lexists(source.path):
        raise MoxFileNotExistsException(f'nothing to rename: no such file or directory: {source.path!r}')
    os.makedirs(os.path.dirname(target.path) or '.', exist_ok=True)
    try:
        os.rename(source.path, target.path)
    except OSError as error:
        if error.errno != errno.EXDEV:      # another file system: then it has to be copied
            raise
        if os.path.isdir(target.path):
            raise MoxFileNameDuplicateException(f'cannot rename {source.path!r}: {target.path!r} is a directory on '
                                                'another file system') from error
        shutil.move(source.path, target.path)


def _move_directory(store, source, target):
    target_store = stores.store_of(target)
    if urls.is_inside(target, source):
        raise ValueError(f'cannot rename {source} to {target}, which lies inside it')
    if target.is_local and target_store.is_file(target):
        raise MoxFileNameDuplicateException(f'cannot rename a directory to {target}: that is a file')
    entries = list(store.walk_leaves(source))
    if target.is_local or not entries:      # a bucket needs no marker where there are objects
        target_store.make_dirs(target)
    transfers.run(transfers.plan_tree(source, target, iter(entries)), THREADS, source, target, len(entries))
    store.remove_leaves(source, entries)
