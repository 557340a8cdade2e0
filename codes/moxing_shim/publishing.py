"""A file on this machine appears under its name complete, or not at all.

The bytes go to a temporary file in the same folder, which then replaces the target in one step. Its name is made
of the target's, so that what a killed process left behind is taken over by the next copy of the same file; a lock
keeps two live writers apart, and whoever does not get it writes under a name of his own.

There is no fsync: a file survives the death of the process, and one for each of thousands of files would cost
more than their copy. After a power failure the newest files may be short or empty, as those of cp may be; copying
again with skip_unchanged finds them by their size.
"""
import contextlib
import errno
import hashlib
import os
import re
import stat
import uuid

from moxing_shim.errors import MoxFileNotExistsException

try:
    import fcntl
except ImportError:     # Windows
    fcntl = None

# Of the target alone; what else comes out of a copy may be the network's, or the source's
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
_TEMPORARY = re.compile(r'\.moxing-[0-9a-f]{12}\.part')


@contextlib.contextmanager
def publishing(place):
    """Give a binary stream to write and read; what was written appears under the name when the block ends.

    A new file gets the permissions that the umask leaves, as with open(); one that is replaced passes its own on,
    so that a private file stays private and a program stays executable.
    Raises MoxFileNotExistsException when there is no folder for it; OSError, with the target's name and not the
    temporary one, when the disk is full or the folder may not be written.
    """
    target, old = _behind_links(place.path)
    if old is not None and not stat.S_ISREG(old.st_mode):
        with _naming(place), open(target, 'wb') as stream:
            yield stream        # a device or pipe cannot be replaced; a directory has raised
        return
    folder, name = os.path.split(target)
    try:
        with _naming(place):
            path, stream = _open_temporary(folder, name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MoxFileNotExistsException(f'cannot write {place.path!r}: there is no folder {folder or "."!r}; '
                                        'make_dirs makes it') from error
    with stream:        # closed, and with that unlocked, only when the file has its name or is gone
        try:
            try:
                _pass_permissions_on(old, stream)
                with _naming(place):
                    yield stream
                    stream.flush()
            finally:
                if fcntl is None:
                    stream.close()      # Windows renames and deletes no open file
            os.replace(path, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
            raise


@contextlib.contextmanager
def _naming(place):
    """Let the disk's errors name the file that was asked for: they name a temporary one, or none at all."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            error.filename = place.path
        raise


def _behind_links(path):
    """Return (path, status or None if there is nothing) of what is to be replaced: a link stays, not its file."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            path = os.path.realpath(path)
            status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):     # the second: a file where a folder should be
        return path, None
    return path, status


def is_temporary(name):
    """True for the name of a file that is being written, or was when its process was killed."""
    return _TEMPORARY.fullmatch(name) is not None


def _open_temporary(folder, name):
    """Return (path, stream) of an empty file that no other writer has."""
    path = os.path.join(folder, _temporary_name(hashlib.sha256(os.fsencode(name)).hexdigest()))
    stream = _take(path) if fcntl else None
    if stream is None:
        path = os.path.join(folder, _temporary_name(uuid.uuid4().hex))
        stream = open(path, 'x+b')
    return path, stream


def _temporary_name(digits):
    return f'.moxing-{digits[:12]}.part'


def _take(path):
    """Open and lock the file, a new one or one of a dead process; None when it cannot be had for sure."""
    number = None
    try:
        try:
            number, is_new = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), True
        except FileExistsError:
            number, is_new = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), False
        if _is_mine_alone(number, path, is_new):
            if not is_new:
                os.ftruncate(number, 0)
            return os.fdopen(number, 'w+b')
    except OSError:     # somebody else's file or link; a full disk comes up again under the other name
        pass
    if number is not None:
        os.close(number)
    return None


def _is_mine_alone(number, path, is_new):
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:     # being written, or taken over between open and lock
        return False
    except OSError:             # some network file systems have no locks; then only a new file is safe
        return is_new
    # between open and lock its writer may have published it: then the content has another name by now
    mine, there = os.fstat(number), os.lstat(path)
    is_own = is_new or (stat.S_ISREG(mine.st_mode) and mine.st_uid == os.geteuid() and mine.st_nlink == 1)
    return is_own and os.path.samestat(mine, there)


def _pass_permissions_on(old, stream):
    """Give the new file the permissions of the one that it replaces, before there is anything in it to read."""
    if old is None or os.name != 'posix':
        return
    with contextlib.suppress(PermissionError):      # a file system without permissions
        if os.geteuid() == 0:
            os.fchown(stream.fileno(), old.st_uid, old.st_gid)
        os.fchmod(stream.fileno(), stat.S_IMODE(old.st_mode) & 0o777)
