"""The interface of moxing.file on S3, OBS and local folders.

Every url is s3://bucket/key, obs://bucket/key (the same thing) or a local path. Errors are those of
moxing_shim.errors; they derive from FileNotFoundError, PermissionError, OSError and RuntimeError where those
fit. Connection settings come from the environment and set_auth, see moxing_shim.settings.
"""
import logging

from moxing_shim import stores, streams, transfers, urls
from moxing_shim.errors import (
    MoxCopyException,
    MoxFileDirectoryRespException,
    MoxFileException,
    MoxFileNameDuplicateException,
    MoxFileNotExistsException,
    MoxFileReadException,
    MoxFileRespException,
    MoxTimeoutError,
)
from moxing_shim.settings import set_auth

__all__ = [
    'File', 'MoxCopyException', 'MoxFileException', 'MoxFileNameDuplicateException',
    'MoxFileNotExistsException', 'MoxFileReadException', 'MoxFileRespException', 'MoxTimeoutError', 'copy',
    'copy_parallel', 'exists', 'get_size', 'is_directory', 'list_directory', 'make_dirs', 'read', 'remove',
    'set_auth', 'write',
]

log = logging.getLogger('moxing')


def File(name, mode='r', buffering=-1, encoding=None, errors=None, newline=None):  # noqa: N802
    """Open a file or object as a true text or binary stream; use it in a `with` block.

    mode: 'r', 'w', 'rb' or 'wb', letters in any order. buffering: accepted; streams are always buffered.
    encoding: UTF-8 by default, everywhere.

    An object is read by ranged requests, so seek works. Written content is spooled and the object appears or
    changes at flush() and close(); when the `with` block ends by an exception, nothing is uploaded. Raises
    MoxFileNotExistsException when a file to be read is missing.
    """
    parsed = streams.parse_mode(mode)
    store, place = stores.locate(name)
    return streams.wrap(store.open_raw(place, parsed), parsed, mode, encoding, errors, newline)


def read(url, client_id=None, binary=False):
    """Return the whole content: str decoded as UTF-8, or bytes with binary=True. `client_id` has no effect.

    Raises MoxFileNotExistsException when there is no such file.
    """
    store, place = stores.locate(url)
    data = store.read(place)
    return data if binary else data.decode(streams.DEFAULT_ENCODING)


def write(url, data, binary=False):
    """Replace or create the file with `data`: str, stored as UTF-8, or bytes with binary=True.

    Raises TypeError when `data` is not what `binary` says; MoxFileNotExistsException when a local folder is
    missing.
    """
    store, place = stores.locate(url)
    if isinstance(data, str) == bool(binary):
        wanted = 'a str with binary=False' if binary else 'bytes with binary=True'
        raise TypeError(f'write({str(place)!r}): binary={binary!r}, but data is {type(data).__name__}; '
                        f'pass {wanted}')
    store.write(place, bytes(data) if binary else data.encode(streams.DEFAULT_ENCODING))


def exists(url):
    """True when there is a file or a directory of that name; a trailing slash asks for a directory."""
    store, place = stores.locate(url)
    return store.exists(place)


def is_directory(url):
    """True when there is a directory; in a bucket, any key below the name makes one."""
    store, place = stores.locate(url)
    return store.is_directory(place)


def make_dirs(url):
    """Create the directory and what is missing above it; nothing happens when it is there."""
    store, place = stores.locate(url)
    store.make_dirs(place)


def get_size(url, recursive=False):
    """Bytes of a file; of a directory the sum below, but in a bucket only with recursive=True, else 0.

    Raises MoxFileNotExistsException when there is neither.
    """
    store, place = stores.locate(url)
    return store.get_size(place, recursive)


def remove(url, recursive=False):
    """Delete a file, or with recursive=True the file or else the directory of that name.

    In a bucket, without `recursive` a directory is silently left alone and a missing file is no error; on a
    disk both raise, as os.remove does. With `recursive` a missing directory raises MoxFileNotExistsException,
    and a whole bucket or disk ValueError.
    """
    store, place = stores.locate(url)
    store.remove(place, recursive)


def list_directory(url, recursive=False, remove_sep=True, skip_file=False, skip_dir=False):
    """Return the sorted names inside, relative: ['dir0', 'file1'], recursive: ['dir0', 'dir0/x', 'file1'].

    remove_sep: False leaves '/' at the end of directories. skip_file, skip_dir: leave that kind out.
    Raises MoxFileNotExistsException when there is no such directory.
    """
    store, place = stores.locate(url)
    files, directories = set(), set()
    for entry in _entries(store, place, recursive):
        (directories if entry.is_directory else files).add(entry.name)
        parents = entry.name.split('/')[:-1]
        directories.update('/'.join(parents[:depth]) for depth in range(1, len(parents) + 1))
    names = [] if skip_file else list(files)
    if not skip_dir:
        names += [name if remove_sep else name + '/' for name in directories]
    return sorted(names)


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
                  progress=None):
    """Copy the contents of a directory into another one, many files at a time, in any direction.

    Content lands directly in `dst_url`, which is created even when there is nothing to copy. Files of the
    same name are replaced; nothing is ever deleted. A single file is copied too: under its own name when
    `dst_url` is a directory or ends in '/', else as `dst_url`.

    file_list: copy only these names, relative to `src_url`.
    threads: files at a time, 128 at most; 0 copies one after the other in the calling thread, with no pool.
    is_processing: True asks moxing for processes. Here it makes no difference: transfers wait for the network
        and not for Python, and a process forked beside MXNet's or boto3's threads can hang.
    use_queue: no effect.
    progress: our addition; called in the calling thread after each file as progress(files_done, files_total,
        bytes_done). files_total is None until the listing of the source is complete.

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
        _copy_directory(store, source, target_store, target, file_list, threads, progress)
    elif file_list is None and store.is_file(source):
        is_folder = target.ends_with_slash() or target_store.is_directory(target)
        destination = target.join(source.basename) if is_folder else target
        step = transfers.Transfer(source.basename, source, destination)
        if not urls.is_same(source, destination):
            transfers.run(iter([step]), 0 if threads == 0 else 1, source, target, 1, progress)
    else:
        wanted = 'file or directory' if file_list is None else 'directory'
        raise MoxFileNotExistsException(f'nothing to copy: no such {wanted}: {source}')


def _copy_directory(store, source, target_store, target, file_list, threads, progress):
    if urls.is_inside(target, source):
        if urls.is_inside(source, target):
            log.info('No files to copy: %s and %s are the same directory', source, target)
            return
        raise ValueError(f'cannot copy {source} into {target}, which lies inside it: the copy would copy '
                         'itself for ever')
    if target.is_local:
        if target_store.is_file(target):
            raise MoxFileNameDuplicateException(f'cannot copy a directory to {target}: that is a file')
        target_store.make_dirs(target)
    if file_list is None:
        plan, total = transfers.plan_tree(source, target, store.walk_leaves(source)), None
    else:
        names = list(file_list)
        plan, total = transfers.plan_files(source, target, names), len(names)
    if transfers.run(plan, threads, source, target, total, progress) == 0:
        target_store.make_dirs(target)      # moxing creates the target even for an empty source


def _entries(store, place, recursive):
    """What list_directory lists; a recursive listing of nothing must fail as the flat one does."""
    if recursive and store.is_directory(place):
        return store.walk_leaves(place)
    return store.list_children(place)
