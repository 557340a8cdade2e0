"""A bundle, a bucket and the stub of the platform, ready for `submit`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.platform_stub import PlatformStub, signer_of_sdk
from tests.submissions import MODEL_FILES, Bundle, config_text, environment, put_model, write_bundle


@pytest.fixture
def bundle(tmp_path: Path, bucket: str, s3_client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bundle]:
    """What is submitted, and to whom; at the end every request was signed and formed as the platform wants it."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("huaweicloudsdkcore")
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HUAWEICLOUD_SDK_SECURITY_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # the SDK makes up a number for this computer and keeps it there
    write_bundle(tmp_path)
    files = {**MODEL_FILES, "config.json": config_text()}
    stub = PlatformStub(signer_of_sdk(), lambda obs_url: put_model(s3_client, obs_url, files))
    with stub.running():
        yield Bundle(tmp_path, bucket, stub)
    assert stub.problems == []
