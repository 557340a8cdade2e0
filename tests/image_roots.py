"""Builds the custom images as folders, by their own Dockerfiles, and runs programs in them, without a container engine.

debootstrap makes what the Dockerfile's base is made of, Debian's packages; each instruction is then done as a builder
does it, RUN with the folder as its root. What is not the same: the base is today's Debian 12 and not that of the tag,
pip gets its packages from a folder, into which this machine's own pip has brought them, and the kernel's limits on a
container are not there. Roots lie in build/images, named by what went into them, and are used again while that is the
same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "images"
ENTER = ROOT / "tests" / "programs" / "enter_root.py"
PACKAGES = ROOT / "constraints" / "images.txt"
MIRROR = "http://deb.debian.org"
SUITE = "bookworm"
STEP_TIMEOUT_S = 900
# What a builder gives each RUN, and an engine each program
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
WHEELS_INSIDE = "/mnt"
# Debian's official slim images leave these out
LEFT_OUT = ("doc", "info", "locale", "man")


class Instruction(NamedTuple):
    """One line of a Dockerfile. name: in capitals, as it is written; text: what follows it."""

    name: str
    text: str


def instructions(dockerfile: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile that has each on one line."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.startswith("#")]
    return [Instruction(*line.split(maxsplit=1)) for line in lines]


def why_not() -> str:
    """Return the sentence that says why no root can be made here; empty where it can."""
    tried = subprocess.run([str(ROOT / "tools" / "can-make-roots")], capture_output=True, text=True)
    return "" if tried.returncode == 0 else tried.stderr.strip()


class Image:
    """An image as a folder. root: the folder. user, folder, environment, command, ports: as its Dockerfile says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.user = (0, 0)
        self.folder = "/"
        self.environment = dict(ENVIRONMENT)
        self.command: list[str] = []
        self.ports: list[int] = []

    def start(
        self, *command: str, environment: dict[str, str] | None = None, user: tuple[int, int] | None = None
    ) -> subprocess.Popen[str]:
        """Start a program in the image, by default its own, without a network but loopback.

        The process that is returned ends when the program does; standard output and standard error are pipes.
        """
        told = self._told(command or tuple(self.command), {**(environment or {})}, user or self.user, {}, True)
        return _entered(told, "--net", stderr=subprocess.PIPE)

    def run(self, *command: str, **options: dict[str, str] | None) -> subprocess.CompletedProcess[str]:
        """Run a program in the image to its end; options: those of `start`."""
        program = self.start(*command, **options)  # type: ignore[arg-type]
        try:
            output, errors = program.communicate(timeout=STEP_TIMEOUT_S)
        finally:
            end(program)
        return subprocess.CompletedProcess(command, program.returncode, output, errors)

    def build_step(self, command: str) -> None:
        """Do a RUN, with this machine's network. Raises RuntimeError with the end of what it said."""
        pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS_INSIDE}
        binds = {"/etc/resolv.conf": "/etc/resolv.conf", str(_wheels()): WHEELS_INSIDE}
        step = _entered(self._told(("sh", "-c", command), pip, (0, 0), binds, False), stderr=subprocess.STDOUT)
        try:
            output, _ = step.communicate(timeout=STEP_TIMEOUT_S)
        finally:
            end(step)
        if step.returncode != 0:
            raise RuntimeError(f"RUN {command} ended with {step.returncode}: {output[-3000:]}")

    def _told(
        self,
        command: tuple[str, ...],
        environment: dict[str, str],
        user: tuple[int, int],
        binds: dict[str, str],
        loopback: bool,
    ) -> str:
        home = {"HOME": "/home/ma-user"} if user[0] else {}
        told = {
            "root": str(self.root),
            "command": command,
            "user": user,
            "folder": self.folder,
            "environment": {**self.environment, **home, **environment},
            "binds": binds,
            "loopback": loopback,
        }
        return json.dumps(told)


def program_of(started: subprocess.Popen[str]) -> int | None:
    """Return the id of the program itself, the only child of what `start` returns; None when it has ended."""
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
    return int(children.read_text()) if started.poll() is None and children.read_text() else None


def end(started: subprocess.Popen[str]) -> None:
    """End a program that `start` has started, at once, with all that it has started; the kernel sees to the latter."""
    program = program_of(started)
    if program is not None:
        os.kill(program, signal.SIGKILL)
    started.wait()
    for pipe in (started.stdout, started.stderr):
        if pipe is not None:
            pipe.close()


def _entered(told: str, *flags: str, stderr: int) -> subprocess.Popen[str]:
    command = ["unshare", "--mount", "--pid", *flags, "--fork", sys.executable, str(ENTER), told]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True)


@contextlib.contextmanager
def built(context: Path) -> Iterator[Image]:
    """Yield the image of a folder that make-context has written; its root lies in build/images and is removed."""
    lines = instructions((context / "Dockerfile").read_text(encoding="utf-8"))
    last_run = max(number for number, line in enumerate(lines) if line.name == "RUN") + 1
    folder = CACHE / f"image-{os.getpid()}-{context.parent.name}"
    try:
        # links take no room and no time: what runs in an image has no right to write the files of its root
        _quietly("cp", "-al", _layer(context, lines[:last_run]), folder)
        image = Image(folder)
        for line in lines:
            _apply(line, context, image, is_done=line in lines[:last_run])
        yield image
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _layer(context: Path, lines: list[Instruction]) -> Path:
    """Return the root after these instructions, made only where no earlier run has made it."""
    made_of = hashlib.sha256()
    for line in lines:
        made_of.update(repr(line).encode())
        for path in sorted((context / line.text.split()[0]).rglob("*")) if line.name == "COPY" else ():
            made_of.update(f"{path.relative_to(context)} {path.stat().st_mode}".encode())
            made_of.update(path.read_bytes() if path.is_file() else b"")
    layer = CACHE / f"root-{made_of.hexdigest()[:16]}"
    if not layer.exists():
        part = layer.with_suffix(f".{os.getpid()}.part")
        try:
            _copy_root(_base(), part)
            image = Image(part)
            for line in lines:
                _apply(line, context, image, is_done=False)
            _take_name(part, layer)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return layer


def _apply(line: Instruction, context: Path, image: Image, is_done: bool) -> None:
    """Do an instruction. is_done: the root has what it does to files."""
    if line.name == "RUN" and not is_done:
        image.build_step(line.text)
    elif line.name == "COPY" and not is_done:
        source, target = line.text.split()
        copy = ["cp", "-R", f"{context / source}/.", f"{image.root}{target}"]
        (image.root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
        subprocess.run(copy, check=True)
    elif line.name == "ENV":
        name, _, value = line.text.partition("=")
        image.environment[name] = value
    elif line.name == "USER":
        uid, gid = map(int, line.text.split(":"))
        image.user = (uid, gid)
    elif line.name == "WORKDIR":
        image.folder = line.text
    elif line.name == "EXPOSE":
        image.ports.append(int(line.text))
    elif line.name == "CMD":
        image.command = json.loads(line.text)
    elif line.name not in ("FROM", "ARG", "RUN", "COPY"):
        raise ValueError(f"{line.name} is an instruction that the tests do not know")


def _base() -> Path:
    """Return a root with Debian's essential packages, as the base of both images has it."""
    base = CACHE / f"debian-{SUITE}"
    if not base.exists():
        part = base.with_suffix(f".{os.getpid()}.part")
        archive = CACHE / "debs"
        archive.mkdir(parents=True, exist_ok=True)
        try:
            _quietly("debootstrap", "--variant=minbase", f"--cache-dir={archive}", SUITE, part, f"{MIRROR}/debian")
            shutil.rmtree(part / "var/cache/apt/archives")
            excluded = "".join(f"path-exclude /usr/share/{name}/*\n" for name in LEFT_OUT)
            (part / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded + "force-unsafe-io\n")
            for name in LEFT_OUT:
                shutil.rmtree(part / "usr/share" / name)
            with open(part / "etc/apt/sources.list", "a") as sources:
                sources.write(f"deb {MIRROR}/debian-security {SUITE}-security main\n")
            _take_name(part, base)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return base


def _wheels() -> Path:
    """Return a folder with the packages of both images, brought by this machine's pip, as it is set up here."""
    wheels = CACHE / f"wheels-{hashlib.sha256(PACKAGES.read_bytes()).hexdigest()[:16]}"
    if not wheels.exists():
        part = wheels.with_suffix(f".{os.getpid()}.part")
        platforms = [f"--platform=manylinux{tag}_x86_64" for tag in ("_2_28", "_2_17", "2014", "2010", "1")]
        python = ("--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none")
        download = (sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", *platforms, *python)
        try:
            _quietly(*download, "--requirement", PACKAGES, "--dest", part)
            _take_name(part, wheels)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return wheels


def _copy_root(root: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    _quietly("cp", "-a", root, copy)


def _take_name(part: Path, final: Path) -> None:
    with contextlib.suppress(OSError):  # another run has made the same meanwhile
        part.rename(final)


def _quietly(*command: str | Path) -> None:
    """Run a program. Raises RuntimeError with the end of what it said."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=STEP_TIMEOUT_S)
    if done.returncode != 0:
        shown = shlex.join(map(str, command[:2]))
        raise RuntimeError(f"{shown} ... ended with {done.returncode}: {done.stdout[-3000:]}")
