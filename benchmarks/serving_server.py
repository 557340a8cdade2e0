"""A service that is measured: started, waited for, asked, and ended with all its processes."""

from __future__ import annotations

import http.client
import json
import random
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Sequence

from benchmarks.failures import BenchmarkFailed
from benchmarks.http_load import OK, Service, answer_in, ask_once
from benchmarks.watched_program import WatchedProgram

HOST = "127.0.0.1"
# multi-model-server takes none above 32767; Linux gives these to nobody by itself
PORTS = range(20000, 32000)
START_LIMIT_S = 180.0
ANSWER_LIMIT_S = 60.0
END_LIMIT_S = 10.0  # in which a server that is asked to end does; after it, it is killed
LIFE_LIMIT_S = 3600.0
ASK_EVERY_S = 0.05  # while it starts
WATCH_EVERY_S = 2.0  # seldom, because a look at all threads of a server costs time; a process keeps its own peak


class Start(NamedTuple):
    """How a service is started. folder: the one it runs in, which is its own and holds its temporary files."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


class RunningServer:
    """A service that runs until the block is left. start_s: from the start of its process to its first answer.

    Entering waits for that answer; raises BenchmarkFailed when none comes.
    """

    def __init__(self, start: Start, service: Service, picture: Path) -> None:
        self.service = service
        self.start_s = 0.0
        self._picture = picture.read_bytes()
        self._program = WatchedProgram(
            start.command, start.environment, LIFE_LIMIT_S, folder=start.folder, watch_every_s=WATCH_EVERY_S
        )

    def __enter__(self) -> RunningServer:
        self._program.__enter__()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._wait_for_answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._program.stop_all()
        self._reader.join(END_LIMIT_S)
        self._program.__exit__()

    def _read(self) -> None:
        for _ in self._program:  # else it would wait for somebody to read what it says
            pass

    def _wait_for_answer(self) -> None:
        said = "nothing"
        while self._program.seconds < START_LIMIT_S:
            if not self._reader.is_alive():
                raise self._program.failure()
            try:
                status, body = ask_once(self.service, self._picture, ANSWER_LIMIT_S)
                if status == OK:
                    answer_in(body)
                    self.start_s = self._program.seconds
                    return
                said = f"status {status}: {body[:300]!r}"
            except (OSError, http.client.HTTPException) as error:
                said = f"{type(error).__name__}: {error}"
            except ValueError as error:
                raise BenchmarkFailed(f"{self.url}: {error}") from error
            time.sleep(ASK_EVERY_S)
        raise BenchmarkFailed(f"{self.url} did not answer within {START_LIMIT_S:g} s of its start; at last: {said}")

    @property
    def url(self) -> str:
        """Where predictions are asked for."""
        return f"http://{self.service.host}:{self.service.port}{self.service.path}"

    @property
    def pid(self) -> int:
        """Of its first process."""
        return self._program.pid

    @property
    def peak_bytes(self) -> int:
        """The most memory that its processes have held so far, added up."""
        self._program.look()
        return self._program.peak_bytes

    def answers(self, pictures: Sequence[Path]) -> list[dict[str, Any]]:
        """Ask for the pictures one after the other. Raises BenchmarkFailed for what is no answer."""
        found = []
        for path in pictures:
            try:
                status, body = ask_once(self.service, path.read_bytes(), ANSWER_LIMIT_S)
                if status != OK:
                    raise ValueError(f"status {status}: {body[:300]!r}")
                found.append(answer_in(body))
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise BenchmarkFailed(f"{self.url}, asked for {path.name}: {error}") from error
        return found

    def load(
        self,
        pictures: Sequence[Path],
        connections: int,
        warm_up_s: float,
        seconds: float,
        environment: Mapping[str, str],
        rate: float = float("inf"),
    ) -> dict[str, Any]:
        """Put it under load from a process of its own; returns what http_load tells. Raises BenchmarkFailed."""
        command = [
            *(sys.executable, "-m", "benchmarks.http_load", self.url),
            *(f"--field={self.service.field}", f"--connections={connections}", f"--server={self.pid}"),
            *(f"--warm-up={warm_up_s}", f"--seconds={seconds}", f"--rate={rate}"),
            *("--pictures", *map(str, pictures)),
        ]
        limit_s = warm_up_s + seconds + ANSWER_LIMIT_S
        with WatchedProgram(command, environment, limit_s, watch_every_s=WATCH_EVERY_S) as client:
            lines = [line for line in client if line.startswith("{")]
            if not (client.succeeded and lines):
                raise client.failure()
            return dict(json.loads(lines[-1]))


def free_port() -> int:
    """A port of this machine that nothing listens on now, one of PORTS."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise BenchmarkFailed(f"no port of {PORTS[0]} to {PORTS[-1]} is free.")
