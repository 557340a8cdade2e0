"""What a job copies to a bucket while it runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from modelarts_local.job.uploads import Upload, Uploader
from tests.training_jobs import DEADLINE_S

INTERVAL_S = 0.05


@pytest.fixture
def start() -> Iterator[Callable[..., Uploader]]:
    """A function that starts an Uploader, which is stopped in the end."""
    running = []

    def start_one(upload: Upload, on_problem: Callable[[str], None] = pytest.fail) -> Uploader:
        running.append(Uploader([upload], INTERVAL_S, on_problem))
        return running[-1]

    yield start_one
    for uploader in running:
        uploader.stop()


def wait_until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(INTERVAL_S)


def versions(s3_client: Any, bucket: str, key: str) -> list[str]:
    found = s3_client.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", ())
    return [item["ETag"] for item in found]


def test_a_log_is_sent_again_when_it_has_grown_and_only_then(
    start: Callable[..., Uploader], bucket: str, s3_client: Any, tmp_path: Path
) -> None:
    s3_client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    log, other = tmp_path / "job.0", tmp_path / "other.0"
    log.write_text("one\n")
    start(Upload(log, f"s3://{bucket}/log/"))
    wait_until(lambda: len(versions(s3_client, bucket, "log/job.0")) == 1)
    other.write_text("x")
    start(Upload(other, f"s3://{bucket}/log/"))
    wait_until(lambda: versions(s3_client, bucket, "log/other.0"))  # rounds have passed meanwhile
    assert len(versions(s3_client, bucket, "log/job.0")) == 1
    with open(log, "a") as stream:
        stream.write("two\n")
    wait_until(lambda: len(versions(s3_client, bucket, "log/job.0")) == 2)
    assert s3_client.get_object(Bucket=bucket, Key="log/job.0")["Body"].read() == b"one\ntwo\n"
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".upload-")) == [
        "job.0",
        "other.0",
    ]
    s3_client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    for item in s3_client.list_object_versions(Bucket=bucket)["Versions"]:
        s3_client.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def test_a_bucket_that_comes_back_gets_what_it_missed(
    start: Callable[..., Uploader], bucket: str, s3_client: Any, tmp_path: Path
) -> None:
    late = f"{bucket}-late"
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "part").write_text("one")
    told = threading.Event()
    problems: list[str] = []

    def on_problem(text: str) -> None:
        problems.append(text)
        told.set()

    start(Upload(tmp_path, f"s3://{late}/out/"), on_problem)
    assert told.wait(DEADLINE_S)
    s3_client.create_bucket(Bucket=late)
    wait_until(lambda: s3_client.list_objects_v2(Bucket=late).get("KeyCount"))
    assert len(problems) == 1 and problems[0].startswith(f"uploading to s3://{late}/out/ failed: ")
    s3_client.delete_object(Bucket=late, Key="out/model/part")
    s3_client.delete_bucket(Bucket=late)
