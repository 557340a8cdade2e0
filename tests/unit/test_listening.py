"""The port of a service, before and after it listens."""

from __future__ import annotations

import asyncio
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


def test_answers_are_sent_at_once_on_connections_that_asyncio_takes_from_it() -> None:
    async def connect_once() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with reserve_port("127.0.0.1", 0) as reserved:
            start_listening(reserved)
            async with await asyncio.start_server(note, sock=reserved):
                connect(reserved.getsockname()[1]).close()
                return await asyncio.wait_for(accepted, 10)

    assert asyncio.run(connect_once()) == 1
