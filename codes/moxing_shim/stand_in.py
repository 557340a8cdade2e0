"""install(): after it, every spelling of `import moxing` finds moxing.file as moxing_shim has it.

| import                                                  | finds                                               |
| ---                                                     | ---                                                 |
| moxing, moxing.mxnet, moxing.tensorflow, moxing.pytorch | a module with `.file`                               |
| moxing.file, moxing.framework.file                      | the functions of moxing_shim.file                   |
| moxing.framework.file.file_io                           | the same, and the attributes that jobs set there    |
| moxing.framework.util.runtime                           | reset_logger, MoxTimeoutError                       |
| moxing.framework.util.multiprocessing                   | Thread                                              |

MoXing's training framework (mox.run and what belongs to it) is not here; asking for it says what to use.
"""
import difflib
import importlib
import importlib.abc
import importlib.machinery
import logging
import os
import sys
import threading
import types

from moxing_shim import settings
from moxing_shim.errors import MoxTimeoutError

log = logging.getLogger('moxing')

VERSION = '2.1.0+moxing_shim'       # the newest that public logs show; some jobs print it or compare it
_FILES = 'moxing.framework.file'
_INSTEAD = {
    'moxing.mxnet': 'train with mxnet.mod.Module.fit or Gluon',
    'moxing.tensorflow': 'train with tf.keras or tf.estimator',
    'moxing.pytorch': 'train with torch itself',
}
# Attributes of file_io that jobs set -> the variable that holds the same setting, read at each call
_SETTINGS = {'_LARGE_FILE_TASK_NUM': ('MOX_FILE_LARGE_FILE_TASK_NUM', 'part_threads'),
             '_LARGE_FILE_PART_SIZE': ('MOX_FILE_LARGE_FILE_PART_SIZE', 'part_bytes'),
             '_PARTIAL_MAXIMUM_SIZE': ('MOX_FILE_PARTIAL_MAXIMUM_SIZE', 'split_from_bytes')}


class StandIn(types.ModuleType):
    """A module of moxing that holds other ones and has nothing else to offer."""

    def __getattr__(self, name):
        full_name = f'{self.__name__}.{name}'
        if full_name in STAND_INS:
            return importlib.import_module(full_name)
        raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}' if name.startswith('__')
                             else missing(full_name))


class Top(StandIn):
    """moxing itself, with a version to print."""

    __version__ = VERSION


class Files(StandIn):
    """moxing.framework.file; what moxing_shim.file gains later is found here too."""

    def __getattr__(self, name):
        functions = importlib.import_module('moxing_shim.file')
        return getattr(functions, name) if hasattr(functions, name) else super().__getattr__(name)

    def __dir__(self):
        return sorted(importlib.import_module('moxing_shim.file').__all__)


class FileIo(Files):
    """moxing.framework.file.file_io: attributes that are set change the settings of all later calls.

    Those without a meaning here (_LARGE_FILE_METHOD, the numbers of processes, _USE_MEMARTS) have no effect.
    """

    _LARGE_FILE_METHOD = 1
    _NUMBER_OF_PROCESSES = NUMBER_OF_PROCESSES = 16
    _USE_MEMARTS = False

    def __getattr__(self, name):
        if name in _SETTINGS:
            return getattr(settings.current_settings(), _SETTINGS[name][1])
        return super().__getattr__(name)

    def __setattr__(self, name, value):
        if name in _SETTINGS:
            os.environ[_SETTINGS[name][0]] = str(value)     # so that the processes it starts have it too
        else:
            super().__setattr__(name, value)

    @staticmethod
    def _create_or_get_obs_client():
        raise NotImplementedError("moxing_shim has no client of Huawei's OBS SDK: use the functions of moxing.file, or "
                                  'moxing_shim.client.get_client()[0], which is a boto3 client')


class Runtime(StandIn):
    """moxing.framework.util.runtime."""

    MoxTimeoutError = MoxTimeoutError

    @staticmethod
    def reset_logger(level=logging.INFO):
        """Set the level of the logger `moxing`; MoXing sets that of the root logger."""
        log.setLevel(level)


class Threads(StandIn):
    """moxing.framework.util.multiprocessing."""

    Thread = threading.Thread


STAND_INS = {
    'moxing': Top, 'moxing.framework': StandIn, _FILES: Files, _FILES + '.file_io': FileIo,
    'moxing.framework.util': StandIn, 'moxing.framework.util.runtime': Runtime,
    'moxing.framework.util.multiprocessing': Threads,
    'moxing.mxnet': StandIn, 'moxing.tensorflow': StandIn, 'moxing.pytorch': StandIn,
    # one module under several names
    'moxing.file': None, 'moxing.file.file_io': None, 'moxing.mxnet.file': None, 'moxing.tensorflow.file': None,
    'moxing.pytorch.file': None,
}


def install():
    """Let `import moxing` find the stand-in, in this process and those forked from it; a second call does nothing.

    The platform's own moxing wins where it is installed. PyPI's unrelated project of that name is named in a
    warning and left aside. A process started anew has to call install() itself, or to be started by
    `python -m moxing_shim run`.
    """
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    imported = sys.modules.get('moxing')
    spec = imported.__spec__ if imported is not None else importlib.machinery.PathFinder.find_spec('moxing')
    if hasattr(getattr(imported, 'file', None), 'copy_parallel') or is_platform(spec):
        return
    if spec is not None:
        warn_of_unrelated(spec.origin)
    put_in_place()


def put_in_place():
    """Have the stand-in found first, whatever is installed."""
    for name in [name for name in sys.modules if name.partition('.')[0] == 'moxing']:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder())


def is_platform(spec):
    """True when the ModuleSpec of a `moxing` is that of Huawei's MoXing: it has a part `framework`, or `file`."""
    folders = spec.submodule_search_locations if spec is not None else None
    find = importlib.machinery.PathFinder.find_spec
    return bool(folders) and any(find(f'moxing.{part}', folders) for part in ('framework', 'file'))


def warn_of_unrelated(place):
    """Log that the moxing that is installed is another project, and what to do."""
    log.warning(
        'the package moxing at %s has no file.copy_parallel: it is not Huawei\'s MoXing but, most likely, '
        'the unrelated llama.cpp wrapper of that name on PyPI (licence GPL-3.0). moxing_shim takes its '
        'place; remove the other one with: pip uninstall moxing', place)


def missing(full_name):
    """The sentence about a name that moxing may have and the stand-in has not."""
    module, _, name = full_name.rpartition('.')
    if module.startswith(_FILES) or module == 'moxing.file':
        known = importlib.import_module('moxing_shim.file').__all__
        close = difflib.get_close_matches(name, known, 1)
        return f'moxing.file has no {name!r}' + (f'; did you mean {close[0]}?' if close else
                                                 f'; it has {", ".join(sorted(known))}')
    family = next((family for family in _INSTEAD if full_name.startswith(family + '.')), None)
    return (f"{full_name} is not here: moxing_shim has moxing.file and nothing of MoXing's training framework; "
            f'{_INSTEAD.get(family, "train with the framework itself")}, or run this script on ModelArts')


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and makes the modules of STAND_INS, when they are imported for the first time."""

    def find_spec(self, fullname, path=None, target=None):
        """The spec of a stand-in; None for what is not moxing's.

        Raises ImportError for the rest of moxing: with the plain ModuleNotFoundError that None leads to, nobody
        would learn what to use.
        """
        if fullname.partition('.')[0] != 'moxing':
            return None
        if fullname not in STAND_INS:
            raise ImportError(missing(fullname), name=fullname)
        return importlib.machinery.ModuleSpec(fullname, self, origin=__file__, is_package=True)

    def create_module(self, spec):
        """An empty stand-in."""
        return (STAND_INS[spec.name] or StandIn)(spec.name)

    def exec_module(self, module):
        """Replace a second name by the first; say once that this is not MoXing, as MoXing says its version."""
        name = module.__name__
        if STAND_INS[name] is None:
            sys.modules[name] = importlib.import_module(_FILES + name.partition('.file')[2])
        elif name == 'moxing' and os.environ.get('MOX_SILENT_MODE', '').lower() not in ('1', 'true'):
            log.info('Using moxing_shim in place of MoXing-v%s', VERSION.partition('+')[0])
