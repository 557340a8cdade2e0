"""The interface of moxing.file on S3, OBS and local folders.

Every url is s3://bucket/key, obs://bucket/key (the same thing) or a local path. Errors are those of
moxing_shim.errors; they derive from FileNotFoundError, PermissionError, OSError and RuntimeError where those
fit. Connection settings come from the environment and set_auth, see moxing_shim.settings.
"""
import sys

from moxing_shim import shifting, stores, streams
from moxing_shim.appending import append, append_remote
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
from moxing_shim.listing import glob, list_directory, scan_dir, stat, walk
from moxing_shim.opening import File
from moxing_shim.renaming import rename
from moxing_shim.settings import set_auth

__all__ = [
    'File', 'MoxCopyException', 'MoxFileException', 'MoxFileNameDuplicateException',
    'MoxFileNotExistsException', 'MoxFileReadException', 'MoxFileRespException', 'MoxTimeoutError', 'append',
    'append_remote', 'background_sync_copy', 'copy', 'copy_parallel', 'exists', 'get_size', 'glob', 'is_directory',
    'list_directory', 'make_dirs', 'mk_dir', 'read', 'remove', 'rename', 'scan_dir', 'set_auth', 'shift', 'stat',
    'unshift', 'walk', 'write',
]


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
    store.write(place, streams.as_bytes('write', place, data, binary))


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
    """Create one directory; raises MoxFileNotExistsException, an OSError, when the one above it is missing.

    In a bucket any key below makes a directory; one that is there already stays as it is (moxing: not known).
    On a disk it raises FileExistsError, as os.mkdir does.
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
