"""A package's handler in a process of its own, on the Python of the engine, seen from outside.

What goes over the socket, each a frame of handler_worker/frames.py:

    worker, once    {"event": "loaded", "inputs": [...], "engine": {...}, "takes_many": true or false},
                    or {"event": "failed", "message", "trace"}
    we              {"requests": N} with one body for each input of each of the N requests: its raw bytes
    worker          {"answers": [...]} with a body for each: the JSON where it is {"event": "answered"}, and nothing
                    where it is {"event": "failed", "status", "message", "trace"}
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from obs_layout.storage import LEAVES_FOLDER

from .errors import HandlerDied, HandlerError, HandlerLoadError, HandlerTooSlow
from .handler_stack import WAIT_S, as_trace, innermost_place, read_stack
from .handler_worker import frames
from .package.model_package import SERVICE_FILE, ModelPackage

WORKER_FOLDER = Path(__file__).resolve().parent / "handler_worker"
LOAD_LIMIT_S = 300.0  # chosen: a large network from a slow disk
ENDING_LIMIT_S = WAIT_S + 0.5  # in which one that took too long has told where it hangs, and is gone
STACK_SIGNAL = signal.SIGUSR1  # on which the worker writes its stack
# A service on the platform gets none of the keys that its owner uses, and a package's Python is a stranger's: what is
# called like a key stays here, for S3, OBS, IAM, AppCodes and whatever else this process was given
_SECRET = re.compile(
    r"SECRET|PASSW(OR)?D|CREDENTIAL|ACCESS_?KEY|API_?KEY|APP_?KEY|APP_?CODE|PRIVATE_?KEY|(^|_)(TOKEN|AK|SK|PAT)$"
)


class Loaded(NamedTuple):
    """What a handler said of itself once it was loaded.

    inputs: [{"data_name": ..., "data_shape": [...]}] in the order in which it gets the images.
    engine: versions of "mxnet" and "python", and where "base_class" came from.
    takes_many: whether it answers several requests at once faster than one after the other.
    """

    inputs: list[dict[str, Any]]
    engine: dict[str, str]
    takes_many: bool = False

    @property
    def input_names(self) -> list[str]:
        """The fields that a request carries."""
        return [str(spec["data_name"]) for spec in self.inputs]


class HandlerProcess:
    """Starts a handler's process; `wait_until_loaded` comes first, then `answers` as often as wanted.

    Not for two threads at once.

    package: what is loaded. signature: what the handler gets as manifest['Model']['Signature'].
    python: path of the Python that has MXNet.
    memory_limit_bytes: of the process's address space, None without a limit.
    num_threads: of OpenMP, unless the environment sets them; None for all physical cores.
    output: where the handler's own output goes, as subprocess takes it; None is this process's standard error.
    on_end: called from a thread of ours, with how it ended, when the process ends and nobody has closed it.
    """

    def __init__(
        self,
        package: ModelPackage,
        signature: Mapping[str, Any],
        python: str = sys.executable,
        memory_limit_bytes: int | None = None,
        output: Any = None,
        num_threads: int | None = None,
        on_end: Callable[[HandlerProcess, str], None] | None = None,
    ) -> None:
        self._connection, theirs = socket.socketpair()
        read_end, their_pipe = os.pipe()
        self._stack_pipe: int | None = read_end
        self._model_dir = package.model_dir
        command = [
            python,
            "-u",
            "-W",
            "ignore::DeprecationWarning",
            str(WORKER_FOLDER),
            f"--channel={theirs.fileno()}",
            f"--stack-pipe={their_pipe}",
            f"--prefix={package.prefix}",
            f"--signature={json.dumps(dict(signature))}",
            f"--support={LEAVES_FOLDER}",
            f"--memory-limit={memory_limit_bytes or 0}",
            package.model_dir,
        ]
        self._process = subprocess.Popen(
            command,
            pass_fds=(theirs.fileno(), their_pipe),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if output is None else output,
            stderr=sys.stderr if output is None else output,
            env=handler_environment(os.environ, num_threads),
            start_new_session=True,  # a handler's own children end with it, and Ctrl-C is for us alone
        )
        theirs.close()
        os.close(their_pipe)
        self._on_end = on_end
        self._is_closed = False
        self._ending = threading.Lock()
        self._has_ended = False
        threading.Thread(target=self._watch, name="handler-watch", daemon=True).start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def wait_until_loaded(self, limit_s: float = LOAD_LIMIT_S) -> Loaded:
        """Return what the handler says of itself.

        Raises HandlerLoadError, with the place in the handler where there is one, when it does not load, ends its
        process, or takes more than limit_s seconds; the process is gone then. Where it hangs takes a second to ask for.
        """
        try:
            self._connection.settimeout(limit_s)
            head, _ = self._receive()
        except socket.timeout:
            message, trace = self._end_the_slow("load", limit_s)
            raise HandlerLoadError(message, trace) from None
        except HandlerDied as error:
            raise HandlerLoadError(f"{error}, while it was loaded") from error
        if head["event"] != "loaded":
            self.close()
            raise HandlerLoadError(str(head["message"]), str(head.get("trace", "")))
        return Loaded(list(head["inputs"]), dict(head["engine"]), bool(head.get("takes_many")))

    def answer(self, images: Sequence[bytes], limit_s: float | None = None) -> bytes:
        """Return the handler's answer to one request as JSON; raises as `answers`, and HandlerError."""
        (answer,) = self.answers([images], limit_s)
        if isinstance(answer, HandlerError):
            raise answer
        return answer

    def answers(self, requests: Sequence[Sequence[bytes]], limit_s: float | None = None) -> list[bytes | HandlerError]:
        """Return for each request the handler's answer as JSON, or what it raised.

        requests: of each the raw bytes of its inputs, in the order of `Loaded.inputs`.

        Raises HandlerDied when the process ends, HandlerTooSlow after limit_s seconds for all of them. After these the
        process is gone.
        """
        deadline = None if limit_s is None else time.monotonic() + limit_s
        try:
            self._send(requests, limit_s)
            self._connection.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
            head, bodies = self._receive()
        except socket.timeout:
            message, trace = self._end_the_slow("answer", limit_s)
            raise HandlerTooSlow(message, trace) from None
        return [
            body
            if one["event"] == "answered"
            else HandlerError(str(one["message"]), int(one["status"]), str(one.get("trace", "")))
            for one, body in zip(head["answers"], bodies)
        ]

    def resident_bytes(self) -> int | None:
        """Return how much memory the process has, None where the system does not tell or it has ended."""
        try:
            with open(f"/proc/{self.pid}/statm", encoding="ascii") as stream:
                pages = int(stream.read().split()[1])
        except OSError:
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")

    def how_it_ended(self) -> str | None:
        """Return how the process ended, None while it runs."""
        returncode = self._process.poll()
        return None if returncode is None else f"the process of {SERVICE_FILE} ended: {describe_exit(returncode)}"

    def close(self) -> None:
        """End the process, and all that it started, whatever it is doing."""
        self._is_closed = True
        self._end()
        self._connection.close()
        with self._ending:
            if self._stack_pipe is not None:
                os.close(self._stack_pipe)
                self._stack_pipe = None

    def __enter__(self) -> HandlerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end_the_slow(self, task: str, limit_s: float | None) -> tuple[str, str]:
        """End the process that took too long; returns what is said of it, and its stack."""
        self._is_closed = True  # one that does not know the signal yet ends by it, and nobody is to be told of that
        stack = self._stack()
        self.close()
        place = innermost_place(stack, self._model_dir)
        where = f" at {place}" if place else ""
        return f"{SERVICE_FILE} did not {task} within {limit_s or 0:g} s; its process was ended{where}", as_trace(stack)

    def _stack(self) -> str:
        """Return the stack of the handler's thread as faulthandler writes it; empty when the process gives none."""
        with self._ending:
            if self._has_ended or self._stack_pipe is None:
                return ""
            with contextlib.suppress(ProcessLookupError, PermissionError):
                self._process.send_signal(STACK_SIGNAL)
            return read_stack(self._stack_pipe)

    def _send(self, requests: Sequence[Sequence[bytes]], limit_s: float | None) -> None:
        bodies = [image for images in requests for image in images]
        try:
            self._connection.settimeout(limit_s)
            frames.send_frame(self._connection, {"requests": len(requests)}, bodies)
        except socket.timeout:
            raise
        except OSError:
            self.close()
            raise HandlerDied(str(self.how_it_ended())) from None

    def _receive(self) -> tuple[dict[str, Any], list[bytes]]:
        try:
            frame = frames.receive_frame(self._connection)
        except socket.timeout:
            raise
        except frames.BrokenFrame as error:
            self.close()
            raise HandlerDied(f"the process of {SERVICE_FILE} wrote into our socket and was ended: {error}") from error
        except OSError:
            frame = None
        if frame is None:
            self.close()
            raise HandlerDied(str(self.how_it_ended()))
        return frame

    def _watch(self) -> None:
        self._process.wait()
        was_closed = self._is_closed
        self._end()
        if self._on_end is not None and not was_closed:
            self._on_end(self, str(self.how_it_ended()))

    def _end(self) -> None:
        with self._ending:
            if self._has_ended:
                return  # the number of a process that ended long ago may be that of another one
            self._has_ended = True
            # what the handler has started belongs to its group, which outlives it
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
            self._process.wait()
            # a child that has left the group may hold its side of the socket open: whoever reads ours must wake up
            try:
                self._connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def handler_environment(environ: Mapping[str, str], num_threads: int | None = None) -> dict[str, str]:
    """Return the environment for a handler: that of this process without keys and tokens.

    num_threads: of OpenMP, where `environ` does not set them; None leaves them to mxnet_support.
    """
    environment = {name: value for name, value in environ.items() if not _SECRET.search(name.upper())}
    if num_threads is not None:
        environment.setdefault("OMP_NUM_THREADS", str(num_threads))
    return environment


def describe_exit(returncode: int) -> str:
    """Return how a process ended, from subprocess's return code: negative for a signal."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    hint = "; the system ends a process so when memory runs out" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"
