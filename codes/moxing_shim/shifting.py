"""shift('os', 'mox'): sixteen functions of Python take s3:// and obs:// URLs too.

| Python                   | moxing.file     |   | Python            | moxing.file              |
| ---                      | ---             |   | ---               | ---                      |
| open                     | File            |   | os.path.isdir     | is_directory             |
| glob.glob                | glob            |   | os.remove         | remove                   |
| os.listdir               | list_directory  |   | os.rename         | rename                   |
| os.makedirs              | make_dirs       |   | os.scandir        | scan_dir                 |
| os.mkdir                 | mk_dir          |   | os.stat           | stat                     |
| os.path.exists           | exists          |   | os.walk           | walk                     |
| os.path.getsize          | get_size        |   | shutil.copyfile   | copy                     |
| shutil.copytree          | copy_parallel   |   | shutil.rmtree     | remove, recursive        |

That is moxing's own table; os.path.isfile and getmtime work through os.stat. A call without a URL reaches the
function of Python as it was made: all its keywords, file descriptors and path-like objects. A process that is
forked keeps the shift, one that is spawned starts without it.
"""
import builtins
import glob
import inspect
import logging
import os
import pathlib      # noqa: F401  before Python 3.10 it keeps the functions of os that it finds when it is imported
import shutil
import threading

from moxing_shim import shifted_calls

log = logging.getLogger('moxing')

# (module, name of the function, how many of its first parameters are paths)
SHIFTED = (
    (builtins, 'open', 1), (glob, 'glob', 1),
    (os, 'listdir', 1), (os, 'makedirs', 1), (os, 'mkdir', 1), (os, 'remove', 1), (os, 'rename', 2),
    (os, 'scandir', 1), (os, 'stat', 1), (os, 'walk', 1),
    (os.path, 'exists', 1), (os.path, 'getsize', 1), (os.path, 'isdir', 1),
    (shutil, 'copyfile', 2), (shutil, 'copytree', 2), (shutil, 'rmtree', 1),
)
# What os says about its functions; other modules of Python look there before they pass dir_fd and the like
_ABILITIES = ('supports_dir_fd', 'supports_effective_ids', 'supports_fd', 'supports_follow_symlinks')

_shifted = {}       # (module, name) -> the Shifted in its place
_lock = threading.Lock()


class Shifted:
    """A function of Python that also takes URLs.

    No Python function, but an object: like the built-in functions, and unlike functions, it stays what it is when
    a class keeps it as an attribute (before Python 3.10 pathlib does).
    """

    def __init__(self, module, name, path_count, serve):
        self.__wrapped__ = getattr(module, name)
        self.__dict__.update(getattr(self.__wrapped__, '__dict__', {}))    # shutil.rmtree.avoids_symlink_attacks
        self.__module__, self.__name__, self.__qualname__ = module.__name__, name, name
        self.__doc__ = self.__wrapped__.__doc__
        self.__signature__ = _signature_of(self.__wrapped__)
        self._path_names = tuple(self.__signature__.parameters)[:path_count]
        self._serve = serve

    def __call__(self, *args, **kwargs):
        paths = args[:len(self._path_names)]
        if any(map(is_remote, paths)) or kwargs and any(is_remote(kwargs.get(name)) for name in self._path_names):
            given = self.__signature__.bind(*args, **kwargs).arguments      # raises TypeError as the call would
            return self._serve(**given)
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self):
        return f'<{self.__module__}.{self.__name__}, which also takes s3:// and obs:// URLs>'

    def __reduce__(self):
        return self.__name__        # pickled by name, as every function is


def is_remote(path):
    """True for a str, bytes or path-like that is an s3:// or obs:// URL, with one slash too: pathlib folds them."""
    if not isinstance(path, str):
        if not isinstance(path, (bytes, os.PathLike)):
            return False
        path = os.fsdecode(path)
    return path.startswith(('s3:/', 'obs:/'))


def shift(files):
    """Put the functions in place; nothing happens when they are. `files` has the functions of moxing.file."""
    calls = shifted_calls.Calls(files)
    with _lock:
        for module, name, path_count in SHIFTED:
            if (module, name) not in _shifted:
                shifted = _shifted[module, name] = Shifted(module, name, path_count, getattr(calls, name))
                _show_abilities_of(shifted.__wrapped__, shifted)
                setattr(module, name, shifted)


def unshift():
    """Put Python's own functions back; nothing happens when they are there.

    A function that somebody else has replaced since is left to them, and named in a warning.
    """
    with _lock:
        for (module, name), shifted in _shifted.items():
            if getattr(module, name) is shifted:
                setattr(module, name, shifted.__wrapped__)
            else:
                log.warning('unshift: %s.%s was replaced by somebody else after shift; it stays as it is',
                            module.__name__, name)
            for ability in _ABILITIES:
                getattr(os, ability).discard(shifted)
        _shifted.clear()


def _signature_of(function):
    try:
        return inspect.signature(function)
    except ValueError:      # Python 3.6 tells none for os.scandir, which is called like os.listdir
        return inspect.signature(os.listdir)


def _show_abilities_of(original, shifted):
    for ability in _ABILITIES:
        if original in getattr(os, ability):
            getattr(os, ability).add(shifted)
