"""Importing a module of ours reads, writes, starts, connects, logs, prints and changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.static.imports import imports_of
from tests.static.sources import IMPORT_FOLDERS, ROOT, Source, python_sources

CHILD_TIMEOUT_S = 120
# These load MXNet on purpose, which sets variables, starts threads and runs programs
LOAD_MXNET = (
    "codes/int8_export.py",
    "codes/network/int8.py",
    "codes/network/precision.py",
    "codes/network/resnet.py",
    "codes/network/starting_point.py",
    "codes/training/devices.py",
    "codes/training/evaluator.py",
    "codes/training/schedules.py",
    "codes/training/trainer.py",
    "codes/training/updates.py",
    "codes/model_template/customize_service.py",
    "modelarts_local/handler_worker/mms_standin/mms/model_service/__init__.py",
    "modelarts_local/handler_worker/mms_standin/mms/model_service/model_service.py",
    "modelarts_local/handler_worker/mms_standin/mms/model_service/mxnet_model_service.py",
    "modelarts_local/handler_worker/mms_standin/mms/utils/mxnet/image.py",
    "modelarts_local/handler_worker/mms_standin/mms/utils/mxnet/ndarray.py",
)
# These load what is in an environment of its own: PyTorch, ONNX Runtime, and MXNet where another server starts it
LOAD_PEERS = (
    "benchmarks/programs/mms_handler.py",
    "benchmarks/programs/onnx_export.py",
    "benchmarks/programs/onnx_forward.py",
    "benchmarks/programs/onnx_service.py",
    "benchmarks/programs/onnx_session.py",
    "benchmarks/programs/torch_forward.py",
    "benchmarks/programs/torch_pictures.py",
    "benchmarks/programs/torch_resnet.py",
    "benchmarks/programs/torch_steps.py",
    "benchmarks/recipe_search/chance.py",
    "benchmarks/recipe_search/check.py",
    "benchmarks/recipe_search/check_learning.py",
    "benchmarks/recipe_search/network.py",
    "benchmarks/recipe_search/pictures.py",
    "benchmarks/recipe_search/side_by_side.py",
    "benchmarks/recipe_search/training.py",
    "benchmarks/recipe_search/update.py",
)

WATCH = r"""
import importlib, logging, os, sys, threading

libraries, modules = sys.argv[1].split(), sys.argv[2].split()
for library in libraries:       # what they do while they are imported is not ours
    importlib.import_module(library)

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EVENTS = {'os.mkdir', 'os.remove', 'os.rename', 'os.rmdir', 'os.chmod', 'os.system', 'os.exec', 'os.fork',
          'os.posix_spawn', 'os.putenv', 'os.unsetenv', 'os.chdir', 'subprocess.Popen', 'socket.connect',
          'socket.bind', 'socket.getaddrinfo', 'socket.sendto', 'signal.pthread_kill', 'tempfile.mkdtemp',
          'tempfile.mkstemp'}
current = None

def report(what):
    sys.__stdout__.write('%s: %s\n' % (current, what))

def audit(event, arguments):
    if current is not None and (event in EVENTS or event == 'open' and arguments[2] & WRITING):
        report('%s %s' % (event, arguments))

class Listener(logging.Handler):
    def emit(self, record):
        report('logs %r' % record.getMessage())

def state():
    loggers = [logging.getLogger(name) for name in sorted(logging.Logger.manager.loggerDict)] + [logging.root]
    return {
        'environment': dict(os.environ),
        'folder': os.getcwd(),
        'sys.path': list(sys.path),
        'threads': [thread.name for thread in threading.enumerate()],
        'handlers': [str(handler) for logger in loggers for handler in logger.handlers],
        'levels': [str(logger) for logger in loggers if logger.level],
        'hooks': [sys.excepthook, threading.excepthook, sys.stdout, sys.stderr],
    }

logging.root.addHandler(Listener())
logging.root.setLevel(logging.DEBUG)
sys.addaudithook(audit)
for module in modules:
    before = state()
    current = module
    importlib.import_module(module)
    after = state()
    for kind in before:
        if before[kind] != after[kind]:
            report('%s %s -> %s' % (kind, before[kind], after[kind]))
    current = None
"""


def watch_imports(sources: list[Source], folder: Path, *path: Path) -> str:
    """Import the sources in a child that stands in an empty, read-only folder; returns all it was seen to do."""
    ours = {source.module.partition(".")[0] for source in python_sources()}
    ours |= {"obs_layout", "mms", "moxing", "handler_worker"}
    standard = getattr(sys, "stdlib_module_names", set(sys.builtin_module_names))
    libraries = {imported.module for source in sources for imported in imports_of(source)}
    foreign = sorted(name for name in libraries if name.partition(".")[0] not in ours | set(standard) | {"mxnet"})
    foreign.append("numpy")  # some versions of Pillow bring it, and its import runs programs
    folder.chmod(0o555)
    search = os.pathsep.join(map(str, path or (ROOT, *(ROOT / folder for folder in IMPORT_FOLDERS[1:]))))
    done = subprocess.run(
        [sys.executable, "-B", "-c", WATCH, " ".join(foreign), " ".join(source.module for source in sources)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=CHILD_TIMEOUT_S,
    )
    folder.chmod(0o755)
    written = "".join(f"{path.name} was written\n" for path in folder.iterdir())
    return done.stdout + written + (f"exit code {done.returncode}\n" if done.returncode else "")


@pytest.mark.parametrize("part", ["codes", "obs_layout", "modelarts_local", "demo", "benchmarks"])
def test_importing_our_modules_does_nothing(part: str, tmp_path: Path) -> None:
    sources = [source for source in python_sources(part) if source.name not in LOAD_MXNET + LOAD_PEERS]
    assert sources
    assert watch_imports(sources, tmp_path) == ""


def test_the_modules_that_load_an_engine_are_there() -> None:
    assert [name for name in LOAD_MXNET + LOAD_PEERS if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("open('left.txt', 'w').close()", "open"),
        ("import os\nos.makedirs('left/behind')", "os.mkdir"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "socket.getaddrinfo"),
        ("import subprocess\nsubprocess.Popen(['true']).wait()", "subprocess.Popen"),
        ("import os\nos.environ['NEW_NAME'] = '1'", "NEW_NAME"),
        ("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True, name='T1').start()", "T1"),
        ("import logging\nlogging.getLogger(__name__).info('loaded')", "logs 'loaded'"),
        ("import logging\nlogging.getLogger('x').addHandler(logging.StreamHandler())", "StreamHandler"),
        ("import sys\nsys.path.insert(0, 'elsewhere')", "elsewhere"),
        ("print('loaded')", "loaded"),
        ("import sys\nsys.stderr.write('loaded')", "loaded"),
        ("raise OSError('no such device')", "no such device"),
    ],
)
def test_a_module_that_does_something_is_found(text: str, seen: str, tmp_path: Path) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "cwd").mkdir()
    (tmp_path / "path" / "busy.py").write_text(text)
    assert seen in watch_imports([Source("busy.py", text)], tmp_path / "cwd", tmp_path / "path")


def test_a_module_that_only_defines_passes(tmp_path: Path) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "cwd").mkdir()
    (tmp_path / "path" / "idle.py").write_text("import logging\nlog = logging.getLogger(__name__)\n")
    assert watch_imports([Source("idle.py", "")], tmp_path / "cwd", tmp_path / "path") == ""
