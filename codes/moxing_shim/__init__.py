"""moxing.file for programs that run off ModelArts: the same calls on S3, OBS and local folders.

    from moxing_shim import file as mox_file    # always this package
    mox = moxing_shim.load()                    # the platform's own moxing if there is one, else this package
    moxing_shim.install()                       # `import moxing` finds the one or the other
    python -m moxing_shim run script.py         # a script that says `import moxing`, as it is

Importing does nothing else: boto3 is imported by the first call that names an s3:// or obs:// URL.
"""
import importlib
import logging

log = logging.getLogger('moxing')


def load():
    """Return an object whose `.file` has the moxing.file interface.

    That is the platform's own `moxing` when it is installed (recognised by `moxing.file.copy_parallel`), else
    this package. PyPI's project of the same name is something else; it is named in a warning and left aside.
    """
    try:
        import moxing
    except ImportError as error:
        if getattr(error, 'name', None) != 'moxing':
            log.warning('moxing is installed but cannot be imported (%s); moxing_shim takes its place', error)
        return _this_package()
    if hasattr(getattr(moxing, 'file', None), 'copy_parallel'):
        return moxing
    stand_in = importlib.import_module('moxing_shim.stand_in')
    stand_in.warn_of_unrelated(getattr(moxing, '__file__', 'nowhere'))
    return _this_package()


def install():
    """Let `import moxing`, in all its spellings, find this package; see stand_in.py. A second call does nothing.

    The platform's own moxing wins here too. For a program that is to stay as it is: python -m moxing_shim run.
    """
    importlib.import_module('moxing_shim.stand_in').install()


def _this_package():
    importlib.import_module('moxing_shim.file')     # binds the submodule as the attribute `file`
    return importlib.import_module('moxing_shim')
