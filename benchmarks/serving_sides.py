"""The sides of the comparison of services: what each is made from, and how it is started."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Callable, Mapping, NamedTuple, Sequence

from benchmarks.failures import BenchmarkFailed
from benchmarks.http_load import Service
from benchmarks.peers import MODULES, ROOT, Tools
from benchmarks.serving_server import HOST, Start, free_port
from benchmarks.watched_program import WatchedProgram

PREPARING_LIMIT_S = 900.0
IMAGES = "images"  # the field of the form, for all sides
SERVER_OF_2018 = ROOT / "tests" / "programs" / "serve_with_mms.py"
HANDLER_OF_MMS = ROOT / "benchmarks" / "programs" / "mms_handler.py"
NAME = "caltech"
OURS, OURS_INT8, MXNET_INT8, MMS_OF_2018 = "ours", "ours-int8", "mxnet-int8", "mms-0.4"
# Each side starts as its users start it: what the user of the benchmark has set for libraries is not to choose
DROPPED_PREFIXES = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "MXNET_", "ORT_", "PYTHON")


class Network(NamedTuple):
    """ResNet of so many layers for pictures of so many pixels."""

    layers: int
    pixels: int


class Bench(NamedTuple):
    """What the sides are made from.

    package, int8_package: folders that hold model/. parity: the Python of MXNet 1.2.1.
    work: an empty folder of the benchmark's own. calibration: pictures that are not sent.
    """

    package: Path
    int8_package: Path | None
    tools: Tools
    parity: Path
    work: Path
    calibration: Sequence[Path]
    cores: int

    @property
    def pixels(self) -> int:
        """Height and width of the network's input."""
        preprocessing = json.loads((self.model / "preprocessing.json").read_text(encoding="utf-8"))
        return int(preprocessing["image_size"])

    @property
    def model(self) -> Path:
        """The folder model/ of the package."""
        return self.package / "model"

    def onnx(self, form: str) -> Path:
        """The network as ONNX. form: fp32 or int8."""
        return self.work / "onnx" / f"{form}.onnx"


# (bench, a folder of its own, port) -> (command, additional environment)
Command = Callable[[Bench, Path, int], "tuple[list[str], dict[str, str]]"]


class Side(NamedTuple):
    """A service that answers for the package.

    settings: of its threads, for the output. prepare: installs it and makes what it serves, unless they are there.
    """

    meaning: str
    settings: str
    path: str
    prepare: Callable[[Bench], None]
    command: Command
    is_int8: bool = False


def clean_environment(**more: str) -> dict[str, str]:
    """The user's environment without the settings of libraries, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED_PREFIXES)}
    return {**kept, **more}


def start_of(side: Side, bench: Bench, unique: str) -> tuple[Start, Service]:
    """How a side is started in a folder of its own, and where it will answer."""
    folder = bench.work / unique
    folder.mkdir()
    port = free_port()
    command, more = side.command(bench, folder, port)
    # multi-model-server looks for TEMP
    environment = clean_environment(TMPDIR=str(folder), TEMP=str(folder), **more)
    return Start(command, environment, folder), Service(HOST, port, side.path, IMAGES)


def run_to_end(command: Sequence[str], environment: Mapping[str, str], limit_s: float = PREPARING_LIMIT_S) -> list[str]:
    """Run a program and return its lines. Raises BenchmarkFailed with its last words when it fails."""
    with WatchedProgram(command, environment, limit_s) as program:
        lines = list(program)
        if not program.succeeded:
            raise program.failure()
        return lines


def draw_package(network: Network, classes: int, pictures: Sequence[Path], output: Path) -> None:
    """Write a package of random weights into `output`. Raises BenchmarkFailed."""
    command = [
        *(sys.executable, "-W", "ignore", "-m", "benchmarks.programs.random_package"),
        *(f"--num_layers={network.layers}", f"--image_size={network.pixels}", f"--classes={classes}"),
        *(f"--output={output}", *map(str, pictures)),
    ]
    run_to_end(command, clean_environment(PYTHONPATH=MODULES))


def export_onnx(bench: Bench) -> None:
    """Write the network as ONNX in both forms, unless it is there. Raises BenchmarkFailed."""
    bench.tools.install("onnx")
    if bench.onnx("int8").exists():
        return
    bench.onnx("int8").parent.mkdir(exist_ok=True)
    command = [
        *(bench.tools.program("onnx", "python"), "-m", "benchmarks.programs.onnx_export", str(bench.model)),
        *(str(bench.onnx("fp32")), f"--int8={bench.onnx('int8')}", "--pictures", *map(str, bench.calibration)),
    ]
    run_to_end(command, clean_environment(PYTHONPATH=MODULES))


def _archive(bench: Bench) -> None:
    """Pack the package for multi-model-server."""
    bench.tools.install("mms-1.1")
    store = bench.work / "store"
    if (store / f"{NAME}.mar").exists():
        return
    store.mkdir(exist_ok=True)
    content = bench.work / "archived"
    shutil.copytree(bench.model, content, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(HANDLER_OF_MMS, content)
    archiver = bench.tools.program("mms-1.1", "model-archiver")
    flags = [f"--model-name={NAME}", f"--model-path={content}", f"--export-path={store}"]
    run_to_end([archiver, *flags, f"--handler={HANDLER_OF_MMS.stem}:handle"], clean_environment())


def _needs_java(bench: Bench) -> None:
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise BenchmarkFailed("multi-model-server needs Java: there is no java in PATH (Debian: default-jre-headless).")
    _archive(bench)


def _needs_parity(bench: Bench) -> None:
    if not bench.parity.exists():
        raise BenchmarkFailed(f"there is no {bench.parity}; `make parity` installs it, or name it with --parity.")


def _needs_flask(bench: Bench) -> None:
    bench.tools.install("mms-0.4-on-1.9")


def _nothing(bench: Bench) -> None:
    pass


def _ours(parent: str, each_core: bool = False) -> Command:
    def command(bench: Bench, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        workers = [f"--workers={bench.cores}"] if each_core else []
        serve = [sys.executable, "-m", "modelarts_local", "serve", str(getattr(bench, parent)), f"--port={port}"]
        return [*serve, *workers], {"PYTHONPATH": MODULES}

    return command


def _server_of_2018(python: Callable[[Bench], str]) -> Command:
    def command(bench: Bench, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        return [python(bench), "-W", "ignore", str(SERVER_OF_2018), str(bench.model), str(port)], {}

    return command


def _mms(workers: int | None, sets_threads: bool) -> Command:
    def command(bench: Bench, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        config = folder / "config.properties"
        lines = [f"inference_address=http://{HOST}:{port}", f"management_address=http://{HOST}:{free_port()}"]
        lines += [f"default_workers_per_model={workers}"] if workers else []
        config.write_text("".join(line + "\n" for line in lines), encoding="ascii")
        server = bench.tools.program("mms-1.1", "multi-model-server")
        serve = [server, "--start", "--foreground", f"--mms-config={config}", f"--model-store={bench.work / 'store'}"]
        # the server's workers are started as `python`
        path = os.pathsep.join((str(Path(server).parent), os.environ.get("PATH", os.defpath)))
        threads = {"OMP_NUM_THREADS": str(bench.cores)} if sets_threads else {}
        return [*serve, "--models", f"{NAME}={NAME}.mar"], {"PYTHONPATH": str(ROOT), "PATH": path, **threads}

    return command


def _onnx(form: str, each_alone: bool) -> Command:
    def command(bench: Bench, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        python = bench.tools.program("onnx", "python")
        serve = [python, "-m", "benchmarks.programs.onnx_service", str(bench.onnx(form)), str(bench.model)]
        at_once = [f"--at-once={bench.cores}"] if each_alone else []
        return [*serve, f"--port={port}", *at_once], {"PYTHONPATH": MODULES}

    return command


PACKAGES = {
    "mms-0.4-on-1.9": ("mxnet-model-server", "Flask", "mxnet", "Pillow"),
    "mms-1.1": ("multi-model-server", "mxnet", "Pillow"),
    "onnx": ("onnxruntime", "starlette", "uvicorn", "Pillow"),
    "torch": ("torch",),
}


# on Python 3.6, which does not tell the versions of packages by itself
_VERSIONS_OF_2018 = """
import flask, mms.version, mxnet, PIL
print('mxnet-model-server %s, Flask %s, mxnet %s, Pillow %s' % (
    mms.version.__version__, flask.__version__, mxnet.__version__, PIL.__version__))
"""


def versions(bench: Bench, names: Sequence[str]) -> dict[str, str]:
    """What the sides of these names are made of, by the beginning of their names."""
    ours = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("mxnet", "starlette", "uvicorn", "Pillow")
    )
    used = {
        environment: bench.tools.versions(environment, packages)
        for environment, packages in PACKAGES.items()
        if bench.tools.has(environment) and any(name.startswith(environment) for name in names)
    }
    if MMS_OF_2018 in names:
        said = run_to_end([str(bench.parity), "-W", "ignore", "-c", _VERSIONS_OF_2018], clean_environment())
        used[MMS_OF_2018] = said[-1].strip()
    return {OURS: ours, **used}


_HALF = "OpenMP as MXNet sets it: a thread for every second core"
_DEFAULTS = "the defaults of ONNX Runtime, a thread a core, and of Starlette, 40 requests at once"
_ALONE = "as many requests at once as cores, a thread each"
_PREDICTIONS = f"/predictions/{NAME}"
_OF_2018 = f"/{NAME}/predict"
SIDES: Mapping[str, Side] = {
    OURS: Side(
        "modelarts-local serve on MXNet 1.9.1",
        "its defaults: one worker with an OpenMP thread a core, up to 4 requests at once",
        "/",
        _nothing,
        _ours("package"),
    ),
    "ours-workers": Side(
        "the same",
        "--workers=CORES, an OpenMP thread each",
        "/",
        _nothing,
        _ours("package", each_core=True),
    ),
    OURS_INT8: Side(
        "the same with the package of --int8-package",
        "as ours",
        "/",
        _nothing,
        _ours("int8_package"),
        is_int8=True,
    ),
    MMS_OF_2018: Side(
        "mxnet-model-server 0.4 (Flask) on MXNet 1.2.1, the platform's own engine",
        "its defaults: a thread a request, OpenMP as MXNet sets it",
        _OF_2018,
        _needs_parity,
        _server_of_2018(lambda bench: str(bench.parity)),
    ),
    "mms-0.4-on-1.9": Side(
        "mxnet-model-server 0.4 (Flask) on MXNet 1.9.1",
        f"its defaults: a thread a request; {_HALF}",
        _OF_2018,
        _needs_flask,
        _server_of_2018(lambda bench: bench.tools.program("mms-0.4-on-1.9", "python")),
    ),
    "mms-1.1": Side(
        "multi-model-server 1.1.11 (Netty) on MXNet 1.9.1",
        f"one worker; {_HALF}",
        _PREDICTIONS,
        _needs_java,
        _mms(1, sets_threads=False),
    ),
    "mms-1.1-omp": Side(
        "the same",
        "one worker, OMP_NUM_THREADS set to the cores",
        _PREDICTIONS,
        _needs_java,
        _mms(1, sets_threads=True),
    ),
    "mms-1.1-workers": Side(
        "the same",
        f"its own number of workers, one a core; {_HALF}",
        _PREDICTIONS,
        _needs_java,
        _mms(None, sets_threads=False),
    ),
    "onnx": Side("ONNX Runtime behind Starlette and uvicorn", _DEFAULTS, "/", export_onnx, _onnx("fp32", False)),
    "onnx-alone": Side("the same", _ALONE, "/", export_onnx, _onnx("fp32", True)),
    "onnx-int8": Side(
        "the same network quantized by ONNX Runtime",
        _DEFAULTS,
        "/",
        export_onnx,
        _onnx("int8", False),
        is_int8=True,
    ),
    "onnx-int8-alone": Side("the same", _ALONE, "/", export_onnx, _onnx("int8", True), is_int8=True),
}


class Forward(NamedTuple):
    """A network that is timed alone. environment: of Tools, with the Python for it; None for the project's own."""

    meaning: str
    environment: str | None
    prepare: Callable[[Bench], None]
    program: str
    network: Callable[[Bench], Path]


def _needs_torch(bench: Bench) -> None:
    if not bench.tools.has("torch"):  # which is large
        raise BenchmarkFailed(f"PyTorch is not in {bench.tools.folder}; `make bench-training` puts it there.")


def forward_speeds(forward: Forward, bench: Bench, batches: Sequence[int], seconds: float) -> dict[int, float]:
    """Time a network alone; returns images a second for each batch. Raises BenchmarkFailed."""
    python = bench.tools.program(forward.environment, "python") if forward.environment else sys.executable
    command = [
        *(python, "-W", "ignore", "-m", f"benchmarks.programs.{forward.program}", str(forward.network(bench))),
        *(f"--image_size={bench.pixels}", f"--seconds={seconds}", "--batches", *map(str, batches)),
    ]
    lines = run_to_end(command, clean_environment(PYTHONPATH=MODULES))
    found = json.loads(next(line for line in lines if line.startswith("{")))
    return {int(batch): speed for batch, speed in found.items()}


def _int8_model(bench: Bench) -> Path:
    assert bench.int8_package is not None, "the side is only there with such a package"
    return bench.int8_package / "model"


FORWARDS: Mapping[str, Forward] = {
    "mxnet": Forward(
        "MXNet 1.9.1, the graph fused by oneDNN, a thread a core", None, _nothing, "mxnet_forward", lambda b: b.model
    ),
    MXNET_INT8: Forward("the same with the package of --int8-package", None, _nothing, "mxnet_forward", _int8_model),
    "onnx-network": Forward("its defaults", "onnx", export_onnx, "onnx_forward", lambda b: b.onnx("fp32")),
    "onnx-network-int8": Forward("its defaults", "onnx", export_onnx, "onnx_forward", lambda b: b.onnx("int8")),
    "torch": Forward(
        "channels_last, weights of its own, a thread a core", "torch", _needs_torch, "torch_forward", lambda b: b.model
    ),
}
