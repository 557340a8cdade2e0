"""A handler that does not return is ended when its time is over, and the line where it hangs is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelarts_local.errors import HandlerLoadError, HandlerTooSlow
from modelarts_local.handler_process import HandlerProcess
from modelarts_local.package.model_package import find_package
from modelarts_local.service.served_model import RestartPolicy
from tests.model_packages import refusal_of, write_package
from tests.served_models import running

# The request's bytes choose where it hangs
HANDLER = """
import ctypes
import os
import signal
import threading

import waiting
from mms.model_service.mxnet_model_service import MXNetBaseService


class HangingService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._signature = {"inputs": [{"data_name": "images", "data_shape": [0, 3, 8, 8]}]}

    def inference(self, data):
        if data[0] == b"in Python":
            threading.Event().wait()
        if data[0] == b"in C":
            ctypes.PyDLL(None).sleep(600)  # with Python's lock, so that no other thread runs
        if data[0] == b"in a helper":
            waiting.wait()
        if data[0] == b"without a word":
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            threading.Event().wait()
        if data[0] == b"stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        return {}
"""
HELPER = "import threading\n\n\ndef wait():\n    threading.Event().wait()\n"
ENDED = "customize_service.py did not answer within 1 s; its process was ended"


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("é") / "hanging", HANDLER, waiting=HELPER)


@pytest.fixture
def hosted(parent: Path) -> Iterator[HandlerProcess]:
    with HandlerProcess(find_package(str(parent), "hanging"), {}) as process:
        process.wait_until_loaded()
        yield process


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(HANDLER.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("wish", "place", "in_trace"),
    [
        (b"in Python", f" at customize_service.py:{line_of('Event().wait()')}", "in wait\n"),
        (b"in C", f" at customize_service.py:{line_of('sleep(600)')}", "in inference\n"),
        (b"in a helper", " at waiting.py:5", f'customize_service.py", line {line_of("waiting.wait()")} in inference\n'),
        (b"without a word", "", ""),
        (b"stopped", "", ""),
    ],
)
def test_a_handler_that_hangs_is_ended_and_its_line_told(
    hosted: HandlerProcess, wish: bytes, place: str, in_trace: str
) -> None:
    with pytest.raises(HandlerTooSlow) as refusal:
        hosted.answer([wish], limit_s=1)
    assert str(refusal.value) == ENDED + place
    assert in_trace in refusal.value.trace
    assert hosted.how_it_ended() is not None


def test_a_handler_that_hangs_while_it_is_loaded_is_told_with_its_line(tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    hanging = f"open({str(loaded)!r}, 'w').close()\nimport threading\nthreading.Event().wait()\n"
    with HandlerProcess(find_package(str(write_package(tmp_path / "package", hanging)), "package"), {}) as process:
        with pytest.raises(HandlerLoadError) as refusal:
            process.wait_until_loaded(limit_s=15)
    assert loaded.exists()
    assert str(refusal.value) == (
        "customize_service.py did not load within 15 s; its process was ended at customize_service.py:3"
    )
    assert 'customize_service.py", line 3 in <module>\n' in refusal.value.trace


def test_the_service_says_where_its_handler_hung(parent: Path) -> None:
    said = f"{ENDED} at customize_service.py:{line_of('sleep(600)')}"
    late = "the request is not answered within 1 s of its arrival: the handler had not answered."
    answers: list[str] = []
    # the answer waits half a second for the place and no longer, which a busy machine may not keep
    while len(answers) < 3 and said not in answers:
        with running(parent, request_limit_s=1, restarts=RestartPolicy(waits_s=(600,))) as service:
            answer = service.send(b"in C")
            refusal = refusal_of(answer)
            answers.append(refusal["error_msg"])
            assert (answer.status_code, refusal) == (504, {"error_code": "ModelArts.4503", "error_msg": answers[-1]})
            assert answers[-1] in (said, late)
            assert service.wait_for_health("restarting").json()["reason"] == said
    assert said in answers
