"""Several workers that train one network: on small numbers exactly, and as a job."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_engines import CODES, ROOT, TINY_JOB, FinishedJob
from tests.training_jobs import Places, new_places
from tests.worker_processes import run_workers

PROGRAM = ROOT / "tests" / "programs" / "small_training.py"


@pytest.fixture(scope="module")
def small_training() -> dict[str, Any]:
    return runpy.run_path(str(PROGRAM))


@pytest.fixture(scope="module")
def two_workers() -> list[dict[str, Any]]:
    return results_of_two("dist_sync", sys.executable)


def results_of_two(kv_store: str, python: str, exit_codes: tuple[int, ...] = (0, 0)) -> list[dict[str, Any]]:
    """What two workers report, in the order of their ranks; "last words" is what they print after that."""
    workers = run_workers(python, *[[str(PROGRAM), kv_store]] * 2)
    results = []
    for worker in workers:
        report, _, last_words = worker.stdout.partition("\n")
        assert report.startswith("{"), worker.stdout + worker.stderr
        results.append({**json.loads(report), "last words": last_words, "exit code": worker.returncode})
    results.sort(key=lambda result: int(result["rank"]))
    assert tuple(result["exit code"] for result in results) == exit_codes, [worker.stderr for worker in workers]
    return results


def alone(small_training: dict[str, Any], **how: Any) -> Any:
    """What one worker with the whole batches comes to."""
    from training import cluster

    return small_training["train"](cluster.OneWorker(), how.pop("kv_store", "device"), **how)


def check_same(weights: dict[str, list[float]], others: dict[str, list[float]]) -> None:
    assert weights.keys() == others.keys()
    for name in weights:
        assert weights[name] == pytest.approx(others[name], rel=1e-4, abs=1e-6), name


def check_what_they_tell_each_other(workers: list[dict[str, Any]], small_training: dict[str, Any]) -> None:
    for worker in workers:
        assert worker["sum"] == [3.0, 20.0, 2.0**24]
        assert worker["shared"] == hashlib.sha256(small_training["MESSAGE"]).hexdigest()
        assert worker["same"] is None
    assert [worker["different"] for worker in workers] == [
        "the training ends, because worker 1 cannot go on; its log says why.",
        "this worker, number 1, was given something else than worker 0: seed is 1 here and 0 there. "
        "Start all workers with the same flags on the same data.",
    ]


def test_workers_add_up_share_and_compare_what_they_have(
    two_workers: list[dict[str, Any]], small_training: dict[str, Any]
) -> None:
    check_what_they_tell_each_other(two_workers, small_training)


def test_two_workers_come_to_the_weights_of_one_with_the_same_batches(
    two_workers: list[dict[str, Any]], small_training: dict[str, Any]
) -> None:
    weights, statistics, losses = alone(small_training)
    first, second = two_workers
    assert first["weights"] == second["weights"]
    check_same(first["weights"], weights)
    check_same(first["statistics"], statistics)
    assert [sum(both) for both in zip(first["losses"], second["losses"])] == pytest.approx(losses, rel=1e-4)


def test_a_worker_that_fails_during_an_epoch_tells_the_others(two_workers: list[dict[str, Any]]) -> None:
    assert [worker["failure"] for worker in two_workers] == [
        "the training ends, because worker 1 cannot go on; its log says why.",
        "no such picture",
    ]


def test_compressed_gradients_keep_workers_the_same_and_what_they_add_up_exact(
    two_workers: list[dict[str, Any]],
) -> None:
    first, second = two_workers
    assert first["compressed"] == second["compressed"]
    assert list(first["compressed"].values()) != list(first["weights"].values())
    for worker in two_workers:
        assert worker["sum at last"][:2] == [2.25, -6.0] and math.isnan(worker["sum at last"][2])


@pytest.fixture(scope="module")
def two_async_workers() -> list[dict[str, Any]]:
    """Two workers of which the second dies without a word after all its work."""
    return results_of_two("dist_async", sys.executable, exit_codes=(5, 3))


def test_an_update_of_each_worker_on_its_own_adds_up_to_one_of_both(
    two_async_workers: list[dict[str, Any]], small_training: dict[str, Any]
) -> None:
    check_what_they_tell_each_other(two_async_workers, small_training)
    first, second = two_async_workers
    assert first["weights"] == second["weights"]
    check_same(first["weights"], alone(small_training, steps=1)[0])


def test_a_worker_whose_fellow_is_gone_ends(two_async_workers: list[dict[str, Any]]) -> None:
    assert two_async_workers[0]["last words"] == (
        "no answer from the other workers for 1 s (--worker_timeout): one of them, or a server, has ended or hangs; "
        "its log may say why. The same command goes on from the newest checkpoint.\n"
    )


@pytest.mark.parity
def test_two_workers_come_to_the_weights_of_one_on_the_platforms_engine_too(
    parity_python: str, small_training: dict[str, Any]
) -> None:
    workers = results_of_two("dist_sync", parity_python)
    check_what_they_tell_each_other(workers, small_training)
    one = subprocess.run(
        [parity_python, str(PROGRAM), "device"],
        env={**os.environ, "PYTHONPATH": str(CODES)},
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    assert workers[0]["weights"] == workers[1]["weights"]
    check_same(workers[0]["weights"], json.loads(one.stdout)["weights"])


@pytest.mark.parametrize("kv_store", ["device", "local"])
def test_two_devices_come_to_the_weights_of_one(kv_store: str, small_training: dict[str, Any]) -> None:
    check_same(alone(small_training, kv_store=kv_store, num_devices=2)[0], alone(small_training)[0])


def test_two_devices_may_send_compressed_gradients(small_training: dict[str, Any]) -> None:
    weights, _, losses = alone(small_training, num_devices=2, compression="2bit", steps=20)
    assert weights != alone(small_training, num_devices=2, steps=20)[0]
    assert losses[-1] < losses[0]


def test_two_workers_go_on_with_the_training_of_one_and_worker_0_alone_writes(
    finished_job: FinishedJob, packed_data: Path, tmp_path: Path
) -> None:
    places: Places = new_places(tmp_path)
    out = places.out / "V0001"
    shutil.copytree(finished_job.folder / "checkpoints", out / "checkpoints")
    for written_last in (out / "checkpoints").glob("resnet-0002.*"):
        written_last.unlink()
    flags = [flag.lstrip("-") for flag in (*TINY_JOB, "--num_epochs=2", "--kv_store=dist_sync") if "gpus" not in flag]
    run = places.run(
        "--nodes=2",
        f"--code-dir={CODES}",
        "--boot-file=codes/train_caltech.py",
        f"--data-url={packed_data}",
        "--train-version=V0001",
        *(f"--param={flag}" for flag in flags),
    )
    logs = sorted((run.job.folder / f"train_caltech.{node}").read_text() for node in (0, 1))
    assert run.record["status"] == "COMPLETED", logs
    (first,) = [log for log in logs if "worker 0: going on after 1 epochs" in log]
    (second,) = [log for log in logs if log != first]
    assert len(re.findall(r"worker 0: Epoch\[1\] Validation-accuracy=", first)) == 1
    assert re.findall(r"worker 1: .*", second) == ["worker 1: worker 0 of 2 logs the epochs and writes the results"]
    with open(out / "report" / "history.csv", encoding="utf-8") as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["0", "1"]
    assert sum(map(sum, json.loads((out / "report" / "metrics.json").read_text())["confusion_matrix"])) == 9
    assert {path.name for path in places.out.iterdir()} == {"V0001"}
    assert {path.name for path in out.iterdir()} == {"checkpoints", "report", "model"}
    assert (out / "checkpoints" / "resnet-0002.json").exists()
