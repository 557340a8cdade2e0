"""The commands of a document, found and run as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.fixtures_engines import ROOT
from tests.model_packages import ServerProcess

# Words that a command of ours begins with; `make` and `export` are tried elsewhere, or are for the reader's shell
PROGRAMS = "obs-layout|python|modelarts-local|curl"
HOME_SERVICE = "http://127.0.0.1:8080"
TIMEOUT_S = 300


def commands_of(markdown: str, programs: str = PROGRAMS) -> list[str]:
    """The commands in a document's indented blocks, lines that end in a backslash joined."""
    joined = re.sub(r"\\\n +", "", markdown)
    return re.findall(rf"^    ((?:{programs}) .*)$", joined, re.MULTILINE)


def run_command(command: str, desk: Path) -> str:
    """Run one in the folder `desk`, with a folder for jobs of its own there; returns what it prints."""
    return run_program(command, desk).stdout


def run_program(command: str, desk: Path, expected_code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run one likewise; returns all that it leaves. Fails when it ends with another exit code."""
    done = subprocess.run(
        shlex.split(command),
        cwd=desk,
        env={
            **os.environ,
            "MODELARTS_LOCAL_HOME": str(desk / "home"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),  # for `python -m benchmarks...`, which readers start in the project's folder
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == expected_code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


class Walk:
    """A reader who types one command after the other in `desk`.

    A service stays up until the next one is started or the walk ends, on a port of its own, where the commands that
    mean HOME_SERVICE then ask.
    """

    def __init__(self, desk: Path, bucket: str) -> None:
        self.desk = desk
        self._bucket = bucket
        self._server: ServerProcess | None = None

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_service()

    def type(self, command: str) -> str:
        """Run a command of the document, trainings for fewer epochs; returns what it prints, nothing for a service."""
        command = re.sub(r"\b(num.epochs)=\d+", r"\1=1", command).replace("my-bucket", self._bucket)
        if command.startswith("modelarts-local serve "):
            self._end_service()
            parent, *flags = shlex.split(command)[2:]
            self._server = ServerProcess(parent, self.desk, flags=flags, cwd=self.desk).wait_until_serving()
            return ""
        if self._server is not None:
            if command.startswith("modelarts-local predict ") and "--url" not in command:
                command += f" --url={HOME_SERVICE}"
            command = command.replace(HOME_SERVICE, self._server.url)
        return run_command(command, self.desk)

    def _end_service(self) -> None:
        if self._server is not None:
            self._server.process.terminate()
            self._server.process.wait()
            self._server = None


def new_desk(folder: Path, images: Path) -> Path:
    """Put into `folder` what a reader has: the pictures, codes/ and a picture to ask about; returns it."""
    (folder / "path" / "to").mkdir(parents=True)
    (folder / "path" / "to" / "101_ObjectCategories").symlink_to(images)
    (folder / "codes").symlink_to(ROOT / "codes")
    (folder / "cat.jpg").symlink_to(images / "key" / "image_0004.jpg")
    return folder
