"""Bad requests and failing handlers get the platform's errors, and the service survives them."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model_packages import ServerProcess, refusal_of, write_package

# The request's bytes choose what the handler does.
FAULTY_HANDLER = """
import sys

import numpy as np
from mms.model_service.mxnet_model_service import MXNetBaseService


class BadImage(ValueError):
    http_status = 400


class FaultyService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._signature = manifest["Model"]["Signature"]

    def inference(self, data):
        wish = data[0]
        if wish == b"bad image":
            raise BadImage("the picture is torn")
        if wish == b"raise":
            return {}["label"]
        if wish == b"stop iteration":
            return next(iter(()))
        if wish == b"exit":
            sys.exit(3)
        if wish == b"numpy":
            return {"scores": [["cat", np.float32(0.5)]]}
        if wish == b"nan":
            return {"scores": [["cat", float("nan")]]}
        return {"bytes": len(wish)}
"""

PLATFORM_FAILURE = {"erno": "MR.0105", "msg": "Recognition failed", "words_result": {}}
LIMIT_BYTES = 12 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    parent = write_package(tmp_path_factory.mktemp("faulty"), FAULTY_HANDLER)
    with contextlib.closing(ServerProcess(parent, tmp_path_factory.mktemp("server"))) as running:
        yield running.wait_until_serving()


@pytest.fixture(autouse=True)
def survives(server: ServerProcess) -> Iterator[None]:
    yield
    assert server.post(files={"images": b"1234"}).json() == {"bytes": 4}


def refusal(response: httpx.Response) -> tuple[int, Any, Any]:
    body = refusal_of(response)
    assert set(body) == {"error_code", "error_msg"}
    return response.status_code, body["error_code"], body["error_msg"]


def test_a_handler_that_blames_the_image_is_answered_400_with_its_sentence(server: ServerProcess) -> None:
    response = server.post(files={"images": b"bad image"})
    assert response.status_code == 400
    assert refusal_of(response) == {
        "error_code": "MR.0105",
        "error_msg": "the picture is torn",
        **PLATFORM_FAILURE,
    }


@pytest.mark.parametrize(
    "wish, sentence",
    [
        ("raise", "customize_service.py raised KeyError: 'label'"),
        ("stop iteration", "customize_service.py raised StopIteration:"),
        ("exit", "customize_service.py raised SystemExit: 3"),
        (
            "numpy",
            "customize_service.py answers a numpy.float32 at answer['scores'][0][1]; "
            "convert it to a number, text, list or dict.",
        ),
        ("nan", "customize_service.py answers nan at answer['scores'][0][1]; JSON has no such number."),
    ],
)
def test_a_handler_that_fails_is_answered_mr_0105(server: ServerProcess, wish: str, sentence: str) -> None:
    response = server.post(files={"images": wish.encode()})
    assert response.status_code == 500
    assert refusal_of(response) == {"error_code": "MR.0105", "error_msg": sentence, **PLATFORM_FAILURE}


def test_the_log_has_the_traceback_of_a_failed_handler_once(server: ServerProcess) -> None:
    before = server.log().count("Traceback (most recent call last)")
    server.post(files={"images": b"raise"})
    added = server.log().count("Traceback (most recent call last)") - before
    assert added == 1
    assert 'return {}["label"]' in server.log()


def test_a_blamed_image_leaves_no_traceback(server: ServerProcess) -> None:
    before = server.log().count("Traceback")
    server.post(files={"images": b"bad image"})
    assert server.log().count("Traceback") == before
    assert "/ answered 400: 'the picture is torn'" in server.log()


@pytest.mark.keeps("request-size", "serve")
def test_a_body_that_declares_too_many_bytes_is_refused(server: ServerProcess) -> None:
    response = server.post(content=bytes(LIMIT_BYTES + 1), headers={"Content-Type": "image/jpeg"})
    assert refusal(response) == (
        413,
        "APIG.0201",
        "the body has 12582913 bytes; the platform takes 12582912 (12 MB). Send a smaller image.",
    )


def test_a_body_that_declares_too_many_bytes_is_refused_before_it_is_sent(server: ServerProcess) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=30) as client:
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
        )
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_undeclared_length_is_refused_while_it_streams(server: ServerProcess) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
    chunks = [part, *[bytes(1024 * 1024)] * 13, b"\r\n--b--\r\n"]
    response = server.post(content=iter(chunks), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert refusal(response) == (
        413,
        "APIG.0201",
        "the body has more than 12582912 bytes; the platform takes 12582912 (12 MB). Send a smaller image.",
    )


def test_a_body_just_below_the_limit_is_answered(server: ServerProcess) -> None:
    image = bytes(LIMIT_BYTES - 1024)
    assert server.post(files={"images": image}).json() == {"bytes": len(image)}


def expected_in_field(server: ServerProcess, found: str) -> tuple[int, str, str]:
    hint = f"Send it as: curl -F 'images=@cat.jpg' {server.url}/"
    message = f"the image is expected in field 'images'. Found: {found}. {hint}"
    return 400, "ModelArts.4104", message


def test_a_wrong_field_is_named_beside_the_expected_one(server: ServerProcess) -> None:
    assert refusal(server.post(files={"image": b"1", "file": b"2"})) == expected_in_field(server, "file, image")


def test_the_name_of_a_file_in_place_of_its_bytes_is_told_with_what_is_missing(server: ServerProcess) -> None:
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="images"\r\n\r\nmy pets/cat.JPG\r\n--b--\r\n'
    assert refusal(server.post("/v1/infers/x?token=key", content=part, headers=boundary)) == (
        400,
        "ModelArts.4104",
        "'images' is the text 'my pets/cat.JPG': the @ before the name of a file is missing. "
        f"Send it as: curl -F 'images=@my pets/cat.JPG' {server.url}/v1/infers/x",
    )


def test_a_body_that_is_no_form_is_named_by_its_type(server: ServerProcess) -> None:
    response = server.post(content=b"\xff\xd8", headers={"Content-Type": "image/jpeg"})
    assert refusal(response) == expected_in_field(server, "no form fields (Content-Type: image/jpeg)")


def test_an_empty_request_is_refused(server: ServerProcess) -> None:
    assert refusal(server.post()) == expected_in_field(server, "no form fields (Content-Type: none)")


def test_a_json_object_without_the_field_is_refused(server: ServerProcess) -> None:
    assert refusal(server.post(json={"data": {}})) == expected_in_field(server, "data")
    assert refusal(server.post(json={})) == expected_in_field(server, "an empty object")


def test_two_images_in_one_request_are_refused(server: ServerProcess) -> None:
    response = server.post(files=[("images", b"1"), ("images", b"2")])
    assert refusal(response) == (
        400,
        "ModelArts.4104",
        "field 'images' is there 2 times; send one image a request.",
    )


@pytest.mark.parametrize(
    "body, sentence",
    [
        (
            b"{",
            "the body is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1).",
        ),
        (b"[1]", "the body is a JSON list; send an object with the image's field."),
        (b'{"images": 1}', "'images' is a JSON int; send the image's bytes as base64 text."),
        (
            b'{"images": "a"}',
            "'images' is text and not base64: Invalid base64-encoded string: number of data characters (1) "
            "cannot be 1 more than a multiple of 4. Send the image as a file, or as base64.",
        ),
    ],
)
def test_json_that_holds_no_image_is_refused(server: ServerProcess, body: bytes, sentence: str) -> None:
    response = server.post(content=body, headers={"Content-Type": "application/json"})
    assert refusal(response) == (400, "ModelArts.4104", sentence)


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"images": "\xc3\xa9"}', b"\xff\xfe", b'{"images": "\\ud800"}'])
def test_json_that_does_not_decode_is_refused(server: ServerProcess, body: bytes) -> None:
    response = server.post(content=body, headers={"Content-Type": "application/json"})
    assert refusal(response)[:2] == (400, "ModelArts.4104")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=b"])
def test_a_form_without_its_boundary_is_refused(server: ServerProcess, content_type: str) -> None:
    response = server.post(content=b"\x00", headers={"Content-Type": content_type})
    assert refusal(response)[:2] == (400, "ModelArts.4104")
    assert refusal(response)[2].startswith("the body is not a form: ")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_a_method_other_than_post_is_405_on_the_api_path(server: ServerProcess, method: str) -> None:
    response = httpx.request(method, f"{server.url}/v1/infers/8f3a", trust_env=False)
    assert response.headers["allow"] == "POST"
    assert refusal(response) == (
        405,
        "Method Not Allowed",
        f"{method} is not allowed on /v1/infers/8f3a. Use POST.",
    )


def test_head_is_405_without_a_body_on_the_api_path(server: ServerProcess) -> None:
    response = httpx.head(f"{server.url}/v1/infers/8f3a", trust_env=False)
    assert (response.status_code, response.content) == (405, b"")


def test_delete_is_405_on_the_root_and_names_what_is_allowed(server: ServerProcess) -> None:
    response = httpx.delete(server.url, trust_env=False)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("path", ["/ping", "/v1/infers", "/..%2f..%2fetc/passwd"])
def test_an_unknown_path_is_404(server: ServerProcess, path: str) -> None:
    status, code, message = refusal(server.get(path))
    assert (status, code) == (404, "APIG.0101")
    assert message.endswith("Send images to / or to /v1/infers/SERVICE_ID.")


def test_a_client_that_leaves_while_sending_is_forgotten(server: ServerProcess) -> None:
    url = httpx.URL(server.url)
    before = server.log().count("Traceback")
    with socket.create_connection((url.host, url.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    assert server.post(files={"images": b"1"}).status_code == 200
    assert server.log().count("Traceback") == before


@settings(max_examples=80, deadline=None)
@given(
    content_type=st.sampled_from(
        [
            "multipart/form-data; boundary=b",
            "application/x-www-form-urlencoded",
            "application/json",
            "text/plain",
            "",
        ]
    ),
    body=st.binary(max_size=200)
    | st.binary(max_size=60).map(lambda junk: b"--b\r\nContent-Disposition: form-data;" + junk + b"\r\n--b--\r\n"),
)
def test_random_bytes_never_get_a_500(server: ServerProcess, content_type: str, body: bytes) -> None:
    response = server.post(content=body, headers={"Content-Type": content_type})
    assert response.status_code == 400, response.text
    assert json.loads(response.content)["error_code"] == "ModelArts.4104"
