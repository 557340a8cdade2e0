"""The training job as a program on bad data: its exit code, its sentences, and what it leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mxnet_support import recordio
from tests.data_damage import shortened
from tests.data_folders import EDGE, DataFolder
from tests.fixtures_engines import run_job
from tests.hostile_data import TABLES

FLAGS = ("--num_layers=18", f"--image_size={EDGE}", "--num_gpus=0", "--lr=0.01", "--num_epochs=1")


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def run(data: DataFolder, *flags: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    result = run_job(f"--data_url={data.folder}", f"--train_url={data.folder}-out", *FLAGS, *flags, python=python)
    assert "Traceback" not in result.stderr and "terminate called" not in result.stderr
    return result


def left_behind(data: DataFolder) -> set[str]:
    out = Path(f"{data.folder}-out")
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_a_file_that_cannot_be_read_ends_the_job_with_3(data: DataFolder) -> None:
    (unreadable,) = [hostile for hostile in TABLES["The folder"] if hostile.outcome == "exit 3"]
    unreadable.make(data)
    result = run(data)
    assert (result.returncode, left_behind(data)) == (3, set())
    assert unreadable.says in result.stderr


@pytest.mark.parity
def test_a_file_that_is_cut_off_ends_the_job_of_the_platforms_engine_with_1(
    data: DataFolder, parity_python: str
) -> None:
    data.cut(data.starts()[20] + 100)
    result = run(data, python=parity_python)
    assert (result.returncode, left_behind(data)) == (1, set())
    assert f"record 20 at byte {data.starts()[20]}: " in result.stderr and "it is cut off." in result.stderr


def test_a_job_that_leaves_bad_records_out_trains_on_the_others(data: DataFolder) -> None:
    data.put(recordio.pack(-7, 4, b"<html>"))
    data.overwrite(data.starts()[9], b"oops")
    result = run(data, "--batch_size=7", "--disp_batches=1", "--skip_bad_records=1", "--export_model=0")
    assert result.returncode == 0, result.stderr
    assert "2 of 30 records (6.67 %) are bad and left out (--skip_bad_records=1):" in result.stderr
    assert "data: 28 training and 12 validation images in 3 classes" in result.stderr
    assert "Epoch[0] Batch [4]" in result.stderr and "Epoch[0] Batch [5]" not in result.stderr
    assert "checkpoints/resnet-0001.params" in left_behind(data)


def test_weights_that_are_no_numbers_are_neither_kept_nor_exported(data: DataFolder) -> None:
    # one update an epoch: the loss of the second is measured before the update that spoils the weights
    shortened("train", 6)(data)
    shortened("val", 3)(data)
    result = run(data, "--batch_size=6", "--num_epochs=3", "--lr_step=1", "--lr_factor=1e30")
    assert result.returncode == 1
    assert "the loss became nan in epoch 2 of 3: the training has diverged. Choose a smaller --lr" in result.stderr
    assert "; the checkpoints of the epochs before are kept." in result.stderr
    names = left_behind(data)
    assert "checkpoints/resnet-0001.params" in names
    assert not [name for name in names if name.startswith("model/") or "0002" in name]
