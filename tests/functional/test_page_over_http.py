"""How the files of the test page travel."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.model_packages import ServerProcess, write_package

HANDLER = """
from mms.model_service.mxnet_model_service import MXNetBaseService


class Service(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._signature = manifest["Model"]["Signature"]

    def inference(self, data):
        return {"bytes": len(data[0])}
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    parent = write_package(tmp_path_factory.mktemp("served") / "V0001", HANDLER)
    with contextlib.closing(ServerProcess(parent, tmp_path_factory.mktemp("server"))) as server:
        yield server.wait_until_serving().url


def get(url: str, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(url + path, headers=named, trust_env=False)


def status_of(url: str, path: str) -> int:
    """The status of a path that is sent as it is written, which httpx would tidy up."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_browser_gets_the_page_and_a_program_the_usage(url: str) -> None:
    page = get(url, "/", accept="text/html,*/*")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "Accept"
    assert page.text.startswith("<!doctype html>")
    assert get(url, "/", accept="*/*").json()["fields"] == ["images"]


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/page/page.js", "text/javascript; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
        ("/page/samples/key.jpg", "image/jpeg"),
        ("/page/service.json", "application/json"),
    ],
)
def test_a_file_says_what_it_is_and_lets_nothing_foreign_in(url: str, path: str, content_type: str) -> None:
    response = get(url, path)
    assert response.status_code == 200
    assert response.headers["content-type"] == content_type
    assert response.headers["x-content-type-options"] == "nosniff"
    policy = response.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["default-src 'self'", "img-src 'self' blob: data:"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in response.headers["content-security-policy"]


def test_a_file_that_the_browser_has_is_not_sent_again(url: str) -> None:
    first = get(url, "/page/page.js")
    assert first.headers["cache-control"] == "no-cache"
    again = get(url, "/page/page.js", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert get(url, "/page/page.css", if_none_match=first.headers["etag"]).status_code == 200


def test_the_description_names_the_model_and_where_to_ask_it_and_is_not_kept(url: str) -> None:
    response = get(url, "/page/service.json")
    (model,) = response.json()["models"]
    assert (model["name"], model["path"], model["inputs"]) == ("V0001", "/", ["images"])
    assert model["engine"].keys() == {"mxnet", "python", "base_class"}
    assert response.headers["cache-control"] == "no-store"


def test_an_unknown_file_is_told_as_the_platform_tells_an_unknown_address(url: str) -> None:
    response = get(url, "/page/gone.js")
    assert (response.status_code, response.json()["error_code"]) == (404, "APIG.0101")


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/%2e%2e/server.py",
        "/page/..%2fserver.py",
        "/page/samples/../../server.py",
        "/page//etc/passwd",
        "/page/%2fetc/passwd",
        "/page/samples",
        "/page/samples/",
        "/page/",
        "/page/page.js%00.css",
        "/page/PAGE.JS",
    ],
)
def test_nothing_beside_the_files_of_the_page_is_given_out(url: str, path: str) -> None:
    assert status_of(url, path) == 404
