"""Looking around: stat, list_directory, walk, glob and scan_dir.

They have the shapes of os.stat, os.listdir, os.walk, glob.glob and os.scandir.
"""
import fnmatch
import glob as local_glob
import os
import re
import stat as stat_modes
from typing import NamedTuple

from moxing_shim import stores
from moxing_shim.errors import MoxFileException, MoxFileNotExistsException
from moxing_shim.publishing import is_temporary

_MAGIC = re.compile(r'[*?[]')


class FileStatus(NamedTuple):
    """What stat returns: moxing's names, and those of os.stat; its first ten items are those of os.stat_result.

    An object has neither owner nor links; its st_mode says what it is, readable and writable by its user. All of
    st_mtime, st_atime and st_ctime are the time of the last change.
    """

    st_mode: int
    st_ino: int
    st_dev: int
    st_nlink: int
    st_uid: int
    st_gid: int
    st_size: int            # bytes
    atime_s: int            # whole seconds since the epoch, as in os.stat_result; st_atime has the fraction too
    mtime_s: int
    ctime_s: int
    mtime_nsec: int         # nanoseconds since the epoch, UTC; 0 where nothing is known

    @property
    def length(self):
        """Bytes; 0 for a directory in a bucket."""
        return self.st_size

    @property
    def is_directory(self):
        """True for a directory."""
        return stat_modes.S_ISDIR(self.st_mode)

    @property
    def st_mtime_ns(self):
        """Nanoseconds since the epoch, UTC."""
        return self.mtime_nsec

    @property
    def st_mtime(self):
        """Seconds since the epoch, UTC."""
        return self.mtime_nsec / 10**9

    st_atime = st_ctime = st_mtime
    st_atime_ns = st_ctime_ns = st_mtime_ns


class ObjectDirEntry:
    """What scan_dir yields for a bucket, in the shape of os.DirEntry."""

    def __init__(self, entry, path):
        self.name, self.path = entry.name, path
        self._entry = entry

    def __repr__(self):
        return f'<ObjectDirEntry {self.name!r}>'

    def __fspath__(self):
        return self.path

    def is_dir(self, follow_symlinks=True):
        """True for a directory; a bucket has no links to follow."""
        return self._entry.is_directory

    def is_file(self, follow_symlinks=True):
        """True for an object."""
        return not self._entry.is_directory

    def is_symlink(self):
        """Always false: a bucket has no links."""
        return False

    def inode(self):
        """Always 0: objects have none."""
        return 0

    def stat(self, follow_symlinks=True):
        """The FileStatus, as it was when the directory was listed."""
        return status_of(self._entry)


class Scan:
    """An iterator of directory entries that also works in a `with` block, as os.scandir's."""

    def __init__(self, entries, close=lambda: None):
        self._entries, self._close = entries, close

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the scan; nothing more comes."""
        self._close()
        self._entries = iter(())


def stat(url=None, src_url=None):
    """Return the FileStatus of a file or directory; `src_url` is an older name for `url`.

    A directory in a bucket has the time of its marker object, or 0 without one.
    Raises MoxFileNotExistsException when there is neither.
    """
    store, place = stores.locate(src_url if url is None else url)
    if place.is_local:
        return _local_status(place)
    entry = None if place.ends_with_slash() else store.describe(place)
    if entry is None:
        entry = store.describe_directory(place)
    if entry is None:
        raise MoxFileNotExistsException(f'no such file or directory: {place}')
    return status_of(entry)


def status_of(entry):
    """The FileStatus of a listed Entry."""
    mode = stat_modes.S_IFDIR | 0o755 if entry.is_directory else stat_modes.S_IFREG | 0o644
    mtime_ns = entry.mtime_ns or 0
    return FileStatus(mode, 0, 0, 1, 0, 0, entry.size_bytes, *[mtime_ns // 10**9] * 3, mtime_nsec=mtime_ns)


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


def scan_dir(url):
    """Return an iterator of the entries directly inside, in no order: os.DirEntry, or ObjectDirEntry for a bucket.

    It can be used in a `with` block. Raises MoxFileNotExistsException when there is no such directory.
    """
    store, place = stores.locate(url)
    if place.is_local:
        try:
            found = os.scandir(place.path)
        except FileNotFoundError as error:
            raise MoxFileNotExistsException(f'no such file or directory: {place.path!r}') from error
        return Scan((entry for entry in found if not is_temporary(entry.name)), found.close)
    top = os.path.join(os.fsdecode(url), '')
    entries = store.list_children(place)
    first = next(entries, None)         # so that a missing directory is told now, as os.scandir does
    return Scan((ObjectDirEntry(entry, top + entry.name) for entry in _chain(first, entries)))


def walk(url, topdown=True, onerror=None, followlinks=False):
    """Yield (path, names of directories, names of files) for the directory and each one below, as os.walk does.

    Every path starts with `url` as it was written. A missing directory yields nothing; `onerror`, a function, gets
    the exception. Without it, a bucket that cannot be listed raises. moxing ignores the last three arguments for a
    bucket; here `topdown` works, directories that the caller takes out of the list are not entered, and only
    followlinks means nothing there.
    """
    store, place = stores.locate(url)
    if place.is_local:
        return _local_walk(place.path, topdown, onerror, followlinks)
    return _walk(store, place, os.fsdecode(url), topdown, onerror)


def glob(url):
    """Return what matches the pattern, files and directories, as full paths or URLs, sorted; [] for no match.

    `*` and `?` match within one name, `[0-9]` a set of characters, `**` as a whole name any number of directories
    (unknown of moxing). As in Python's glob, names that begin with a dot match only a pattern that does. The bucket
    is no part of the pattern.
    """
    store, place = stores.locate(url)
    if place.is_local:
        found = local_glob.glob(place.path, recursive=True)
        return sorted(path for path in found if not is_temporary(os.path.basename(path)))
    text = os.fsdecode(url)
    if not _MAGIC.search(place.key):
        return [text] if store.exists(place) else []
    top = text[:len(text) - len(place.key)]
    return sorted({top + key for key in _matches(store, place._replace(key=''), place.key.split('/'))})


def _entries(store, place, recursive):
    """What list_directory lists; a recursive listing of nothing must fail as the flat one does."""
    if recursive and store.is_directory(place):
        return store.walk_leaves(place)
    return store.list_children(place)


def _local_status(place):
    try:
        status = os.stat(place.path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MoxFileNotExistsException(f'no such file or directory: {place.path!r}') from error
    return FileStatus(*status[:7], *[status.st_mtime_ns // 10**9] * 3, mtime_nsec=status.st_mtime_ns)


def _local_walk(path, topdown, onerror, followlinks):
    for folder, folders, files in os.walk(path, topdown, onerror, followlinks):
        files[:] = [name for name in files if not is_temporary(name)]
        yield folder, folders, files


def _walk(store, place, spelt, topdown, onerror):
    try:
        entries = list(store.list_children(place))
    except MoxFileException as error:
        if onerror is not None:
            onerror(error)
        elif not isinstance(error, MoxFileNotExistsException):
            raise       # os.walk passes over it; but no answer from a server is not an empty directory
        return
    folders = [entry.name for entry in entries if entry.is_directory]
    files = [entry.name for entry in entries if not entry.is_directory]
    if topdown:
        yield spelt, folders, files
    for name in folders:
        yield from _walk(store, place.join(name), os.path.join(spelt, name), topdown, onerror)
    if not topdown:
        yield spelt, folders, files


def _matches(store, folder, pattern):
    """Yield the keys below `folder` that match the `pattern`, a list of names; '' at its end asks for a directory."""
    name, rest = pattern[0], pattern[1:]
    if name == '**':
        yield from _matches_below(store, folder, rest)
        return
    if not _MAGIC.search(name):
        yield from _matches_name(store, folder, name, rest)
        return
    is_match = re.compile(fnmatch.translate(name)).match
    for entry in _children(store, folder):
        if is_match(entry.name) and (name.startswith('.') or not entry.name.startswith('.')):
            place = folder.join(entry.name)
            if not rest:
                yield place.key
            elif entry.is_directory:
                yield from _matches(store, place, rest)


def _matches_name(store, folder, name, rest):
    """A part of the pattern without wildcards costs no listing."""
    place = folder.join(name)
    if rest:
        yield from _matches(store, place, rest)
    elif store.is_directory(place) if place.ends_with_slash() else store.exists(place):
        yield place.key


def _matches_below(store, folder, rest):
    """`**`: the rest of the pattern here and in every directory below; alone, everything."""
    yield from _matches(store, folder, rest or ['*'])
    for entry in _children(store, folder):
        if entry.is_directory and not entry.name.startswith('.'):
            yield from _matches_below(store, folder.join(entry.name), rest)


def _children(store, folder):
    try:
        yield from store.list_children(folder)
    except MoxFileNotExistsException:
        return


def _chain(first, rest):
    if first is not None:
        yield first
        yield from rest
