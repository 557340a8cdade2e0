"""Run a program as `python program.py` would, with `import moxing` finding moxing_shim."""
import importlib.machinery
import importlib.util
import logging
import os
import sys
import types
import zipfile

from moxing_shim import stand_in

PATH_ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'path_entry')


class NoSuchProgram(Exception):
    """There is no such script or module; `.exit_code` is the one that python has for it."""

    def __init__(self, message, exit_code):
        super().__init__(message)
        self.exit_code = exit_code


class WhileNobodyListens(logging.StreamHandler):
    """Shows the logger `moxing`, as MoXing does, until the program sets up logging itself."""

    def handle(self, record):
        """Pass the record on when no other handler gets it."""
        return super().handle(record) if not logging.getLogger().handlers else False


def prepare():
    """Install the stand-in here and in all Python processes that are started from here."""
    stand_in.install()
    if any(isinstance(finder, stand_in.Finder) for finder in sys.meta_path):
        inherited = os.environ.get('PYTHONPATH')
        os.environ['PYTHONPATH'] = os.pathsep.join([PATH_ENTRY] + [inherited] * bool(inherited))
        sys.path.insert(1, PATH_ENTRY)      # what multiprocessing spawns has this path and not the variable's
    log = logging.getLogger('moxing')
    listener = WhileNobodyListens()
    listener.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    log.addHandler(listener)
    log.setLevel(logging.INFO)


def run_script(path, arguments):
    """Run the file, or the __main__.py of a folder or zip archive, as __main__; what it raises is raised.

    Raises NoSuchProgram when it cannot be read.
    """
    sys.argv[:] = [path] + arguments
    if sys.version_info >= (3, 9):      # where Python itself makes it absolute
        path = os.path.abspath(path)
    if os.path.isdir(path) or zipfile.is_zipfile(path):
        spec = importlib.machinery.PathFinder.find_spec('__main__', [path])
        if spec is None:
            raise NoSuchProgram(f'there is no __main__.py in {path!r}', 1)
        sys.path[0] = path
        _execute(_main_of(spec), lambda: spec.loader.get_code('__main__'))
        return
    try:
        with open(path, 'rb') as stream:
            source = stream.read()
    except OSError as error:
        raise NoSuchProgram(f'cannot open the script {path!r}: {error.strerror}', 2) from error
    if not getattr(sys.flags, 'safe_path', False):
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    main = _new_main(path, importlib.machinery.SourceFileLoader('__main__', path))
    _execute(main, lambda: compile(source, path, 'exec', dont_inherit=True))


def run_module(name, arguments):
    """Run a module, or the __main__ of a package, found from the current folder on; what it raises is raised.

    Raises NoSuchProgram when there is none.
    """
    sys.argv[:] = ['-m'] + arguments
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            name += '.__main__'
            spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name + '.').startswith(error.name + '.'):
            raise
        spec = None
    if spec is None or not hasattr(spec.loader, 'get_code'):
        raise NoSuchProgram(f'there is no module {name!r} to run', 1)
    sys.argv[0] = spec.origin
    _execute(_main_of(spec), lambda: spec.loader.get_code(spec.name))


def _main_of(spec):
    main = _new_main(spec.origin, spec.loader)
    main.__spec__, main.__package__, main.__cached__ = spec, spec.parent, spec.cached
    return main


def _new_main(file, loader):
    main = types.ModuleType('__main__')
    main.__file__, main.__loader__, main.__cached__ = file, loader, None
    return main


def _execute(main, compile_it):
    sys.modules['__main__'] = main      # multiprocessing and pickle look there
    try:
        code = compile_it()
        exec(code, vars(main))
    except SystemExit:
        raise
    except BaseException as error:
        _show_as_python_would(error)
        raise


def _show_as_python_would(error):
    """Have the traceback shown from the program's first line on, by the hook that the program has set, if any."""
    own, hook = error.__traceback__.tb_next, sys.excepthook
    if isinstance(error, SyntaxError) and own is not None and own.tb_frame.f_code.co_filename == __file__:
        own = None      # in the program itself: there is no frame of it

    def show(kind, value, traceback):
        hook(kind, value.with_traceback(own) if value is error else value, own if value is error else traceback)
    sys.excepthook = show
