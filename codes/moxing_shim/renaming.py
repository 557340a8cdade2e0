"""rename of moxing.file: within a disk one step, else a checked copy and then the deletion of what was copied."""
import errno
import os
import shutil

from moxing_shim import stores, transfers, urls
from moxing_shim.errors import MoxFileException, MoxFileNameDuplicateException, MoxFileNotExistsException

THREADS = 16            # files at a time when a directory is copied; those of copy_parallel


def rename(src_url, dst_url):
    """Give a file or directory another name or place, in any direction between disk and bucket.

    A file replaces the one that has the target's name, or goes into the directory when that ends in '/'. A
    directory needs a name of its own: one that is there must be empty, as os.rename wants it (moxing: not known).
    The folder of a local target is created.

    On a disk this is os.rename. Otherwise everything is copied first, and only when all of it has arrived, and the
    source is still as it was, the source is deleted: exactly the files that were copied, not what others put there
    meanwhile. A failure leaves the source whole. It is no single step in a bucket: others see both names for a
    while.
    Raises MoxFileNotExistsException when there is no source, MoxCopyException when files were not copied,
    MoxFileException when the source was changed meanwhile or something in it stayed; ValueError when one directory
    lies inside the other.
    """
    store, source = stores.locate(src_url)
    _, target = stores.locate(dst_url)
    is_file = store.is_file(source)
    if is_file and target.ends_with_slash():
        target = target.join(source.basename)
    if urls.is_same(source, target):
        return
    if source.is_local and target.is_local:
        _rename_on_disk(source, target)
    elif is_file:
        _move_file(store, source, target)
    elif store.is_directory(source):
        _move_directory(store, source, target)
    else:
        raise MoxFileNotExistsException(f'nothing to rename: no such file or directory: {source}')


def _rename_on_disk(source, target):
    if not os.path.lexists(source.path):
        raise MoxFileNotExistsException(f'nothing to rename: no such file or directory: {source.path!r}')
    os.makedirs(os.path.dirname(target.path.rstrip('/')) or '.', exist_ok=True)
    try:
        os.rename(source.path, target.path)
    except OSError as error:
        if error.errno != errno.EXDEV:      # another file system: then it has to be copied
            raise
        if os.path.isdir(target.path):
            raise MoxFileNameDuplicateException(f'cannot rename {source.path!r}: {target.path!r} is a directory on '
                                                'another file system') from error
        shutil.move(source.path, target.path)


def _move_file(store, source, target):
    before = store.describe(source)
    transfers.copy_file(source, target)
    arrived = stores.store_of(target).describe(target)
    _refuse_if_changed(source, target, [before], [store.describe(source)])
    _refuse_if_missing(source, target, [before], [arrived and arrived._replace(name=before.name)])
    store.remove(source)


def _move_directory(store, source, target):
    target_store = stores.store_of(target)
    if urls.is_inside(target, source) and urls.is_inside(source, target):
        return
    if urls.is_inside(target, source) or urls.is_inside(source, target):
        raise ValueError(f'cannot rename {source} to {target}: one lies inside the other')
    if target_store.is_file(target):
        raise MoxFileNameDuplicateException(f'cannot rename a directory to {target}: that is a file')
    if target_store.is_directory(target) and next(target_store.walk_leaves(target), None) is not None:
        raise MoxFileNameDuplicateException(
            f'cannot rename {source} to {target}: there is a directory that is not empty. To join the two, use '
            'copy_parallel and then remove')
    entries = list(store.walk_leaves(source))
    if target.is_local or not entries:      # a bucket needs no marker where there are objects
        target_store.make_dirs(target)
    if entries:
        transfers.run(transfers.plan_tree(source, target, iter(entries)), THREADS, source, target, len(entries))
    _refuse_if_missing(source, target, entries, target_store.walk_leaves(target))
    _refuse_if_changed(source, target, entries, store.walk_leaves(source))
    store.remove_leaves(source, entries)
    # In a bucket what others put there meanwhile is a directory of its own; a folder should be gone
    if source.is_local and os.path.isdir(source.path) and not os.path.islink(source.path.rstrip('/')):
        raise MoxFileException(f'{source} was copied to {target}, and what was copied is deleted. The rest stays: '
                               f'{", ".join(map(repr, sorted(os.listdir(source.path))))}')


def _refuse_if_missing(source, target, wanted, arrived):
    """Nothing is deleted before the target has it, whatever the copy said."""
    there = {entry.name: entry.size_bytes for entry in arrived if entry is not None and not entry.is_directory}
    missing = [entry.name for entry in wanted if not entry.is_directory and there.get(entry.name) != entry.size_bytes]
    if missing:
        raise MoxFileException(f'{source} was copied to {target}, but {len(missing)} files are not there in their '
                               f'size, {missing[0]!r} is one; nothing was deleted: try again')


def _refuse_if_changed(source, target, before, now):
    """What was changed while it was copied may not be in the copy."""
    known = set(now)
    changed = [entry.name for entry in before if entry not in known]
    if changed:
        raise MoxFileException(f'{source} was changed while it was copied to {target}, {changed[0]!r} in it; nothing '
                               'was deleted. When nobody writes to it, remove the copy and try again')
