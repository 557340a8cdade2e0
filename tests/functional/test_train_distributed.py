"""A distributed job: MXNet's own parameter server between processes of this computer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelarts_local.job import processes
from tests.training_jobs import Places, new_places

JOB_DEADLINE_S = 120
# Adds up in the parameter server what each worker found in its own shard of the data
ADDING = """\
import os, sys
import mxnet as mx
kv = mx.kv.create('dist_sync')
mine = [number for number in range(10) if number % kv.num_workers == kv.rank]
print('worker', kv.rank, 'of', kv.num_workers, 'has', mine, flush=True)
kv.init('sum', mx.nd.zeros((1,)))
kv.push('sum', mx.nd.array([sum(mine)]))
total = mx.nd.zeros((1,))
kv.pull('sum', out=total)
print('sum', int(total.asscalar()), flush=True)
if '--die=1' in sys.argv:
    if kv.rank == 1:
        print('ERROR the disk of this node is gone', flush=True)
        os._exit(3)
    kv.push('sum', total)
    kv.pull('sum', out=total)
    total.wait_to_read()
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return new_places(tmp_path)


def check_that_workers_shared(places: Places, *flags: str) -> None:
    process = places.write(ADDING).start("--nodes=2", "--quiet", *flags)
    output, errors = process.communicate(timeout=JOB_DEADLINE_S)
    job = places.wait_for("Training completed.")
    logs = [(job.folder / f"train.{node}").read_text() for node in (0, 1)]
    assert process.returncode == 0, output + errors + "".join(logs)
    assert json.loads((job.folder / "job.json").read_text())["logs"] == [
        str(job.folder / f"train.{node}") for node in (0, 1)
    ]
    assert all("sum 45\n" in log for log in logs)
    assert sorted(line for log in logs for line in log.splitlines() if line.startswith("worker")) == [
        "worker 0 of 2 has [0, 2, 4, 6, 8]",
        "worker 1 of 2 has [1, 3, 5, 7, 9]",
    ]
    assert "[ModelArts Service Log]BATCH_CUSTOM1_HOSTS=127.0.0.1:" in logs[0]


def test_workers_read_their_own_shard_and_share_through_the_parameter_server(places: Places) -> None:
    check_that_workers_shared(places)


@pytest.mark.parity
def test_workers_share_on_the_platforms_engine_too(places: Places, parity_python: str) -> None:
    check_that_workers_shared(places, f"--engine={parity_python}", "--servers=2")


def test_a_worker_that_dies_ends_the_job_with_its_reason_and_leaves_no_process(places: Places) -> None:
    process = places.write(ADDING).start("--nodes=2", "--param=die=1", "--quiet")
    output, _ = process.communicate(timeout=JOB_DEADLINE_S)
    job = places.wait_for("Training completed.")
    record = json.loads((job.folder / "job.json").read_text())
    assert process.returncode == 1
    assert (record["status"], record["exit_code"]) == ("FAILED", 3)
    assert record["reason"] in [f"worker {n}: the disk of this node is gone (exit code 3)" for n in (0, 1)]
    closing, advice = output.splitlines()
    assert closing.endswith(f": {record['reason']}. Log: {job.folder}")
    assert advice.startswith("To go on: ") and "--nodes=2" in advice
    assert record["processes"] == []


def test_each_node_is_told_its_number(places: Places) -> None:
    names = "('DLS_TASK_INDEX', 'DLS_TASK_NUMBER', 'DMLC_ROLE')"
    places.write(f"import os; print([os.environ[name] for name in {names}])")
    run = places.run("--nodes=2")
    assert run.record["status"] == "COMPLETED"
    assert run.printed == ["['0', '2', 'worker']"]
    assert (run.job.folder / "train.1").read_text() == "['1', '2', 'worker']\n"
    assert not any(map(processes.is_group_running, run.record["processes"]))
