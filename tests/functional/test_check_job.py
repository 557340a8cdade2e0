"""`modelarts_local check` on training jobs, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.broken_cases import cases
from tests.fixtures_engines import CODES, ROOT

TIMEOUT_S = 120
CASES = {case.name: case for case in cases("jobs")}


def check(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "modelarts_local", "check", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def report_of(*arguments: str, cwd: Path = ROOT) -> dict[str, Any]:
    return dict(json.loads(check("--json", *arguments, cwd=cwd).stdout))


def test_our_own_job_has_nothing_to_be_told() -> None:
    done = check("codes/")
    number = sum(path.is_file() for path in CODES.rglob("*"))
    assert done.stdout == f"nothing found in codes/ (job, {number} files, boot file train_caltech.py)\n"
    assert done.returncode == 0
    assert "codes/: train_caltech.py is taken for the boot file; --boot-file names another" in done.stderr
    assert "starting codes/train_caltech.py up to its command line; --no-run leaves that out" in done.stderr
    assert "did not come to a command line" not in done.stderr


def test_a_finding_says_where_what_expected_and_what_to_do(tmp_path: Path) -> None:
    CASES["T4-listdir-in-another-file"].lay_over(tmp_path)
    done = check("codes", cwd=tmp_path)
    assert done.stdout == (
        "error T4  codes/pictures.py:6\n"
        "    found     os.listdir() of data_url, which is an s3:// URL on the platform\n"
        "    expected  a local path, or moxing.file\n"
        "    remedy    Copy it first: mox.file.copy_parallel(args.data_url, '/cache/data'); then read from\n"
        "              there.\n"
        "\n"
        "1 error in codes (job, 2 files, boot file train.py)\n"
    )
    assert done.returncode == 1


def test_several_jobs_are_checked_one_after_the_other(tmp_path: Path) -> None:
    CASES["T7-no-model-folder"].lay_over(tmp_path / "a")
    CASES["T11-xrange"].lay_over(tmp_path / "b")
    done = check("a/codes", "b/codes", cwd=tmp_path)
    assert [line for line in done.stdout.splitlines() if line and not line.startswith(" ")] == [
        "warning T7  a/codes/train.py  ModelArts.3013",
        "1 warning in a/codes (job, 1 file, boot file train.py)",
        "error T11  b/codes/train.py:30",
        "1 error in b/codes (job, 1 file, boot file train.py)",
    ]
    assert done.returncode == 1


def test_json_has_findings_what_was_checked_and_counts(tmp_path: Path) -> None:
    CASES["T7-no-model-folder"].lay_over(tmp_path / "a")
    CASES["T2-parse-args"].lay_over(tmp_path / "b")
    report = report_of("a/codes", "b/codes", cwd=tmp_path)
    assert sorted(report) == ["checked", "errors", "findings", "warnings"]
    assert report["checked"] == [{"path": "a/codes", "kind": "job"}, {"path": "b/codes", "kind": "job"}]
    assert (report["errors"], report["warnings"]) == (1, 1)
    assert report["findings"][1] == {
        "rule": "T2",
        "severity": "error",
        "path": "b/codes/train.py",
        "line": 20,
        "found": "parse_args(), which ends the job at the first argument that it does not know",
        "expected": "parse_known_args()",
        "remedy": "Write `args, unknown = parser.parse_known_args()`; the platform adds arguments of its own, at which "
        "the job would end: unrecognized arguments.",
        "platform_code": None,
    }


def test_warnings_alone_end_with_0(tmp_path: Path) -> None:
    CASES["T6-gpu-only"].lay_over(tmp_path)
    done = check("codes", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "1 warning in codes (job, 1 file, boot file train.py)",
    )


def test_no_run_starts_nothing(tmp_path: Path) -> None:
    CASES["T2-flag-without-default"].lay_over(tmp_path)
    done = check("codes", "--no-run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "nothing found in codes (job, 1 file, boot file train.py)\n")
    assert "starting" not in done.stderr


def test_names_and_texts_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "co\x1b[31mdes"
    folder.mkdir()
    (folder / "train.py").write_text("import argparse  # data_url __main__\nx = = '\x1b[2J'\n")
    done = check(str(folder))
    assert "\x1b" not in done.stdout + done.stderr
    assert "co\\x1b[31mdes/train.py:2" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone"], "gone is not a folder. Give code folders, model packages or URLs of them."),
        (
            ["pictures"],
            "pictures is neither a job nor a model package; it holds a.jpg, more/. Give the folder of a job, which "
            "has its .py files at its top, as codes/ has, or that of a package, which holds model/, as out/V0001 does; "
            "--job or --package says which of the two it is meant to be.",
        ),
        (["two"], "two: the boot file could be any of eval.py, train.py. Name it with --boot-file."),
        (["--job", "pictures"], "pictures has no .py file at its top. Choose the folder that holds the boot file."),
        (
            ["one", "--engine=/gone/python"],
            "--engine=/gone/python: there is no such program. Give local, parity or the ",
        ),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_a_sentence(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "more").mkdir(parents=True)
    (tmp_path / "pictures" / "a.jpg").touch()
    (tmp_path / "two").mkdir()
    for name in ("train.py", "eval.py"):
        (tmp_path / "two" / name).write_text("if __name__ == '__main__':\n    print('data_url')\n")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "train.py").write_text("")
    done = check(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"modelarts-local: {message}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_parameter_without_a_value_is_a_wrong_command_line() -> None:
    done = check("codes", "--param=epochs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "argument --param: 'epochs' is not NAME=VALUE" in done.stderr


def test_a_job_in_a_bucket_is_checked_under_its_url(tmp_path: Path, bucket: str, s3_client: Any) -> None:
    case = CASES["T3-file-beside-the-code"]
    case.lay_over(tmp_path)
    for path in (tmp_path / "codes").iterdir():
        s3_client.upload_file(str(path), bucket, f"jobs/codes/{path.name}")
    (tmp_path / "scratch").mkdir()
    done = check(f"s3://{bucket}/jobs/codes/", TMPDIR=str(tmp_path / "scratch"))
    assert done.stdout.splitlines()[0] == f"error T3  s3://{bucket}/jobs/codes/train.py:27"
    assert done.stdout.splitlines()[-1] == f"1 error in s3://{bucket}/jobs/codes/ (job, 2 files, boot file train.py)"
    assert done.returncode == 1
    assert list((tmp_path / "scratch").glob("modelarts_local-*")) == []


def test_the_record_that_push_leaves_in_a_bucket_is_no_file_of_the_job(
    tmp_path: Path, bucket: str, s3_client: Any
) -> None:
    CASES["T6-gpu-only"].lay_over(tmp_path)
    for path in (tmp_path / "codes").iterdir():
        s3_client.upload_file(str(path), bucket, f"jobs/codes/{path.name}")
    s3_client.put_object(Bucket=bucket, Key="jobs/codes/.obs_layout.json", Body=b"{}")
    done = check(f"s3://{bucket}/jobs/codes/", "--no-run")
    assert done.stdout.splitlines()[-1] == f"1 warning in s3://{bucket}/jobs/codes/ (job, 1 file, boot file train.py)"


def test_a_job_that_imports_moxing_is_told_once_where_it_is_there(tmp_path: Path) -> None:
    boot = CASES["T10-moxing-misprinted"].lay_over(tmp_path) / "codes" / "train.py"
    boot.write_text(boot.read_text().replace("from moxing.frame import file as mox_file", "import moxing as mox"))
    boot.write_text(boot.read_text().replace("mox_file.", "mox.file."))
    done = check("codes", "--no-run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "nothing found in codes (job, 1 file, boot file train.py)\n")
    assert done.stderr.count("codes imports moxing, which is there on the platform, and in modelarts-local train") == 1


def test_a_bucket_that_is_not_there_is_a_storage_failure(bucket: str) -> None:
    done = check(f"s3://{bucket}-gone/codes/")
    assert f"modelarts-local: s3://{bucket}-gone/codes/ cannot be fetched: " in done.stderr
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_storage_that_refuses_the_data_is_a_storage_failure(bucket: str) -> None:
    done = check(
        "codes", "--no-run", f"--data-url=s3://{bucket}/data/", S3_ENDPOINT="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1"
    )
    assert f"modelarts-local: s3://{bucket}/data/ cannot be listed: " in done.stderr
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
