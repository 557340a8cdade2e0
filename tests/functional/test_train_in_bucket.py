"""A job whose code, data, results and log lie in a bucket; our own codes/ among such jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelarts_local.job.staging import too_long_names
from tests.fixtures_engines import ROOT, TINY_JOB
from tests.training_jobs import DEADLINE_S, Places, new_places

JOB_DEADLINE_S = 300


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return new_places(tmp_path)


def put(s3_client: Any, bucket: str, **objects: bytes) -> None:
    for key, content in objects.items():
        s3_client.put_object(Bucket=bucket, Key=key, Body=content)


def keys(s3_client: Any, bucket: str, prefix: str) -> set[str]:
    found = s3_client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())
    return {item["Key"] for item in found if not item["Key"].endswith("/")}


def test_our_own_codes_train_as_a_managed_job_from_a_bucket_to_a_bucket(
    packed_data: Path, places: Places, bucket: str, s3_client: Any
) -> None:
    for source, target in ((packed_data, "mxnet_format"), (ROOT / "codes", "a/codes")):
        command = [sys.executable, "-m", "obs_layout", "push", str(source), f"s3://{bucket}/{target}/"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=DEADLINE_S)
    process = places.start(
        f"--code-dir=s3://{bucket}/a/codes/",
        f"--boot-file=s3://{bucket}/a/codes/train_caltech.py",
        f"--data-url=obs://{bucket}/mxnet_format",
        f"--train-url=s3://{bucket}/out/",
        f"--log-url=s3://{bucket}/log",
        "--param=num_epochs=1",
        *(f"--param={flag[2:]}" for flag in TINY_JOB if "num_gpus" not in flag),
    )
    output, errors = process.communicate(timeout=JOB_DEADLINE_S)
    assert process.returncode == 0, output + errors
    job = places.wait_for("Training completed.")
    record = json.loads((job.folder / "job.json").read_text())
    assert record["output"] == f"s3://{bucket}/out/V0001/"
    assert output.endswith(f"s3://{bucket}/out/V0001/. Next: modelarts-local serve s3://{bucket}/out/V0001\n")
    assert f"model exported to s3://{bucket}/out/V0001/model from epoch 1" in output
    assert {f"out/V0001/model/{name}" for name in ("config.json", "customize_service.py")} <= keys(
        s3_client, bucket, "out/"
    )
    assert keys(s3_client, bucket, "log/") == {"log/train_caltech.0"}
    uploaded = s3_client.get_object(Bucket=bucket, Key="log/train_caltech.0")["Body"].read()
    assert uploaded == job.log.read_bytes()
    assert list((job.folder / "work" / "cache").iterdir()) == [], "the job's scratch folder was left behind"


def test_moxing_shim_of_the_job_itself_wins(places: Places, bucket: str, s3_client: Any) -> None:
    put(
        s3_client,
        bucket,
        **{
            "codes/train.py": b"import moxing_shim, moxing\nprint(moxing_shim.OWN, moxing.OWN)",
            "codes/moxing_shim/__init__.py": b"OWN = 'the job'",
            "codes/moxing_shim/path_entry/moxing.py": b"import moxing_shim\nOWN = moxing_shim.OWN",
            "data/a.txt": b"one",
        },
    )
    run = places.run(f"--code-dir=s3://{bucket}/codes", f"--data-url=s3://{bucket}/data")
    assert run.printed == ["the job the job"]


def test_the_log_and_the_outputs_are_in_the_bucket_while_the_job_runs(
    places: Places, bucket: str, s3_client: Any
) -> None:
    places.write(
        "import os, sys, time\n"
        "import moxing as mox\n"
        "train, place = (word.partition('=')[2] for word in sys.argv[2:4])\n"
        "print('begun', flush=True)\n"
        "open(train + '/part', 'w').close()\n"
        "while not (mox.file.exists(place + '/out/part') and mox.file.exists(place + '/log')): time.sleep(0.1)\n"
        "print('both are there')\n"
    )
    run = places.run(
        "--contract=v2",
        f"--train-url=s3://{bucket}/out",
        f"--log-url=s3://{bucket}/log",
        "--upload-interval=1s",
        f"--param=place=s3://{bucket}",
        f"--max-run-time={DEADLINE_S}s",
    )
    assert run.record["status"] == "COMPLETED", run.log
    assert run.printed[-1] == "both are there"


@pytest.mark.keeps("data-file-name", "train")
def test_data_files_with_names_above_255_characters_are_ignored_and_told(
    places: Places, bucket: str, s3_client: Any
) -> None:
    assert too_long_names(["a/" + "x" * 255, "y" * 256, "folder" * 100 + "/z"]) == ["y" * 256]
    put(s3_client, bucket, **{"data/a.txt": b"one", "data/" + "y" * 256: b"two"})
    places.write("import os, sys; print(os.listdir(sys.argv[1].partition('=')[2]))")
    run = places.run("--contract=v2", f"--data-url=s3://{bucket}/data")
    assert run.printed == ["['a.txt']"]
    assert run.record["warnings"] == [
        f"1 data files are ignored: their names are longer than 255 characters, as that of {'y' * 40}..."
    ]


def test_code_that_cannot_be_copied_fails_the_job_as_the_platforms_download_does(
    places: Places, bucket: str, s3_client: Any
) -> None:
    put(s3_client, bucket, **{"codes/train.py": b"print('started')", "codes/../../outside.py": b"", "data/a": b""})
    run = places.run(f"--code-dir=s3://{bucket}/codes", f"--data-url=s3://{bucket}/data")
    assert (run.record["status"], run.record["exit_code"], run.outcome.train_exit) == ("FAILED", 127, 3)
    assert run.record["reason"].startswith(f"copying the code from s3://{bucket}/codes/ failed: ")
    assert "outside.py" in run.record["reason"]
    assert run.printed == []
