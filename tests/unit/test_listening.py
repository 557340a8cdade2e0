"""The port of a service, before and after it listens."""

from __future__ import annotations

import contextlib
import socket

import pytest

from modelarts_local.errors import CommandLineError
from modelarts_local.service.listening import reserve_port, start_listening


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_a_reserved_port_refuses_clients_until_it_listens() -> None:
    with reserve_port("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            connect(port)
        start_listening(reserved)
        connect(port).close()


def test_a_reserved_port_is_no_other_programs() -> None:
    with reserve_port("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(CommandLineError, match=f"^port {port} of 127.0.0.1 is in use. Choose another with --port"):
            reserve_port("127.0.0.1", port)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))


def test_a_service_that_is_started_again_at_once_has_its_port() -> None:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(reserve_port("127.0.0.1", 0))
        port = first.getsockname()[1]
        start_listening(first)
        client = stack.enter_context(connect(port))
        connection, _ = first.accept()
        connection.close()  # the side that closes first keeps the address for a minute
        assert client.recv(1) == b""
    with reserve_port("127.0.0.1", port) as again:
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
        start_listening(again)
        connect(port).close()


def test_a_host_that_has_no_address_is_told() -> None:
    with pytest.raises(CommandLineError, match=r"^cannot listen on port 0 of 192\.0\.2\.1: "):
        reserve_port("192.0.2.1", 0)
