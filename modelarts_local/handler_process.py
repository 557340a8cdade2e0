"""A package's handler in a process of its own, on the Python of the engine, seen from outside.

What goes over the socket, each a frame of handler_worker/frames.py:

    worker, once    {"event": "loaded", "inputs": [...], "engine": {...}}, or {"event": "failed", "message", "trace"}
    we              {} with one body for each input: the raw bytes of a request
    worker          {"event": "answered"} with the JSON as its body, or {"event": "failed", "status", "message", ...}
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Sequence

from obs_layout.storage import engine

from .errors import HandlerDied, HandlerError, HandlerLoadError, HandlerTooSlow
from .handler_worker import frames
from .package.model_package import SERVICE_FILE, ModelPackage

WORKER_FOLDER = Path(__file__).resolve().parent / "handler_worker"
LOAD_LIMIT_S = 300.0  # chosen: a large network from a slow disk
# A service on the platform gets none of the keys that its owner uses, and a package's Python is a stranger's
_SECRETS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
    "ACCESS_KEY_ID",
    "SECRET_ACCESS_KEY",
    "SECURITY_TOKEN",
    "MODELARTS_TOKEN",
    "MODELARTS_APP_CODE",
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
)


class Loaded(NamedTuple):
    """What a handler said of itself once it was loaded.

    inputs: [{"data_name": ..., "data_shape": [...]}] in the order in which it gets the images.
    engine: versions of "mxnet" and "python", and where "base_class" came from.
    """

    inputs: list[dict[str, Any]]
    engine: dict[str, str]

    @property
    def input_names(self) -> list[str]:
        """The fields that a request carries."""
        return [str(spec["data_name"]) for spec in self.inputs]


class HandlerProcess:
    """Starts a handler's process; `wait_until_loaded` comes first, then `answer` as often as wanted.

    Not for two threads at once: the handler answers one request after the other.

    package: what is loaded. signature: what the handler gets as manifest['Model']['Signature'].
    python: path of the Python that has MXNet.
    memory_limit_bytes: of the process's address space, None without a limit.
    output: where the handler's own output goes, as subprocess takes it; None is this process's standard error.
    """

    def __init__(
        self,
        package: ModelPackage,
        signature: Mapping[str, Any],
        python: str = sys.executable,
        memory_limit_bytes: int | None = None,
        output: Any = None,
    ) -> None:
        self._connection, theirs = socket.socketpair()
        command = [
            python,
            "-u",
            "-W",
            "ignore::DeprecationWarning",
            str(WORKER_FOLDER),
            f"--channel={theirs.fileno()}",
            f"--prefix={package.prefix}",
            f"--signature={json.dumps(dict(signature))}",
            f"--support={Path(engine.__file__).resolve().parents[1]}",
            f"--memory-limit={memory_limit_bytes or 0}",
            package.model_dir,
        ]
        self._process = subprocess.Popen(
            command,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if output is None else output,
            stderr=sys.stderr if output is None else output,
            env=handler_environment(os.environ),
            start_new_session=True,  # a handler's own children end with it, and Ctrl-C is for us alone
        )
        theirs.close()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def wait_until_loaded(self, limit_s: float = LOAD_LIMIT_S) -> Loaded:
        """Return what the handler says of itself.

        Raises HandlerLoadError, with the place in the handler where there is one, when it does not load, ends its
        process, or takes more than limit_s seconds; the process is gone then.
        """
        try:
            head, _ = self._receive(limit_s, "load")
        except HandlerError as error:
            raise HandlerLoadError(f"{error}, while it was loaded") from error
        if head["event"] != "loaded":
            self.close()
            raise HandlerLoadError(str(head["message"]), str(head.get("trace", "")))
        return Loaded(list(head["inputs"]), dict(head["engine"]))

    def answer(self, images: Sequence[bytes], limit_s: float | None = None) -> bytes:
        """Return the handler's answer to one request as JSON.

        images: the raw bytes of each input, in the order of `Loaded.inputs`.

        Raises HandlerError when the handler raises, HandlerDied when its process ends, HandlerTooSlow after limit_s
        seconds. After the last two the process is gone.
        """
        try:
            self._connection.settimeout(limit_s)
            frames.send_frame(self._connection, {}, images)
        except socket.timeout:
            self.close()
            raise HandlerTooSlow(_too_slow("read a request", limit_s)) from None
        except OSError:
            raise self._died() from None
        head, bodies = self._receive(limit_s, "answer")
        if head["event"] != "answered":
            raise HandlerError(str(head["message"]), int(head["status"]), str(head.get("trace", "")))
        return bodies[0]

    def close(self) -> None:
        """End the process, and all that it started, whatever it is doing."""
        self._connection.close()
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait()

    def __enter__(self) -> HandlerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self, limit_s: float | None, task: str) -> tuple[dict[str, Any], list[bytes]]:
        self._connection.settimeout(limit_s)
        try:
            frame = frames.receive_frame(self._connection)
        except socket.timeout:
            self.close()
            raise HandlerTooSlow(_too_slow(task, limit_s)) from None
        except (OSError, frames.BrokenFrame):
            raise self._died() from None
        if frame is None:
            raise self._died()
        return frame

    def _died(self) -> HandlerDied:
        self.close()
        return HandlerDied(f"the process of {SERVICE_FILE} ended: {describe_exit(self._process.returncode)}")


def handler_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a handler: that of this process without keys and tokens."""
    return {name: value for name, value in environ.items() if name.upper() not in _SECRETS}


def describe_exit(returncode: int) -> str:
    """Return how a process ended, from subprocess's return code: negative for a signal."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    hint = "; the system ends a process so that takes too much memory" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def _too_slow(task: str, limit_s: float | None) -> str:
    return f"{SERVICE_FILE} did not {task} within {limit_s:g} s; its process was ended"
