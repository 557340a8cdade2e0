"""The client that puts services under load: what it sends, counts and measures."""

from __future__ import annotations

import asyncio
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import client_usage
from benchmarks.http_load import Service, ask_once, cpu_of_tree, load
from benchmarks.peers import ROOT
from tests.scripted_server import Answer, Request, ScriptedServer

CAT, DOG = b"\xff\xd8 a cat \xff\xd9", b"\xff\xd8 a dog \xff\xd9"
BURN = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\n"


class KeepsConnections(http.server.BaseHTTPRequestHandler):
    """Names what is on the picture, and keeps the connection as HTTP/1.1 does."""

    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_POST(self) -> None:
        label = "cat" if CAT in self.rfile.read(int(self.headers["Content-Length"])) else "dog"
        body = json.dumps({"predicted_label": label}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def keeping_port() -> Iterator[int]:
    """The port of a server that keeps its connections."""
    KeepsConnections.connections = 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeepsConnections)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def put_under_load(port: int, connections: int = 2, seconds: float = 0.3) -> dict[str, Any]:
    service = Service("127.0.0.1", port, "/", "images")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as idle:
        found = asyncio.run(load(service, [CAT, DOG], connections, 0.05, seconds, idle.pid))
        idle.kill()
    return found


def test_connections_are_kept_and_every_answer_is_counted_by_picture(keeping_port: int) -> None:
    found = put_under_load(keeping_port)
    assert KeepsConnections.connections == 2
    assert found["closed"] == 0
    assert list(found["labels"][0]) == ["cat"]
    assert list(found["labels"][1]) == ["dog"]
    answers = sum(sum(labels.values()) for labels in found["labels"].values())
    assert len(found["latencies_s"]) == answers > 2
    assert found["refused"] == {}
    assert found["seconds"] >= 0.3
    assert found["client_cpu_s"] > 0


def test_a_server_that_closes_after_each_answer_is_asked_on_new_connections() -> None:
    body = json.dumps({"prediction": {"predicted_label": "cat"}}).encode()
    with ScriptedServer(lambda request: Answer(200, body, {"Connection": "close"})).running() as server:
        found = put_under_load(server.port)
        assert found["closed"] >= len(found["latencies_s"]) > 0
        assert set(found["labels"][0]) == {"cat"}


def test_refusals_are_counted_by_status_and_are_no_answers() -> None:
    with ScriptedServer(lambda request: Answer(503, b"{}")).running() as server:
        found = put_under_load(server.port)
    assert list(found["refused"]) == [503]
    assert found["latencies_s"] == []


def test_a_picture_is_sent_as_the_file_of_a_form() -> None:
    with ScriptedServer(lambda request: Answer(200, b"{}")).running() as server:
        assert ask_once(Service("127.0.0.1", server.port, "/v1", "images"), CAT, 10) == (200, b"{}")
        sent: Request = server.requests[0]
    assert (sent.method, sent.path) == ("POST", "/v1")
    assert sent.headers["Content-Type"].startswith("multipart/form-data; boundary=")  # type: ignore[index]
    assert b'Content-Disposition: form-data; name="images"; filename="picture.jpg"\r\n' in sent.body
    assert b"Content-Type: image/jpeg\r\n\r\n" + CAT + b"\r\n--" in sent.body


def test_a_server_that_breaks_off_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(CAT)
    script = Answer(200, b"x" * 1000, {}, cut_after=10)
    with ScriptedServer(lambda request: script).running() as server:
        flags = ["--field=images", "--connections=1", "--warm-up=0", "--seconds=1", "--server=1"]
        command = [sys.executable, "-m", "benchmarks.http_load", server.url, *flags]
        done = subprocess.run(
            [*command, "--pictures", str(tmp_path / "cat.jpg")], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{server.url} broke off: IncompleteReadError: ")
    assert done.stdout == ""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc; run on Linux")
def test_the_processor_time_of_a_tree_is_that_of_children_too() -> None:
    script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "done\n"
        with subprocess.Popen([sys.executable, "-c", BURN + "input()"], stdin=subprocess.PIPE) as stranger:
            assert cpu_of_tree(parent.pid) >= 0.29
            assert cpu_of_tree(stranger.pid) < 5
            stranger.kill()
        parent.kill()
    assert client_usage.cpu_of(parent.pid) == 0
