"""A handler whose process ends is told from its request to /health, and started again."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelarts_local.service.served_model import RestartPolicy
from tests.model_packages import ServerProcess, refusal_of, wait_until, write_package
from tests.served_models import QUICK_RESTARTS, running

# The request's bytes choose what the handler does; it does not load when the file `broken` lies beside the model.
DYING_HANDLER = """
import os
import resource
import subprocess
import sys
import threading
import time

from mms.model_service.mxnet_model_service import MXNetBaseService


class DyingService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._folder = os.path.dirname(model_dir)
        if os.path.exists(os.path.join(self._folder, "broken")):
            raise RuntimeError("the licence has run out")

    def inference(self, data):
        if os.path.exists(os.path.join(self._folder, "short-lived")):
            threading.Timer(0.001, os._exit, [9]).start()
        wish = data[0]
        if wish == b"exit":
            os._exit(7)
        if wish == b"leave a child":
            if os.fork() == 0:
                os.setsid()
                time.sleep(60)
            os._exit(8)
        if wish == b"start a child":
            return {"child": subprocess.Popen(["sleep", "600"]).pid}
        if wish == b"write into the socket":
            for number in range(3, 20):
                try:
                    os.write(number, b"x" * 100)
                except OSError:
                    pass
        if wish == b"print":
            sys.stdout.write("x" * 8000000)
            sys.stderr.write("y" * 8000000)
        if wish == b"limit":
            return {"bytes": resource.getrlimit(resource.RLIMIT_AS)[0]}
        if wish == b"all memory":
            return {"bytes": len(bytearray(65 << 30))}
        return {"pid": os.getpid()}
"""

ENDLESS_RESTARTS = RestartPolicy(waits_s=(0.01,), max_failed_starts=1000, max_early_ends=1000)
EXIT_7 = "the process of customize_service.py ended: exit code 7"


def package(folder: Path) -> Path:
    return write_package(folder / "dying", DYING_HANDLER)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    parent = package(tmp_path_factory.mktemp("package"))
    running_server = ServerProcess(parent, tmp_path_factory.mktemp("server"), flags=["--memory-limit=64G"])
    with contextlib.closing(running_server):
        yield running_server.wait_until_serving()


def pid_of(server: ServerProcess) -> int:
    return int(server.post(files={"images": b"?"}).json()["pid"])


def wait_until_healthy_again(server: ServerProcess, old_pid: int) -> None:
    wait_until(lambda: server.get("/health").status_code == 200, "healthy")
    assert pid_of(server) != old_pid


def test_a_handler_that_exits_fails_its_request_and_health_until_another_has_taken_its_place(
    server: ServerProcess,
) -> None:
    pid = pid_of(server)
    response = server.post(files={"images": b"exit"})
    assert response.status_code == 500
    assert refusal_of(response) == {
        "error_code": "MR.0105",
        "error_msg": EXIT_7,
        "erno": "MR.0105",
        "msg": "Recognition failed",
        "words_result": {},
    }
    health = server.get("/health/dying")
    assert (health.status_code, health.json()) == (503, {"health": "restarting", "reason": EXIT_7})
    wait_until_healthy_again(server, pid)
    log = server.wait_for_log("model dying: healthy again after ")
    assert f"model dying: {EXIT_7}; starting it again in 0.5 s" in log


def test_a_handler_that_is_killed_while_nobody_asks_is_started_again(server: ServerProcess) -> None:
    pid = pid_of(server)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.get("/health").status_code == 503, "the death is noticed")
    assert server.get("/health").json()["reason"] == (
        "the process of customize_service.py ended: killed by SIGKILL; the system ends a process so when memory "
        "runs out"
    )
    wait_until_healthy_again(server, pid)


def test_a_child_that_holds_the_handlers_socket_open_does_not_keep_the_request_waiting(server: ServerProcess) -> None:
    pid = pid_of(server)
    response = server.post(files={"images": b"leave a child"})
    assert response.json()["error_msg"] == "the process of customize_service.py ended: exit code 8"
    wait_until_healthy_again(server, pid)


def test_what_a_handler_has_started_ends_with_it(server: ServerProcess) -> None:
    pid = pid_of(server)
    child = int(server.post(files={"images": b"start a child"}).json()["child"])
    os.kill(child, 0)
    server.post(files={"images": b"exit"})
    wait_until(lambda: not is_running(child), "the child's end")
    wait_until_healthy_again(server, pid)


def is_running(pid: int) -> bool:
    try:
        # a process that nobody has waited for is there, and done
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_handler_that_writes_into_our_socket_is_ended_and_said_to_have_done_so(server: ServerProcess) -> None:
    pid = pid_of(server)
    response = server.post(files={"images": b"write into the socket"})
    assert response.status_code == 500
    assert response.json()["error_msg"] == (
        "the process of customize_service.py wrote into our socket and was ended: a head of 2021161080 bytes was "
        "announced; the limit is 16777216"
    )
    wait_until_healthy_again(server, pid)


def test_a_handler_that_prints_megabytes_answers(server: ServerProcess) -> None:
    assert set(server.post(files={"images": b"print"}).json()) == {"pid"}


def test_memory_above_the_limit_fails_the_request_and_not_the_service(server: ServerProcess) -> None:
    pid = pid_of(server)
    assert server.post(files={"images": b"limit"}).json() == {"bytes": 64 << 30}
    response = server.post(files={"images": b"all memory"})
    assert response.status_code == 500
    assert response.json()["error_msg"] == "customize_service.py raised MemoryError:"
    assert pid_of(server) == pid


def test_requests_meanwhile_are_503_and_told_when_to_come_again(tmp_path: Path) -> None:
    with running(package(tmp_path), restarts=RestartPolicy(waits_s=(300,))) as service:
        service.send(b"exit")
        response = service.send(b"?")
        assert response.status_code == 503
        assert refusal_of(response) == {
            "error_code": "ModelArts.4302",
            "error_msg": f"model tested is restarting: {EXIT_7}",
        }
        assert 300 < int(response.headers["retry-after"]) < 400


def test_a_handler_that_does_not_load_again_is_given_up_with_its_reason(tmp_path: Path) -> None:
    parent = package(tmp_path)
    with running(parent, restarts=QUICK_RESTARTS) as service:
        (parent / "broken").touch()
        service.send(b"exit")
        health = service.wait_for_health("failed")
        reason = "start 2 of 2 failed: customize_service.py:16 does not load: RuntimeError: the licence has run out"
        assert health.status_code == 503
        assert health.json()["reason"] == reason
        response = service.send(b"?")
        assert response.status_code == 503
        assert response.json()["error_msg"] == f"model tested has failed: {reason}"
        assert "retry-after" not in response.headers


def test_a_handler_that_ends_right_after_its_warm_up_is_not_taken_for_healthy(tmp_path: Path) -> None:
    parent = package(tmp_path)
    # it may as well end before it has answered: that is a failed start
    with running(parent, restarts=ENDLESS_RESTARTS) as service:
        (parent / "short-lived").touch()
        service.send(b"exit")
        wait_until(lambda: service.model.restart_count >= 3, "it is started again and again")
        (parent / "short-lived").unlink()
        wait_until(lambda: service.send(b"?").status_code == 200, "it answers")
        assert service.get("/health").status_code == 200


def test_a_handler_that_ends_again_and_again_soon_after_healthy_starts_is_given_up(tmp_path: Path) -> None:
    policy = RestartPolicy(waits_s=(0.01,), max_early_ends=2)
    with running(package(tmp_path), restarts=policy) as service:
        service.send(b"exit")
        service.wait_for_health("healthy")
        service.send(b"exit")
        health = service.wait_for_health("failed")
        reason = (
            f"the handler ended 2 times in a row within 60 s of a healthy start, and is not started again. The last "
            f"time {EXIT_7}. Mend what the log says of it, and start the service anew"
        )
        assert (health.status_code, health.json()["reason"]) == (503, reason)
        response = service.send(b"?")
        assert (response.status_code, response.json()["error_msg"]) == (503, f"model tested has failed: {reason}")
        assert "retry-after" not in response.headers
        assert service.model.restart_count == 1


def test_an_end_after_a_steady_life_does_not_count_towards_giving_up(tmp_path: Path) -> None:
    with running(package(tmp_path), restarts=RestartPolicy((0.01,), steady_s=0, max_early_ends=1)) as service:
        service.send(b"exit")
        wait_until(lambda: service.model.restart_count == 1, "another process")
        service.wait_for_health("healthy")


def test_waits_grow_up_to_the_last_one() -> None:
    policy = RestartPolicy(waits_s=(1, 2, 4))
    assert [policy.wait_s(number) for number in range(1, 6)] == [1, 2, 4, 4, 4]
