"""How `serve` starts, becomes healthy and stops."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.model_packages import START_DEADLINE_S, ServerProcess, serve_command, wait_until, write_package

# Answers when the file named by GATE exists.
GATED_HANDLER = """
import os
import time

from mms.model_service.mxnet_model_service import MXNetBaseService


class GatedService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._signature = manifest["Model"]["Signature"]

    def inference(self, data):
        open(os.environ["GATE"] + ".reached", "w").close()
        while not os.path.exists(os.environ["GATE"]):
            time.sleep(0.01)
        return {"answered": True}
"""

# Answers several at once when the file named by GATE with .many exists.
BATCHING_HANDLER = (
    GATED_HANDLER
    + """
    def inference_many(self, requests):
        open(os.environ["GATE"] + ".many.reached", "w").close()
        while not os.path.exists(os.environ["GATE"] + ".many"):
            time.sleep(0.01)
        return [{"together": len(requests)} for _ in requests]
"""
)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


@pytest.fixture
def server(tmp_path: Path, gate: Path) -> Iterator[ServerProcess]:
    parent = write_package(tmp_path / "gated", GATED_HANDLER)
    with contextlib.closing(ServerProcess(parent, tmp_path, {"GATE": str(gate)})) as running:
        yield running.wait_until_listening()
        gate.touch()


def wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.01)


def test_health_is_503_until_the_warm_up_image_is_answered(server: ServerProcess, gate: Path) -> None:
    response = server.get("/health")
    assert (response.status_code, response.json()) == (
        503,
        {"health": "warming up", "models": {"gated": {"health": "warming up"}}},
    )
    assert server.output() == ""
    gate.touch()
    server.wait_until_serving()
    assert server.get("/health").status_code == 200


def test_a_stopped_server_answers_the_requests_it_has_and_ends_with_0(server: ServerProcess, gate: Path) -> None:
    gate.touch()
    server.wait_until_serving()
    reached = gate.with_suffix(".reached")
    gate.unlink()
    reached.unlink()
    with ThreadPoolExecutor(2) as clients:
        responses = [clients.submit(server.post, files={"images": b"1"}) for _ in range(2)]
        wait_for_file(reached)
        wait_until(lambda: 'modelarts_queue_length{model="gated"} 1.0' in server.get("/metrics").text, "one waits")
        server.process.terminate()
        gate.touch()
        assert [response.result().json() for response in responses] == [{"answered": True}] * 2
    assert server.process.wait(START_DEADLINE_S) == 0


def test_a_stopped_server_finishes_batches_and_uploads_on_many_connections(tmp_path: Path, gate: Path) -> None:
    parent = write_package(tmp_path / "batching", BATCHING_HANDLER)
    many, reached = gate.with_suffix(".many"), gate.with_suffix(".reached")
    many_reached = gate.with_suffix(".many.reached")
    gate.touch()
    many.touch()
    server = ServerProcess(parent, tmp_path, {"GATE": str(gate)}, ["--max-batch=4"])
    with contextlib.closing(server), ThreadPoolExecutor(9) as clients, contextlib.ExitStack() as sockets:
        server.wait_until_serving()
        wait_for_file(many_reached)  # healthy after one picture, it warms up with a batch
        server.post(files={"images": b"1"})  # which is over when this is answered
        for path in (gate, many, many_reached, reached):
            path.unlink()
        alone = clients.submit(server.post, files={"images": b"1"})
        wait_for_file(reached)
        others = [clients.submit(server.post, files={"images": b"1"}) for _ in range(8)]
        wait_until(lambda: 'queue_length{model="batching"} 8.0' in server.get("/metrics").text, "eight wait")
        upload, *idle = [sockets.enter_context(connect(server)) for _ in range(3)]
        upload.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{")
        idle[1].sendall(b"POST / HTTP/1.1\r\n")
        wait_until(lambda: 'in_flight{model="batching"} 10.0' in server.get("/metrics").text, "an upload")
        gate.touch()
        wait_for_file(many_reached)
        server.process.terminate()
        wait_until(lambda: is_refused(server), "no new connection is taken")
        many.touch()
        upload.sendall(b'"images": "MQ=="}')
        assert alone.result().json() == {"answered": True}
        assert [other.result().json() for other in others] == [{"together": 4}] * 8
        assert b"".join(iter(lambda: upload.recv(65536), b"")).startswith(b"HTTP/1.1 200 ")
        assert [client.recv(1) for client in idle] == [b"", b""]
        assert server.process.wait(START_DEADLINE_S) == 0
        assert "Traceback" not in server.log()


def connect(server: ServerProcess) -> socket.socket:
    url = httpx.URL(server.url)
    return socket.create_connection((url.host, url.port or 0), timeout=START_DEADLINE_S)


def is_refused(server: ServerProcess) -> bool:
    try:
        connect(server).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_server_interrupted_while_it_warms_up_ends_with_0(server: ServerProcess) -> None:
    server.process.terminate()
    assert server.process.wait(START_DEADLINE_S) == 0
    assert "serving" not in server.output()


def test_a_handler_that_hangs_does_not_outlive_a_server_that_was_killed(server: ServerProcess) -> None:
    children = " ".join(path.read_text() for path in Path(f"/proc/{server.process.pid}/task").glob("*/children"))
    (handler,) = [Path("/proc", pid) for pid in children.split()]
    assert "handler_worker" in (handler / "cmdline").read_text()
    server.process.kill()
    server.process.wait()
    # one that nobody has waited for yet has no command line any more
    wait_until(lambda: not handler.exists() or not (handler / "cmdline").read_text(), "the handler's end")


def test_a_port_in_use_ends_with_code_2_and_a_sentence(tmp_path: Path, gate: Path) -> None:
    parent = write_package(tmp_path / "gated", GATED_HANDLER)
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = occupant.getsockname()[1]
        ended = subprocess.run(serve_command(str(parent), "--port", str(port)), capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (  # and no word of loading: the port is looked at first
        f"modelarts-local: port {port} of 127.0.0.1 is in use. Choose another with --port; 0 takes a free one.\n"
    )


def test_an_address_that_is_not_ours_ends_with_code_2_and_a_sentence(tmp_path: Path, gate: Path) -> None:
    parent = write_package(tmp_path / "gated", GATED_HANDLER)
    command = serve_command(str(parent), "--host", "192.0.2.1", "--port", "0")
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("modelarts-local: cannot listen on port 0 of 192.0.2.1: ")
