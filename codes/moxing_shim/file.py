"""The interface of moxing.file on S3, OBS and local folders.

Every url is s3://bucket/key, obs://bucket/key (the same thing) or a local path. Errors are those of
moxing_shim.errors; they derive from FileNotFoundError, PermissionError, OSError and RuntimeError where those
fit. Connection settings come from the environment and set_auth, see moxing_shim.settings.
"""
import shutil
import sys

from moxing_shim import shifting, stores, streams, urls
from moxing_shim.background import background_sync_copy
from moxing_shim.copying import copy, copy_parallel
from moxing_shim.errors import (
    MoxCopyException,
    MoxFileException,
    MoxFileNameDuplicateException,
    MoxFileNotExistsException,
    MoxFileReadException,
    MoxFileRespException,
    MoxTimeoutError,
)
from moxing_shim.listing import glob, scan_dir, stat, walk
from moxing_shim.renaming import rename
from moxing_shim.settings import set_auth

__all__ = [
    'File', 'MoxCopyException', 'MoxFileException', 'MoxFileNameDuplicateException',
    'MoxFileNotExistsException', 'MoxFileReadException', 'MoxFileRespException', 'MoxTimeoutError', 'append',
    'append_remote', 'background_sync_copy', 'copy', 'copy_parallel', 'exists', 'get_size', 'glob', 'is_directory',
    'list_directory', 'make_dirs', 'mk_dir', 'read', 'remove', 'rename', 'scan_dir', 'set_auth', 'shift', 'stat',
    'unshift', 'walk', 'write',
]


def File(name, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True,  # noqa: N802
         opener=None):
    """Open a file or object as a true text or binary stream; use it in a `with` block.

    mode: 'r', 'w', 'a', each with 'b' for bytes and '+' for reading and writing, letters in any order.
    buffering: accepted; streams are always buffered. encoding: UTF-8 by default, everywhere.
    closefd, opener: as open() has them; of no meaning in a bucket.

    An object is read by ranged requests, so seek works. Written content is spooled and the object appears or
    changes at flush() and close(); when the `with` block ends by an exception, nothing is uploaded. 'a' sends only
    what is new to an object of 5 MiB or more. What moxing does with '+' on OBS is not known: here such a file is a
    copy that is written back. Raises MoxFileNotExistsException when a file to be read is missing.
    """
    parsed = streams.parse_mode(mode)
    store, place = stores.locate(name)
    return streams.wrap(store.open_raw(place, parsed, closefd, opener), parsed, mode, encoding, errors, newline)


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
    store.write(place, _as_bytes('write', place, data, binary))


def append(url, data, binary=False):
    """Put `data`, str stored as UTF-8 or bytes, behind the content of the file; a missing one is created.

    moxing reads and writes the whole object again; here the server joins the parts from 5 MiB on. It is no lock:
    when two programs append at a time, the later one raises MoxFileException if it sees that.
    Raises TypeError when `data` is not what `binary` says.
    """
    _, place = stores.locate(url)
    data = _as_bytes('append', place, data, binary)
    with File(url, 'ab') as stream:
        stream.write(data)


def append_remote(src_url, dst_url):
    """Put the content of one file behind that of another, in any direction, through bounded memory.

    Raises MoxFileNotExistsException when there is no source; ValueError when both are the same.
    """
    if urls.is_same(urls.parse(src_url), urls.parse(dst_url)):
        raise ValueError(f'append_remote({src_url!r}, {dst_url!r}): a file cannot be put behind itself')
    with File(src_url, 'rb') as source, File(dst_url, 'ab') as target:
        shutil.copyfileobj(source, target, streams.BUFFER_BYTES)


def _as_bytes(function, place, data, binary):
    if isinstance(data, str) == bool(binary):
        wanted = 'a str with binary=False' if binary else 'bytes with binary=True'
        raise TypeError(f'{function}({str(place)!r}): binary={binary!r}, but data is {type(data).__name__}; '
                        f'pass {wanted}')
    return bytes(data) if binary else data.encode(streams.DEFAULT_ENCODING)


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


def mk_dir(url):
    """Create the directory; raises MoxFileNotExistsException, an OSError, when the one above is missing.

    In a bucket any key below a name makes that a directory, and one that is there stays as it is; on a disk it
    raises FileExistsError, as os.mkdir does.
    """
    store, place = stores.locate(url)
    store.mk_dir(place)


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


def shift(origin, replacement):
    """shift('os', 'mox'): from now on open, os.listdir and 14 more functions of Python take URLs; see shifting.py.

    shift('mox', 'os') is unshift(), which moxing has not. Raises ValueError for any other pair.
    """
    if (origin, replacement) == ('os', 'mox'):
        shifting.shift(sys.modules[__name__])
    elif (origin, replacement) == ('mox', 'os'):
        shifting.unshift()
    else:
        raise ValueError(f"shift({origin!r}, {replacement!r}): only shift('os', 'mox') and, to undo it, "
                         "shift('mox', 'os') are known")


def unshift():
    """Our addition: put Python's own functions back."""
    shifting.unshift()


def _entries(store, place, recursive):
    """What list_directory lists; a recursive listing of nothing must fail as the flat one does."""
    if recursive and store.is_directory(place):
        return store.walk_leaves(place)
    return store.list_children(place)
