"""Files and folders on this machine, under the same function names as s3_store."""
import contextlib
import logging
import os
import shutil
import stat

from moxing_shim.errors import MoxFileNotExistsException
from moxing_shim.links import leads_out
from moxing_shim.publishing import is_temporary, publishing
from moxing_shim.streams import LocalRaw
from moxing_shim.urls import Entry

log = logging.getLogger('moxing')

COPY_CHUNK_BYTES = 1024 * 1024


def exists(place):
    """True for a file or a directory."""
    return os.path.exists(place.path)


def is_file(place):
    """True for a file."""
    return os.path.isfile(place.path)


def is_directory(place):
    """True for a directory."""
    return os.path.isdir(place.path)


def describe(place):
    """The Entry of the file or directory, or None when there is none."""
    try:
        status = os.stat(place.path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(status.st_mode):
        return Entry(place.basename, True, 0)
    return Entry(place.basename, False, status.st_size, status.st_mtime_ns)


def make_dirs(place):
    """Create the directory and its parents; nothing happens when it is there."""
    os.makedirs(place.path, exist_ok=True)


def mk_dir(place):
    """Create the directory, as os.mkdir does; raises MoxFileNotExistsException when its parent is missing."""
    try:
        os.mkdir(place.path)
    except FileNotFoundError as error:
        raise MoxFileNotExistsException(f'cannot create the folder {place.path!r}: the folder above it does not exist; '
                                        'make_dirs makes both') from error


def get_size(place, recursive=False):
    """Bytes of a file, or of all files below a directory: locally moxing always counts recursively."""
    if is_directory(place):
        return sum(entry.size_bytes for entry in walk_leaves(place))
    with _translated(place):
        return os.stat(place.path).st_size


def remove(place, recursive=False):
    """Delete a file, or with `recursive` a directory and all below; of a link only the link itself."""
    if not recursive or not is_directory(place):
        with _translated(place):
            os.remove(place.path)
    elif os.path.islink(place.path.rstrip('/')):
        os.remove(place.path.rstrip('/'))
    else:
        absolute = os.path.abspath(place.path)
        if absolute == os.path.dirname(absolute):
            raise ValueError(f'remove({place.path!r}, recursive=True) would delete the whole disk; '
                             'name a folder')
        shutil.rmtree(place.path)


def remove_leaves(place, entries):
    """Delete the files of `entries`, a listing by walk_leaves, and the directories that are empty then.

    Of a link to a directory, `place` or one below, only the link goes.
    """
    if os.path.islink(place.path.rstrip('/')):
        os.remove(place.path.rstrip('/'))
        return
    for entry in entries:
        if not entry.is_directory:
            with contextlib.suppress(FileNotFoundError):    # listed under the name of a link too, and gone with that
                os.remove(place.join(entry.name).path)
    for folder, folders, _ in os.walk(place.path, topdown=False):
        for link in filter(os.path.islink, (os.path.join(folder, name) for name in folders)):
            os.remove(link)
        with contextlib.suppress(OSError):      # not empty: others have put something there
            os.rmdir(folder)


def read(place):
    """The whole content, bytes."""
    with _translated(place), open(place.path, 'rb') as stream:
        return stream.read()


def write(place, data):
    """Replace or create the file with `data` (bytes); readers see the old content or the new, no part."""
    with publishing(place) as stream:
        stream.write(data)


def open_raw(place, mode, closefd=True, opener=None):
    """Open the unbuffered stream below a File; `mode` is a streams.Mode, the others are open()'s."""
    with _translated(place):
        return LocalRaw(place.path, mode.of_bytes, closefd, opener)


def list_children(place):
    """Yield an Entry for each file and directory directly inside, in order of names."""
    with _translated(place), os.scandir(place.path) as found:
        children = sorted((child for child in found if not is_temporary(child.name)), key=lambda child: child.name)
    for child in children:
        is_folder = child.is_dir()
        yield Entry(child.name, True, 0) if is_folder else _file_entry(child.name, child)


def walk_leaves(place):
    """Yield an Entry for each file below, at any depth, and for each directory that is empty; in order of keys.

    That is the order in which a bucket with the same tree is listed: by the UTF-8 bytes of the whole name, in
    which a directory ends in '/'.
    Links are followed inside the folder; one that leads out of it is a leaf with `leads_to`, and one to a folder
    around it is left out. Sockets, pipes and devices are left out, and so is what publishing.py is writing, or a
    killed process was: a file half written is never copied on.
    """
    return _walk(place.path, '', (os.path.realpath(place.path),))


def copy(source, target):
    """Copy one file to another path on this machine; returns the bytes copied."""
    with open_for_reading(source) as reader, publishing(target) as writer:
        shutil.copyfileobj(reader, writer, COPY_CHUNK_BYTES)
        return writer.tell()


def _walk(folder, prefix, ancestors):
    """Yield the leaves below `folder`; `ancestors`, the real paths of the folders around it, show a loop."""
    with os.scandir(folder) as found:
        children = [child for child in found if not is_temporary(child.name)]
    children.sort(key=lambda child: os.fsencode(child.name + '/' * child.is_dir()))
    for child in children:
        name = prefix + child.name
        leads_to = leads_out(child.path, ancestors[0]) if child.is_symlink() else None
        if leads_to is not None:
            yield Entry(name, child.is_dir(), 0, leads_to=leads_to)
        elif child.is_dir():
            real = os.path.realpath(child.path)
            if real in ancestors:
                log.warning('%s is a link to a folder around it; left out', child.path)
                continue
            is_empty = True
            for leaf in _walk(child.path, name + '/', ancestors + (real,)):
                is_empty = False
                yield leaf
            if is_empty:
                yield Entry(name, True, 0)
        elif child.is_file() or child.is_symlink():     # a dangling link must fail by name, when it is copied
            yield _file_entry(name, child)
        else:
            log.warning('%s is a socket, pipe or device; left out', child.path)


def _file_entry(name, child):
    try:
        status = child.stat()
    except FileNotFoundError:       # a dangling link, or deleted since it was listed
        return Entry(name, False, 0)
    return Entry(name, False, status.st_size, status.st_mtime_ns)


def open_for_reading(place):
    """Open the file as a binary stream; raises MoxFileNotExistsException when there is none."""
    with _translated(place):
        return open(place.path, 'rb')


@contextlib.contextmanager
def _translated(place):
    """Raise MoxFileNotExistsException where the builtin it derives from would come."""
    try:
        yield
    except FileNotFoundError as error:
        raise MoxFileNotExistsException(f'no such file or directory: {place.path!r}') from error
