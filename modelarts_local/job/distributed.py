"""The parameter server of a distributed job: MXNet's own, ps-lite, as processes on this computer.

Scheduler and servers import MXNet and nothing of the job: with DMLC_ROLE set so, the import is their whole life. What
workers send them is an optimizer of MXNet, or of a module that lies in the job's folders.
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from .environment import HOST

_PROGRAM = """\
import sys
sys.path.append(sys.argv[1])
from mxnet_support import engine
engine.import_mxnet()
"""


def server_command(python: str, support: Path) -> list[str]:
    """Return the command of a server or a scheduler. support: the folder that holds mxnet_support."""
    return [python, "-u", "-c", _PROGRAM, str(support)]


def ports(count: int) -> list[int]:
    """Return ports of this computer that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in sockets]
