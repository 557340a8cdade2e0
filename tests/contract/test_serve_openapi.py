"""What /openapi.json says of the service holds for the service."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.served_package import ServedPackage
from modelarts_local.service.openapi import describe_service
from tests.faultless_package import write_faultless_package
from tests.model_packages import write_package
from tests.served_models import warm_application

EXAMPLES = 15  # of each request, so that all of it takes seconds
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ServedPackage(write_faultless_package(tmp_path_factory.mktemp("faultless"))) as served:
        host, port = served.address
        yield f"http://{host}:{port}"


@pytest.fixture(scope="module")
def said(url: str, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What schemathesis says of a real service."""
    if importlib.util.find_spec("schemathesis") is None:
        message = "schemathesis is not installed; it needs Python 3.10"
        if os.environ.get("CI") == "true" and sys.version_info >= (3, 10):
            pytest.fail(message)
        pytest.skip(message)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"]
    command += [f"--max-examples={EXAMPLES}", "--phases=coverage,fuzzing", "--seed=1", "--continue-on-failure"]
    # no schema tells which bytes are a picture
    command += ["--exclude-checks=positive_data_acceptance", "--request-timeout=60", "--no-color"]
    folder = tmp_path_factory.mktemp("schemathesis")  # where it keeps what it found
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)


def test_what_the_description_allows_and_what_not_is_answered_as_it_says(
    said: subprocess.CompletedProcess[str],
) -> None:
    assert said.returncode == 0, said.stdout + said.stderr
    # the description itself, which it has read, it may leave out
    assert re.search(r"Selected: ([67])/\1\n  Tested: \1\n", said.stdout), said.stdout
    generated = re.search(r"(\d+) generated, (\d+) passed", said.stdout)
    assert generated is not None and int(generated[1]) > 100, said.stdout


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Path and method of all that the application answers, but for the page."""
    handler = "from mms.model_service.mxnet_model_service import MXNetBaseService\n\n\nclass Any(MXNetBaseService):\n"
    handler += "    def __init__(self, *_, **__):\n        self._signature = {}\n\n    def inference(self, data):\n"
    parent = write_package(tmp_path_factory.mktemp("any"), f"{handler}        return {{}}\n")
    with warm_application(parent) as app:
        while not hasattr(app, "routes"):
            app = app._app
        found = {(route.path.partition(":")[0], method) for route in app.routes for method in route.methods}
    return {(path + "}" * path.count("{") if "}" not in path else path, method) for path, method in found}


def test_every_path_and_method_is_described_but_for_the_page_and_head(routes: set[tuple[str, str]]) -> None:
    described = describe_service({"v1": ["images"]})["paths"]
    told = {(path, method.upper()) for path, methods in described.items() for method in methods}
    assert told == {(path, method) for path, method in routes if method != "HEAD" and not path.startswith("/page/")}


def body_of(described: dict[str, Any], path: str) -> Any:
    return described["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]


def test_the_fields_are_those_of_the_models() -> None:
    described = describe_service({"v1": ["left", "right"], "v2": ["images"], "v3": ["images"]})
    assert body_of(described, "/")["required"] == ["left", "right"]
    forms = body_of(described, "/v1/infers/{service_id}")["anyOf"]
    assert [form["required"] for form in forms] == [["images"], ["left", "right"]]
    (parameter,) = described["paths"]["/v1/infers/{service_id}"]["post"]["parameters"]
    assert list(parameter["examples"]) == ["v1", "v2", "v3"]


def test_every_reference_has_its_schema() -> None:
    described = describe_service({"v1": ["images"]})
    named = set(re.findall(r"'#/components/schemas/(\w+)'", str(described)))
    assert named == set(described["components"]["schemas"])
