"""The port of a service: taken at once, opened to clients later."""

from __future__ import annotations

import errno
import socket

from ..errors import CommandLineError

BACKLOG = 128  # chosen


def reserve_port(host: str, port: int) -> socket.socket:
    """Return a socket that has the port and does not listen: clients are refused, and no other program gets the port.

    port: 0 takes a free one.

    Raises CommandLineError when the address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        try:
            return _bound(family, (str(address[0]), port), shares_address=False)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            # it may be in use by connections of an earlier service only, which are closed and wait for stray packets
            return _bound(family, (str(address[0]), port), shares_address=True)
    except OSError as error:
        raise _no_port(host, port, error) from error


def start_listening(reserved: socket.socket) -> None:
    """Let clients connect to a port of `reserve_port`. Raises CommandLineError when it was lost meanwhile."""
    # not before: two sockets that share their address and do not listen may both have it. The connections inherit it,
    # so that the next service need not wait for them
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        reserved.listen(BACKLOG)
    except OSError as error:
        host, port = reserved.getsockname()[:2]
        raise _no_port(host, port, error) from error


def _bound(family: int, address: tuple[str, int], shares_address: bool) -> socket.socket:
    # asyncio sends at once (TCP_NODELAY) on the connections of a socket that says it is TCP; else each answer on a kept
    # connection waits 40 ms for the client's acknowledgement of its head
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(shares_address))
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # one that binds after us must not share it
    except OSError:
        bound.close()
        raise
    return bound


def _no_port(host: str, port: int, error: OSError) -> CommandLineError:
    if error.errno == errno.EADDRINUSE:
        problem = f"port {port} of {host} is in use"
    else:
        problem = f"cannot listen on port {port} of {host}: {error.strerror}"
    return CommandLineError(f"{problem}. Choose another with --port; 0 takes a free one.")
