"""Push and pull when the storage refuses, is not there, or holds hostile names."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any, Callable

import pytest

from moxing_shim.settings import set_auth
from obs_layout.buckets import bucket_is_missing, create_bucket
from obs_layout.cli import main
from obs_layout.errors import StorageError
from tests.scripted_server import Answer, s3_error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file to push."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.rec").write_bytes(b"records")
    return tmp_path / "in"


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_a_push_to_a_bucket_that_does_not_exist_names_once_the_flag_that_creates_it(
    flags: tuple[str, ...], bucket: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"s3://{bucket}-typo/data"
    assert main(["push", str(folder), url, *flags]) == 3
    assert capsys.readouterr() == (
        "",
        f"obs_layout: {url}: the storage has no bucket {bucket}-typo. Check its name, S3_ENDPOINT and S3_REGION, "
        "or create it: push with --create-bucket.\n",
    )


def test_a_pull_from_a_bucket_that_does_not_exist_says_so(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"s3://{bucket}-typo/data"
    assert main(["pull", url, str(tmp_path / "out")]) == 3
    assert capsys.readouterr().err == (
        f"obs_layout: {url}: the storage has no bucket {bucket}-typo. Check its name, S3_ENDPOINT and S3_REGION.\n"
    )


def test_a_bucket_that_is_there_or_hidden_needs_no_right_to_create_one(scripted_s3: Any) -> None:
    for answer in (Answer(), s3_error(403, "AccessDenied")):
        server = scripted_s3(lambda _, answer=answer: answer)
        assert not bucket_is_missing("ours")
        assert [request.method for request in server.requests] == ["HEAD"]


def test_a_storage_that_answers_otherwise_about_a_bucket_is_a_storage_error(scripted_s3: Any) -> None:
    scripted_s3(lambda _: s3_error(400, "InvalidRequest"))
    with pytest.raises(StorageError, match=r"^cannot look at the bucket ours: .* answered 400.*\.$"):
        bucket_is_missing("ours")


@pytest.mark.parametrize(
    ("region", "body"),
    [
        ("us-east-1", rb"^$"),
        ("eu-west-1", rb"<CreateBucketConfiguration .*<LocationConstraint>eu-west-1</LocationConstraint>"),
    ],
)
def test_a_new_bucket_is_made_in_the_region_of_the_client(
    region: str, body: bytes, scripted_s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_REGION", region)
    server = scripted_s3(lambda _: Answer())
    create_bucket("new")
    (request,) = server.of("PUT")
    assert request.path == "/new"
    assert re.search(body, request.body)


def test_a_bucket_that_cannot_be_created_is_named_with_the_reason(scripted_s3: Any) -> None:
    scripted_s3(lambda _: s3_error(403, "AccessDenied", "not with these keys"))
    with pytest.raises(StorageError, match=r"^cannot create the bucket ours: .*AccessDenied.*not with these keys"):
        create_bucket("ours")


def test_a_bucket_of_somebody_else_is_told_and_one_of_ours_is_taken(scripted_s3: Any) -> None:
    scripted_s3(lambda _: s3_error(409, "BucketAlreadyExists"))
    with pytest.raises(StorageError, match=r"The name belongs to somebody else: choose another\.$"):
        create_bucket("theirs")
    scripted_s3(lambda _: s3_error(409, "BucketAlreadyOwnedByYou"))
    create_bucket("ours")


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
