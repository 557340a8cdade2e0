"""The whole path through a bucket: push, train, model/ in the bucket, serve from it, predict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.fixtures_engines import ROOT, TINY_JOB, run_job, start_job
from tests.model_packages import ServerProcess


def command(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def event_steps(s3_client: Any, bucket: str, prefix: str, folder: Path) -> list[int]:
    """Return the steps of the training accuracy that TensorBoard sees in the two event files below a prefix."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    keys = [item["Key"] for item in s3_client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    assert len(keys) == 2
    for key in keys:
        s3_client.download_file(bucket, key, str(folder / key.rpartition("/")[2]))
    accumulator = EventAccumulator(str(folder)).Reload()
    return [event.step for event in accumulator.Scalars("accuracy/train")]


def test_from_packed_data_in_a_bucket_to_a_prediction_over_http(
    packed_data: Path, drawn_images: Path, bucket: str, s3_client: Any, tmp_path: Path
) -> None:
    command("obs_layout", "push", str(packed_data), f"s3://{bucket}/mxnet_format/")
    result = run_job(
        f"--data_url=s3://{bucket}/mxnet_format",
        f"--train_url=s3://{bucket}/out/V0001/",
        "--num_epochs=1",
        *TINY_JOB,
        environment={"DLS_LOCAL_CACHE_PATH": str(tmp_path)},
    )
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == [], "the job's scratch folder was left behind"
    keys = {item["Key"] for item in s3_client.list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]}
    assert {
        f"out/V0001/model/{name}"
        for name in (
            "pred_model-symbol.json",
            "pred_model-0000.params",
            "config.json",
            "customize_service.py",
            "synset.txt",
            "preprocessing.json",
        )
    } <= keys
    assert "out/V0001/checkpoints/resnet-0001.json" in keys
    assert {f"out/V0001/report/{name}" for name in ("index.html", "curves.png", "metrics.json", "history.csv")} <= keys
    server = ServerProcess(f"s3://{bucket}/out/V0001", tmp_path).wait_until_serving()
    try:
        picture = str(drawn_images / "key" / "image_0001.jpg")
        answer = json.loads(command("modelarts_local", "predict", picture, f"--url={server.url}", "--json"))
    finally:
        server.process.terminate()
        server.process.wait()
    assert answer["status"] == 200
    assert answer["answer"]["predicted_label"] == answer["answer"]["scores"][0][0]


def test_a_run_in_a_bucket_goes_on_on_another_machine(
    packed_data: Path, bucket: str, s3_client: Any, tmp_path: Path
) -> None:
    flags = [f"--data_url={packed_data}", "--tensorboard=1", *TINY_JOB]
    assert run_job(*flags, f"--train_url=s3://{bucket}/V0001", "--num_epochs=1").returncode == 0
    # obs:// names the same place, with or without a slash
    result = run_job(
        *flags,
        f"--train_url=obs://{bucket}/V0001/",
        "--num_epochs=2",
        environment={"DLS_LOCAL_CACHE_PATH": str(tmp_path)},
    )
    assert result.returncode == 0, result.stderr
    assert event_steps(s3_client, bucket, "V0001/tensorboard/", tmp_path) == [1, 2]
    assert f"model exported to obs://{bucket}/V0001/model" in result.stderr
    assert "going on after 1 epochs" in result.stderr


def test_a_bucket_that_does_not_exist_is_a_storage_error(packed_data: Path, bucket: str) -> None:
    result = run_job(f"--data_url=s3://{bucket}-missing/data", f"--train_url=s3://{bucket}/V0001", *TINY_JOB)
    assert result.returncode == 3
    assert f"s3://{bucket}-missing/data" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_train_url_that_cannot_be_written_is_found_before_training(
    packed_data: Path, bucket: str, tmp_path: Path
) -> None:
    result = run_job(
        f"--data_url={packed_data}",
        f"--train_url=s3://{bucket}-missing/V0001",
        *TINY_JOB,
        environment={"DLS_LOCAL_CACHE_PATH": str(tmp_path)},
    )
    assert result.returncode == 3
    assert f"making --train_url s3://{bucket}-missing/V0001 failed" in result.stderr
    assert "Epoch[0]" not in result.stderr
    assert list(tmp_path.iterdir()) == [], "the job's scratch folder was left behind"


def test_results_are_kept_on_the_machine_when_the_bucket_goes_away(
    packed_data: Path, bucket: str, s3_client: Any, tmp_path: Path
) -> None:
    vanishing = f"{bucket}-vanishing"
    s3_client.create_bucket(Bucket=vanishing)
    with start_job(
        f"--data_url={packed_data}",
        f"--train_url=s3://{vanishing}/V0001",
        "--num_epochs=3",
        *TINY_JOB,
        environment={"DLS_LOCAL_CACHE_PATH": str(tmp_path)},
    ) as job:
        assert job.stderr is not None
        log = []
        for line in job.stderr:
            log.append(line)
            if "Epoch[0] Train-accuracy" in line:  # before the first checkpoint
                for item in s3_client.list_objects_v2(Bucket=vanishing).get("Contents", ()):
                    s3_client.delete_object(Bucket=vanishing, Key=item["Key"])
                s3_client.delete_bucket(Bucket=vanishing)
    text = "".join(log)
    assert job.returncode == 3
    assert "the checkpoint of 3 epochs stays on this machine, the training goes on" in text
    assert f"results that could not be copied to s3://{vanishing}/V0001 are kept on this machine in" in text
    assert len(list(tmp_path.glob("*/output/model/pred_model-0000.params"))) == 1
