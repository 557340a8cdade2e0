"""A served package answers images as the platform's online service does."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.model_packages import (
    COLOUR_ENVIRONMENT,
    COLOURS,
    ServerProcess,
    one_colour_image,
    write_colour_package,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    parent = write_colour_package(tmp_path_factory.mktemp("colour"))
    running = ServerProcess(parent, tmp_path_factory.mktemp("server"), COLOUR_ENVIRONMENT)
    with contextlib.closing(running):
        yield running.wait_until_serving()


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return one_colour_image(tmp_path_factory.mktemp("images") / "green.jpg", "lime").read_bytes()


def test_the_line_on_standard_output_names_parent_and_address(server: ServerProcess) -> None:
    assert server.output() == f"serving {server.parent} on {server.url}\n"
    assert server.url.startswith("http://127.0.0.1:")


def test_the_log_says_that_a_model_folder_holds_code(server: ServerProcess) -> None:
    assert (
        f"loading {server.parent}: its Python code runs with your rights; serve only models you trust" in server.log()
    )


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp"])
@pytest.mark.parametrize("path", ["/", "/v1/infers/8f3a", "/v1/infers/cluster/8f3a"])
def test_an_uploaded_image_is_answered_with_the_handlers_json(
    server: ServerProcess, tmp_path: Path, ending: str, path: str
) -> None:
    image = one_colour_image(tmp_path / f"red.{ending}", "red")
    response = server.post(path, files={"images": (image.name, image.read_bytes())})
    answer = response.json()
    assert response.status_code == 200
    assert set(answer) == {"predicted_label", "scores"}
    assert answer["predicted_label"] == "red"
    assert sorted(label for label, _ in answer["scores"]) == sorted(COLOURS)
    assert sum(score for _, score in answer["scores"]) == pytest.approx(1.0, abs=1e-5)


def test_an_answer_of_the_model_says_so_in_its_server_header(server: ServerProcess, green: bytes) -> None:
    response = server.post(files={"images": green})
    assert response.headers["server"] == "ModelArts"
    assert response.headers["content-type"] == "application/json"


def test_base64_in_the_form_field_and_in_json_get_the_answer_of_the_file(server: ServerProcess, green: bytes) -> None:
    text = base64.b64encode(green).decode()
    as_file = server.post(files={"images": green}).json()
    assert as_file["predicted_label"] == "green"
    assert server.post(data={"images": text}).json() == as_file
    assert server.post(files={"images": (None, text)}).json() == as_file
    assert server.post(json={"images": text}).json() == as_file


def test_base64_may_be_broken_into_lines(server: ServerProcess, green: bytes) -> None:
    text = base64.encodebytes(green).decode()
    assert server.post(json={"images": text}).json()["predicted_label"] == "green"


def test_a_base64_field_may_be_larger_than_a_mebibyte(server: ServerProcess, green: bytes) -> None:
    # decoders ignore what follows the end of an image
    text = base64.b64encode(green + bytes(3 * 1024 * 1024)).decode()
    assert server.post(files={"images": (None, text)}).json()["predicted_label"] == "green"


def test_other_fields_are_ignored(server: ServerProcess, green: bytes) -> None:
    response = server.post(files={"images": green}, data={"comment": "a leaf"})
    assert response.json()["predicted_label"] == "green"


def test_images_sent_at_once_get_their_own_answers(server: ServerProcess, tmp_path: Path) -> None:
    labels = {"red": "red", "lime": "green", "blue": "blue"}
    contents = {colour: one_colour_image(tmp_path / f"{colour}.png", colour).read_bytes() for colour in labels}
    sent = list(contents) * 4
    with ThreadPoolExecutor(len(sent)) as clients:
        answers = clients.map(lambda colour: server.post(files={"images": contents[colour]}).json(), sent)
        assert [answer["predicted_label"] for answer in answers] == [labels[colour] for colour in sent]


def test_health_is_200_once_warm(server: ServerProcess) -> None:
    response = server.get("/health")
    assert (response.status_code, response.json()) == (
        200,
        {"health": "healthy", "models": {Path(server.parent).name: {"health": "healthy"}}},
    )


def test_a_program_gets_the_usage_as_json(server: ServerProcess) -> None:
    assert server.get("/").json() == {
        "usage": f"curl -F 'images=@cat.jpg' {server.url}/",
        "fields": ["images"],
        "health": "/health",
        "description": "/openapi.json",
    }
