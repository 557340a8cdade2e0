"""Push and pull when the storage refuses, is not there, or holds hostile names."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Callable

import pytest

from moxing_shim.settings import set_auth
from obs_layout.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file to push."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.rec").write_bytes(b"records")
    return tmp_path / "in"


def test_a_bucket_that_does_not_exist_is_a_storage_error(
    bucket: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(folder), f"s3://{bucket}-typo/data"]) == 3
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("obs_layout: ") and f"{bucket}-typo" in error


def test_an_endpoint_without_a_server_is_a_storage_error(
    storage_at: Callable[[str], None], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        storage_at(endpoint)
        set_auth(retry=1, client_timeout=5)
        assert main(["push", str(folder), "s3://bucket/data"]) == 3
    error = capsys.readouterr().err
    assert endpoint in error and "Traceback" not in error


@pytest.mark.parametrize("key", ["../escaped", "deep/../../escaped", "a\\..\\escaped"])
def test_an_object_whose_name_leads_out_of_the_folder_is_not_written(
    key: str, bucket: str, s3_client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    s3_client.put_object(Bucket=bucket, Key=f"data/{key}", Body=b"hostile")
    assert main(["pull", f"s3://{bucket}/data", str(tmp_path / "deep" / "out")]) == 3
    assert "escaped" in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_object_that_has_the_name_of_a_folder_is_a_storage_error(
    bucket: str, s3_client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in ("data/a", "data/a/b"):
        s3_client.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert main(["pull", f"s3://{bucket}/data", str(tmp_path / "out")]) == 3
    assert "Run the same command again to go on." in capsys.readouterr().err


def test_a_target_that_is_a_file_is_an_error(
    bucket: str, s3_client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    s3_client.put_object(Bucket=bucket, Key="data/a", Body=b"x")
    (tmp_path / "out").write_bytes(b"mine")
    assert main(["pull", f"s3://{bucket}/data", str(tmp_path / "out")]) in (1, 3)
    assert (tmp_path / "out").read_bytes() == b"mine"
    assert "Traceback" not in capsys.readouterr().err
