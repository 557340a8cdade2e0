"""What `serve` makes of its command line."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from modelarts_local.cli import build_parser
from modelarts_local.platform_rules import LIMITS
from tests.model_packages import (
    COLOUR_ENVIRONMENT,
    START_DEADLINE_S,
    ServerProcess,
    one_colour_image,
    serve_command,
    write_colour_package,
    write_package,
)

HEADER = "from mms.model_service.mxnet_model_service import MXNetBaseService\n"
SERVICE = HEADER + "class Service(MXNetBaseService):\n"
CONSTRUCTOR = "    def __init__(self, model_name, model_dir, manifest, gpu=None): "
GOOD = SERVICE + CONSTRUCTOR + "pass\n    def inference(self, data): return [len(data[0]) > 0]\n"
BROKEN = SERVICE + CONSTRUCTOR + "raise RuntimeError('no licence')\n"
HANGING = SERVICE + CONSTRUCTOR + "import time; time.sleep(600)\n"
HANGING_ON_PICTURES = SERVICE + CONSTRUCTOR + "pass\n    def inference(self, data): import time; time.sleep(600)\n"
REFUSING = SERVICE + (
    CONSTRUCTOR + "pass\n"
    "    def inference(self, data):\n"
    "        error = ValueError('no picture'); error.http_status = 400\n"
    "        raise error\n"
)
FAILING = (
    SERVICE + CONSTRUCTOR + "pass\n    def inference(self, data): return {}[len(data[0]) > 9 or 'first picture']\n"
)
TWO_INPUTS = SERVICE + (
    CONSTRUCTOR + "self._signature = {'inputs': [{'data_name': 'left'}, {'data_name': 'right'}]}\n"
    "    def inference(self, data): return len(data)\n"
)


def run(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        serve_command(*map(str, arguments)),
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=START_DEADLINE_S,
    )


def last_line(ended: subprocess.CompletedProcess[str]) -> str:
    return ended.stderr.splitlines()[-1]


@pytest.mark.keeps("service-port", "serve")
@pytest.mark.keeps("deploy-time", "serve")
def test_port_and_time_to_become_healthy_are_the_platforms_unless_told_otherwise(tmp_path: Path) -> None:
    arguments = build_parser().parse_args(["serve", str(tmp_path)])
    assert arguments.port == LIMITS["service-port"].newest == 8080
    assert arguments.deploy_timeout * 60 == LIMITS["deploy-time"].newest == 1200
    parent = write_package(tmp_path / "hanging", HANGING)
    ended = run(parent, "--port=0", "--deploy-timeout=0.02")
    # where it hangs is told if it has come so far in that time
    assert re.fullmatch(
        r"modelarts-local: customize_service\.py did not load within 1\.2 s; its process was ended"
        r"( at customize_service\.py:[0-9]+)?\. Give it longer with --deploy-timeout\.",
        last_line(ended),
    )
    assert (ended.returncode, ended.stdout) == (1, "")


def test_a_handler_that_hangs_on_the_warm_up_image_ends_the_service_after_the_deploy_timeout(tmp_path: Path) -> None:
    ended = run(write_package(tmp_path / "hanging", HANGING_ON_PICTURES), "--port=0", "--deploy-timeout=0.1")
    assert re.fullmatch(
        r"modelarts-local: the handler fails on the warm-up image: customize_service\.py did not answer within .* s; "
        r"its process was ended at customize_service\.py:[0-9]+\. Give it longer with --deploy-timeout\.",
        last_line(ended),
    )
    assert ended.returncode == 1


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("out/V0001", "'out/V0001' is not NAME=PARENT, such as v1=out/V0001"),
        ("v1=", "'v1=' is not NAME=PARENT, such as v1=out/V0001"),
        (
            "../v=out",
            "'../v' cannot name a model; write 1 to 64 letters, digits, - and _, such as v1=out/V0001",
        ),
    ],
)
def test_a_model_without_a_name_that_can_stand_in_a_path_is_a_wrong_command_line(model: str, sentence: str) -> None:
    ended = run("--model", model)
    assert last_line(ended).endswith(f"argument --model: {sentence}")
    assert ended.returncode == 2


def test_two_models_of_one_name_are_a_wrong_command_line(tmp_path: Path) -> None:
    ended = run(tmp_path / "v1", f"--model=v1={tmp_path}")
    assert last_line(ended) == ("modelarts-local: two models are called v1. Name them apart with --model NAME=PARENT.")
    assert ended.returncode == 2


def test_nothing_to_serve_is_a_wrong_command_line() -> None:
    ended = run()
    assert last_line(ended) == (
        "modelarts-local: there is nothing to serve. Give the folder that holds model/, or --model NAME=PARENT."
    )
    assert ended.returncode == 2


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("--memory-limit=much", "'much' is not a size; write a number and K, M, G or T, such as 4G"),
        ("--memory-limit=0", "'0' is not a size; write a number and K, M, G or T, such as 4G"),
        ("--deploy-timeout=soon", "'soon' is not a number above 0"),
        ("--auto-stop=0", "'0' is not a number above 0"),
    ],
)
def test_a_limit_that_is_none_is_a_wrong_command_line(flag: str, sentence: str) -> None:
    ended = run("somewhere", flag)
    assert last_line(ended).endswith(f": {sentence}")
    assert ended.returncode == 2


def test_a_model_that_does_not_load_ends_the_service_of_all_and_is_named(tmp_path: Path) -> None:
    good = write_package(tmp_path / "good", GOOD)
    broken = write_package(tmp_path / "broken", BROKEN)
    ended = run(good, f"--model=v2={broken}", "--port=0")
    assert last_line(ended) == (
        "modelarts-local: model v2: customize_service.py:3 does not load: RuntimeError: no licence"
    )
    assert "listening on" not in ended.stderr
    assert (ended.returncode, ended.stdout) == (1, "")


def test_a_memory_limit_that_is_too_small_to_load_in_is_named(tmp_path: Path) -> None:
    ended = run(write_package(tmp_path / "good", GOOD), "--memory-limit=100M", "--port=0")
    assert last_line(ended).startswith("modelarts-local: ")
    assert last_line(ended).endswith(". --memory-limit leaves it 100 MiB; it may need more.")
    assert ended.returncode == 1


def test_an_engine_without_mxnet_is_a_wrong_command_line(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    ended = run(write_package(tmp_path / "good", GOOD), f"--engine={bare}", "--port=0")
    assert last_line(ended).startswith(f"modelarts-local: --engine={bare}: {bare} cannot import MXNet: ")
    assert (ended.returncode, ended.stdout) == (2, "")


def test_a_service_stops_by_itself_when_told_so(tmp_path: Path) -> None:
    parent = write_package(tmp_path / "good", GOOD)
    with contextlib.closing(ServerProcess(parent, tmp_path, flags=["--auto-stop=0.0005"])) as server:
        assert server.process.wait(START_DEADLINE_S) == 0
        assert "stopping after 0.0005 h, as --auto-stop says" in server.log()


def test_once_prints_the_answer_to_one_picture_and_ends(tmp_path: Path) -> None:
    parent = write_colour_package(tmp_path / "colour")
    red = one_colour_image(tmp_path / "red.png", "red")
    ended = run(parent, "--once", red, environment=COLOUR_ENVIRONMENT)
    (line,) = ended.stdout.splitlines()
    assert json.loads(line)["predicted_label"] == "red"
    assert "listening on" not in ended.stderr
    assert ended.returncode == 0


def test_once_with_several_models_prints_their_answers_by_name(tmp_path: Path) -> None:
    good, counting = (
        write_package(tmp_path / "good", GOOD),
        write_package(tmp_path / "other", GOOD.replace("> 0", "> 9")),
    )
    picture = tmp_path / "short.jpg"
    picture.write_bytes(b"short")
    ended = run(f"--model=v1={good}", f"--model=v2={counting}", "--once", picture)
    assert json.loads(ended.stdout) == {"v1": [True], "v2": [False]}


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [
        (REFUSING, "{picture}: no picture"),
        (FAILING, "the handler fails on the warm-up image: customize_service.py raised KeyError: True"),
    ],
)
def test_once_with_a_picture_that_is_not_answered_ends_with_1(tmp_path: Path, handler: str, sentence: str) -> None:
    picture = one_colour_image(tmp_path / "red.png", "red")
    ended = run(write_package(tmp_path / "package", handler), "--once", picture)
    assert last_line(ended) == f"modelarts-local: {sentence.format(picture=picture)}"
    assert (ended.returncode, ended.stdout) == (1, "")


def test_once_shows_where_the_handler_failed(tmp_path: Path) -> None:
    picture = tmp_path / "short.jpg"
    picture.write_bytes(b"short")
    handler = GOOD.replace("return [len(data[0]) > 0]", "return {True: 1}[len(data[0]) > 9]")
    ended = run(write_package(tmp_path / "package", handler), "--once", picture)
    assert last_line(ended) == f"modelarts-local: {picture}: customize_service.py raised KeyError: False"
    assert "Traceback (most recent call last)" in ended.stderr
    assert (ended.returncode, ended.stdout) == (1, "")


def test_once_without_a_picture_is_a_wrong_command_line(tmp_path: Path) -> None:
    ended = run(tmp_path, "--once", tmp_path / "gone.jpg")
    assert last_line(ended) == (
        f"modelarts-local: --once={tmp_path}/gone.jpg: cannot be read: No such file or directory. "
        "Give the path of a picture."
    )
    assert ended.returncode == 2


def test_once_refuses_what_is_larger_than_the_platform_takes(tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(12 * 1024 * 1024 + 1))
    ended = run(tmp_path, "--once", large)
    assert last_line(ended) == (
        f"modelarts-local: {large} has more than 12582912 bytes (12 MB); the platform takes no more. "
        "Send a smaller image."
    )
    assert ended.returncode == 1


def test_once_has_no_second_picture_for_a_handler_of_two(tmp_path: Path) -> None:
    picture = one_colour_image(tmp_path / "red.png", "red")
    ended = run(write_package(tmp_path / "stereo", TWO_INPUTS), "--once", picture)
    assert last_line(ended) == (
        "modelarts-local: --once sends one picture, and model stereo takes left, right. Start the service and send "
        "them with curl."
    )
    assert ended.returncode == 2
