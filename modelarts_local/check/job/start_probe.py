"""A program: start a boot file as the platform would, and stop it as soon as it has parsed its command line.

    python start_probe.py CHANNEL FOLDER_NAME SECONDS BOOT_FILE ARGUMENT...

CHANNEL is a descriptor that one JSON object is written to: {"outcome", "message", "file", "line"}. The engine and
everything that is not installed are replaced by modules that do nothing, so that no training can begin; writing,
connecting and starting programs are refused. That keeps an honest job from doing anything; a hostile one runs with the
rights of whoever started this.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import json
import os
import runpy
import sys
import traceback
import types
from typing import Any, NoReturn, Sequence

ENGINES = ("mxnet", "moxing", "tensorflow", "torch", "horovod", "keras", "cv2", "boto3", "pandas", "sklearn", "scipy")
MEMORY_LIMIT_BYTES = 4 * 1024**3
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REFUSED_EVENTS = """
os.mkdir os.remove os.rename os.rmdir os.truncate os.chmod os.chown os.link os.symlink os.system os.exec os.fork
os.forkpty os.posix_spawn os.spawn os.kill subprocess.Popen socket.connect socket.bind socket.getaddrinfo
socket.sendto shutil.rmtree shutil.move shutil.copyfile shutil.copytree ctypes.dlopen os.startfile pty.spawn
"""
_REFUSED = frozenset(_REFUSED_EVENTS.split())


class Stop(BaseException):
    """Ends the boot file; it passes through what catches Exception."""

    def __init__(self, outcome: str, message: str = "") -> None:
        super().__init__(message)
        self.outcome = outcome


class Nothing(types.ModuleType):
    """Stands for any object of a module that is not there: can be called, subclassed, compared, iterated."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return "1.2.1"
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        value = Nothing(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value

    def __call__(self, *given: Any, **_: Any) -> Any:
        # as a decorator it must hand back what it decorates
        return given[0] if len(given) == 1 and isinstance(given[0], (type, types.FunctionType)) else self

    def __mro_entries__(self, _: Any) -> tuple[type, ...]:
        return (_Base,)

    def __iter__(self) -> Any:
        return iter(())

    def __getitem__(self, _: Any) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __bool__(self) -> bool:
        return False


class _Base:
    def __init__(self, *_: Any, **__: Any) -> None:
        pass


class _Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules that do nothing. tops: the packages it answers for, None for all but `except_for`."""

    def __init__(self, tops: Sequence[str] | None, except_for: Sequence[str] = ()) -> None:
        self._tops = tops
        self._except_for = except_for

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        top = fullname.partition(".")[0]
        is_ours = top not in self._except_for if self._tops is None else top in self._tops
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True) if is_ours else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return Nothing(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def main() -> None:
    """Run the boot file of the command line and report what came of it."""
    channel, folder_name, seconds, boot_file = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    sys.argv[:] = sys.argv[4:]
    _limit_resources(seconds)
    _watch_argparse()
    sys.path[0] = os.path.dirname(os.path.abspath(boot_file))
    own = {os.path.splitext(name)[0] for place in (sys.path[0], os.getcwd()) for name in os.listdir(place)}
    sys.meta_path.insert(0, _Stubs([name for name in ENGINES if name not in own]))
    sys.meta_path.append(_Stubs(None, except_for=[*own, folder_name]))
    sys.addaudithook(_refuse)
    try:
        runpy.run_path(boot_file, run_name="__main__")
        found = {"outcome": "ended"}
    except Stop as stop:
        found = {"outcome": stop.outcome, "message": str(stop)[:2000]}
    except BaseException as error:
        found = _describe(error)
    os.write(channel, json.dumps(found).encode())
    os._exit(0)  # threads of the job must not keep it


def _describe(error: BaseException) -> dict[str, Any]:
    here = os.path.realpath(sys.path[0]) + os.sep
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)]
    own = [frame for frame in frames if os.path.realpath(frame.filename).startswith(here)]
    kind = type(error).__name__
    found: dict[str, Any] = {"outcome": "failed", "kind": kind, "message": str(error)[:500]}
    if own:
        found.update(file=os.path.relpath(os.path.realpath(own[-1].filename), here), line=own[-1].lineno)
    if isinstance(error, ImportError):
        found["module"] = error.name or ""
    # an error in the library, with arguments made of stand-ins, says nothing of the job
    found["is_own"] = bool(own) and frames[-1] is own[-1]
    return found


def _limit_resources(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    limits = {resource.RLIMIT_CPU: seconds, resource.RLIMIT_AS: MEMORY_LIMIT_BYTES, resource.RLIMIT_CORE: 0}
    for what, limit in limits.items():
        try:
            resource.setrlimit(what, (limit, limit))
        except (ValueError, OSError):  # a lower limit is set already, or the system has none
            pass


def _watch_argparse() -> None:
    parse = argparse.ArgumentParser.parse_known_args  # the original parse_args would go through the new one

    def parse_known_args(parser: Any, *given: Any, **named: Any) -> Any:
        namespace, rest = parse(parser, *given, **named)
        if hasattr(namespace, "data_url"):
            raise Stop("parsed")
        return namespace, rest

    def parse_args(parser: Any, args: Any = None, namespace: Any = None) -> NoReturn:
        _, rest = parse(parser, args, namespace)
        if rest:
            parser.error("unrecognized arguments: " + " ".join(rest))
        raise Stop("parsed")

    def error(parser: Any, message: str) -> NoReturn:
        raise Stop("refused", message)

    for replacement in (parse_known_args, parse_args, error):
        setattr(argparse.ArgumentParser, replacement.__name__, replacement)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & _WRITING)
    if writes and arguments[0] != os.devnull:
        raise Stop("busy", f"open {str(arguments[0])[:200]} to write")
    is_python_itself = event == "ctypes.dlopen" and arguments[:1] == (None,)
    if event in _REFUSED and not is_python_itself:
        raise Stop("busy", event)


if __name__ == "__main__":
    main()
