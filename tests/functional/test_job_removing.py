"""`rm` at a terminal, and in a bucket, where of all that lies there only what the job has written goes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

from modelarts_local.cli import main
from tests.past_jobs import left, put
from tests.training_jobs import DEADLINE_S


def test_in_a_bucket_the_version_folder_goes_and_what_lies_beside_it_stays(
    tmp_path: Path, bucket: str, s3_client: Any
) -> None:
    for name in ("V0001/", "V0001/model/a", "V0001/b", "V0001x", "V00010/c", "V0002/d"):
        s3_client.put_object(Bucket=bucket, Key=f"out/{name}", Body=b"x")
    place = {"train_url": f"s3://{bucket}/out/", "output": f"s3://{bucket}/out/V0001/"}
    put(tmp_path / "jobs", 1, **place)
    command = ["rm", "job1", "--with-output", f"--jobs-dir={tmp_path / 'jobs'}"]
    assert main([*command, "--dry-run"]) == 0
    assert main(command) == 0
    keys = [item["Key"] for item in s3_client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["out/V00010/c", "out/V0001x", "out/V0002/d"]
    assert left(tmp_path / "jobs") == []
    put(tmp_path / "jobs", 1, **place)
    assert main(command) == 0, "results that are gone already"


def test_at_a_terminal_it_is_told_what_would_go_and_goes_with_yes(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    put(jobs, 1)
    ours, theirs = pty.openpty()
    try:
        for flags, code, remaining in (([], 2, ["job1"]), (["--yes"], 0, [])):
            command = [sys.executable, "-m", "modelarts_local", "rm", "job1", f"--jobs-dir={jobs}", *flags]
            ended = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=DEADLINE_S)
            assert (ended.returncode, left(jobs)) == (code, remaining), ended.stderr
            assert ended.stdout.startswith("removed" if flags else "would remove")
            told = "" if flags else "modelarts-local: nothing was removed. Give --yes to remove what is listed.\n"
            assert ended.stderr == told
    finally:
        os.close(ours)
        os.close(theirs)
