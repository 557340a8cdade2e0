"""A `modelarts-local serve` in a process of its own, for measurements."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any

from benchmarks.failures import BenchmarkFailed

END_LIMIT_S = 60
LAST_LINES = 20


class ServedPackage:
    """A package that is served and warm until the block is left. fields: those that its handler reads."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self.fields: list[str] = []

    def __enter__(self) -> ServedPackage:
        self._log: IO[str] = tempfile.TemporaryFile("w+")
        command = [sys.executable, "-m", "modelarts_local", "serve", "--no-check", "--port", "0", str(self._parent)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            self._process.wait()
            raise BenchmarkFailed(f"`modelarts-local serve {self._parent}` did not start: {self.log()[-2000:]}")
        self._url = said.split()[-1]
        with urllib.request.urlopen(self._url) as answer:
            self.fields = json.load(answer)["fields"]
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.terminate()
        try:
            self._process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    @property
    def pid(self) -> int:
        """Number of the server's process; the handler's is its child."""
        return self._process.pid

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        url = urllib.parse.urlsplit(self._url)
        return str(url.hostname), int(url.port or 0)

    def log(self) -> str:
        """Return all that it has logged so far."""
        self._log.seek(0)
        return self._log.read()
