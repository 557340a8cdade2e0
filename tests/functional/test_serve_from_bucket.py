"""`serve` with a URL fetches the package, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.model_packages import (
    COLOUR_ENVIRONMENT,
    START_DEADLINE_S,
    ServerProcess,
    one_colour_image,
    serve_command,
    write_colour_package,
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    storage = ThreadedMotoServer(port=0, verbose=False)
    storage.start()
    host, port = storage.get_host_and_port()
    yield f"http://{host}:{port}"
    storage.stop()


@pytest.fixture(scope="module")
def bucket(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    bucket = boto3.resource("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket="models")
    bucket.put_object(Key="out/V0001/model/", Body=b"")
    for path in (write_colour_package(tmp_path_factory.mktemp("colour")) / "model").iterdir():
        bucket.upload_file(str(path), f"out/V0001/model/{path.name}")
    return bucket


@pytest.fixture
def environment(endpoint: str, bucket: Any, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "scratch").mkdir()
    return {
        "S3_ENDPOINT": endpoint,
        "S3_USE_HTTPS": "0",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "TMPDIR": str(tmp_path / "scratch"),
        **COLOUR_ENVIRONMENT,
    }


def serve(
    parent: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> subprocess.CompletedProcess[str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    command = serve_command(parent, "--port", "0")
    return subprocess.run(command, capture_output=True, text=True, timeout=START_DEADLINE_S)


@pytest.mark.parametrize("parent", ["s3://models/out/V0001", "obs://models/out/V0001/"])
def test_a_package_in_a_bucket_is_served_from_a_folder_that_goes_away(
    environment: dict[str, str], tmp_path: Path, parent: str
) -> None:
    with contextlib.closing(ServerProcess(parent, tmp_path, environment)) as server:
        server.wait_until_serving()
        assert server.output() == f"serving {parent} on {server.url}\n"
        image = one_colour_image(tmp_path / "blue.png", "blue")
        assert server.post(files={"images": image.read_bytes()}).json()["predicted_label"] == "blue"
        assert [path.name for path in (tmp_path / "scratch").glob("*/model/*.params")] == ["pred_model-0000.params"]
        server.process.terminate()
        assert server.process.wait(START_DEADLINE_S) == 0
    assert list((tmp_path / "scratch").glob("modelarts_local-*")) == []


@pytest.mark.parametrize(
    "parent, found",
    [
        ("s3://models/out", "s3://models/out holds no model/ folder. Found: V0001."),
        ("s3://models/out/V0009/", "there is no folder s3://models/out/V0009/."),
    ],
)
def test_a_url_without_a_model_folder_is_refused(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, parent: str, found: str
) -> None:
    ended = serve(parent, environment, monkeypatch)
    assert ended.stderr.splitlines()[-1] == (
        f"modelarts-local: {found} Choose s3://models/out/V0001, which holds model/."
    )
    assert ended.returncode == 1


def test_a_missing_bucket_is_a_storage_failure(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    ended = serve("s3://absent/out", environment, monkeypatch)
    assert ended.stderr.splitlines()[-1].startswith("modelarts-local: s3://absent/out/model cannot be fetched: ")
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 3
