"""The servers that stand for S3 in the contract tests, and what only a server that checks signatures shows."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

import pytest

from moxing_shim import file as mox_file
from tests import swift_server
from tests.fixtures_s3 import S3Server
from tests.storage_rigs import empty_bucket


@pytest.fixture
def swift(s3_servers: Callable[[str], S3Server], storage_at: Callable[..., None]) -> S3Server:
    server = s3_servers("swift")
    storage_at(*server[:3])
    return server


@pytest.fixture
def container(swift: S3Server) -> Any:
    """The URL of a bucket on Swift."""
    swift.client.create_bucket(Bucket="checked")
    yield "s3://checked"
    empty_bucket(swift.client, "checked")
    swift.client.delete_bucket(Bucket="checked")


def test_a_wrong_secret_is_refused(container: str, monkeypatch: pytest.MonkeyPatch, swift: S3Server) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(PermissionError) as caught:
        mox_file.write(f"{container}/a", "text")
    assert f"cannot write {container}/a: {swift.endpoint} answered 403 SignatureDoesNotMatch (" in str(caught.value)
    assert "Check the secret key (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; " in str(caught.value)


def test_a_wrong_region_is_told_with_the_right_one(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_REGION", "eu-north-1")
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.write(f"{container}/a", "text")
    assert str(caught.value).endswith("The server is in the region 'us-east-1': set S3_REGION to it")


def test_damaged_content_is_refused_by_a_server_that_checks_its_md5(container: str, swift: S3Server) -> None:
    with pytest.raises(Exception) as caught:
        swift.client.put_object(Bucket="checked", Key="a", Body=b"damaged", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert "(BadDigest)" in str(caught.value)


def test_swift_ends_with_the_process_that_started_it(tmp_path: Path, swift: S3Server) -> None:
    program = (
        "import os, sys; from tests import swift_server\n"
        "with swift_server.running(sys.argv[1]) as endpoint:\n"
        "    print(endpoint, flush=True); os._exit(0)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)}) as child:
        assert child.stdout is not None
        endpoint = child.stdout.readline().strip()
    address = urlsplit(endpoint)
    for _ in range(1000):
        try:
            socket.create_connection((address.hostname, address.port)).close()
        except ConnectionError:
            return
        time.sleep(0.01)
    pytest.fail("Swift is still running")


def test_what_is_missing_for_swift_is_named(tmp_path: Path) -> None:
    sentence = "Swift is not installed here: apt-get install --no-install-recommends python3-swift"
    assert swift_server.missing(sys.executable) == sentence
    assert swift_server.missing(str(tmp_path / "absent")) == sentence


def test_a_swift_that_does_not_start_says_why(tmp_path: Path, swift: S3Server) -> None:
    (tmp_path / "etc").mkdir()  # not an empty folder
    with pytest.raises(RuntimeError) as caught:
        with swift_server.running(str(tmp_path)):
            pass
    assert str(caught.value).startswith("Swift did not start: Traceback ")
    assert f"FileExistsError: [Errno 17] File exists: '{tmp_path}/etc'" in str(caught.value)
