"""check tells where a job exceeds a limit of the platform, and not before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.job.checking import check_job
from modelarts_local.check.job.submission import Submission
from tests.broken_cases import cases

MIB = 1024 * 1024


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    """A job without a fault but the one that a test gives it: 1 file."""
    case = next(case for case in cases("jobs") if case.name == "T5-large-file")
    case.lay_over(tmp_path)
    return tmp_path / "codes"


def findings(codes: Path, **settings: Any) -> list[Finding]:
    return check_job(str(codes), "train.py", Submission(run=False, **settings), "codes")


def make_sparse(path: Path, size: int) -> None:
    with open(path, "wb") as stream:
        stream.truncate(size)


@pytest.mark.keeps("code-folder-size", "check")
def test_a_code_folder_of_128_mib_passes_and_one_byte_more_is_told(codes: Path) -> None:
    used = (codes / "train.py").stat().st_size
    make_sparse(codes / "weights.params", 128 * MIB - used)
    assert findings(codes) == []
    make_sparse(codes / "weights.params", 128 * MIB - used + 1)
    (found,) = findings(codes)
    assert (found.rule, found.severity, found.place, found.platform_code) == (
        "T5",
        "warning",
        "codes",
        "ModelArts.2761",
    )


@pytest.mark.keeps("code-folder-entries", "check")
def test_a_code_folder_of_1000_files_and_folders_passes_and_one_more_is_told(codes: Path) -> None:
    (codes / "pictures").mkdir()
    for number in range(998):
        (codes / "pictures" / f"{number}.txt").touch()
    assert findings(codes) == []
    (codes / "pictures" / "998.txt").touch()
    (found,) = findings(codes)
    assert (found.rule, found.severity, found.place, found.platform_code) == (
        "T5",
        "warning",
        "codes",
        "ModelArts.2759",
    )
    assert found.found == "1,001 files and folders in the code folder"


@pytest.mark.keeps("data-file-name", "check")
def test_a_data_file_with_255_characters_passes_and_one_more_is_told(codes: Path, bucket: str, s3_client: Any) -> None:
    for length in (255, 256):
        s3_client.put_object(Bucket=bucket, Key=f"data/train/{'n' * length}", Body=b"")
    s3_client.put_object(Bucket=bucket, Key="data/empty/", Body=b"")
    (found,) = findings(codes, data_url=f"s3://{bucket}/data/")
    assert (found.rule, found.severity, found.path) == ("T5", "warning", f"s3://{bucket}/data/train/{'n' * 256}")
    assert found.found == "a file name of 256 characters"


@pytest.mark.parametrize("train_url", ["s3://{}/data", "obs://{}/data/"])
def test_the_data_folder_as_output_is_told_whatever_its_scheme_and_slash(
    codes: Path, bucket: str, s3_client: Any, train_url: str
) -> None:
    s3_client.put_object(Bucket=bucket, Key="data/train.rec", Body=b"")
    (found,) = findings(codes, data_url=f"s3://{bucket}/data/", train_url=train_url.format(bucket))
    assert (found.rule, found.found) == ("T8", "the data folder as output folder")


def test_an_output_folder_in_a_bucket_has_to_be_empty(codes: Path, bucket: str, s3_client: Any) -> None:
    s3_client.put_object(Bucket=bucket, Key="out/V0001/", Body=b"")
    assert findings(codes, train_url=f"s3://{bucket}/out/V0001/") == []
    assert findings(codes, train_url=f"s3://{bucket}/out/V0002") == []
    for name in ("a", "b/c"):
        s3_client.put_object(Bucket=bucket, Key=f"out/V0001/{name}", Body=b"")
    (found,) = findings(codes, train_url=f"s3://{bucket}/out/V0001/")
    assert (found.rule, found.found) == ("T8", "2 files in the output folder")
