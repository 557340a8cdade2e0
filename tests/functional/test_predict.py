"""`predict` sends images to a service and prints what it answers."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model_packages import COLOUR_ENVIRONMENT, ServerProcess, one_colour_image, write_colour_package


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    parent = write_colour_package(tmp_path_factory.mktemp("colour"))
    running = ServerProcess(parent, tmp_path_factory.mktemp("server"), COLOUR_ENVIRONMENT)
    with contextlib.closing(running):
        yield running.wait_until_serving()


def predict(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelarts_local", "predict", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_each_image_gets_a_line_with_its_label_and_scores(server: ServerProcess, tmp_path: Path) -> None:
    red = one_colour_image(tmp_path / "red.jpg", "red")
    blue = one_colour_image(tmp_path / "blue.png", "blue")
    ended = predict(red, blue, "--url", server.url)
    assert (ended.returncode, ended.stderr) == (0, "")
    first, second = ended.stdout.splitlines()
    assert re.fullmatch(
        rf"{re.escape(str(red))}: red 0\.52 \(red 0\.52\d, (\w+ 0\.\d{{3}}, ){{3}}light 0\.\d{{3}}\)", first
    )
    assert second.startswith(f"{blue}: blue 0.52 (blue 0.52")


def test_json_has_one_object_a_line(server: ServerProcess, tmp_path: Path) -> None:
    red = one_colour_image(tmp_path / "red.jpg", "red")
    ended = predict("--json", "--url", f"{server.url}/v1/infers/1", red)
    (line,) = ended.stdout.splitlines()
    shown = json.loads(line)
    assert (shown["file"], shown["status"], shown["answer"]["predicted_label"]) == (str(red), 200, "red")
    assert ended.returncode == 0


def test_a_refused_image_is_reported_and_the_others_are_answered(server: ServerProcess, tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("not an image")
    red = one_colour_image(tmp_path / "red.jpg", "red")
    ended = predict(text, tmp_path / "missing.jpg", red, "--url", server.url)
    first, second, third = ended.stdout.splitlines()
    assert first == f"{text}: 400: these 12 bytes are not an image"
    assert second == f"{tmp_path}/missing.jpg: cannot be read: No such file or directory"
    assert third.startswith(f"{red}: red ")
    assert ended.returncode == 1


def test_a_service_that_is_not_there_ends_with_code_3_and_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    ended = predict(one_colour_image(tmp_path / "red.jpg", "red"), "--url", url)
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr == (
        f"modelarts-local: no service answers at {url}: [Errno 111] Connection refused. "
        "Start one with: modelarts-local serve PARENT\n"
    )


def test_a_proxy_in_the_environment_is_not_asked_for_this_computer(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")
    assert predict(one_colour_image(tmp_path / "red.jpg", "red"), "--url", server.url).returncode == 0


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1/", "http://"])
def test_a_url_that_is_not_http_is_a_wrong_command_line(tmp_path: Path, url: str) -> None:
    ended = predict(tmp_path / "red.jpg", "--url", url)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"modelarts-local: --url is {url!r}; give the service's address, such as http://127.0.0.1:8080/.\n"
    )
