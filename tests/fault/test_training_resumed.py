"""Trainings that are killed or told to stop, go on, and end as if nothing had happened."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from obs_layout.pack import PackSettings, pack
from tests.fixtures_engines import CODES, ROOT, TINY_JOB, run_job

BATCHES_PER_EPOCH = 3  # 36 images by 12
NUM_EPOCHS = 2
# more than one, whose sums could differ from run to run
THREADS = {"OMP_NUM_THREADS": "2"}
GOES_ON = "started again with the same --train_url it goes on from"
SAVE_AFTER_EACH_BATCH = "--save_minutes=0.00001"


def train_until(batch: int, number: int, python: str, data: Path, out: Path, *flags: str) -> tuple[int, str]:
    """Train, send a signal when `batch`, counted from 1 over all epochs, is done; returns exit code and log."""
    epoch, in_epoch = divmod(batch - 1, BATCHES_PER_EPOCH)
    return train_until_said(f"Epoch[{epoch}] Batch [{in_epoch + 1}]", number, python, data, out, *flags)


def train_until_said(text: str, number: int, python: str, data: Path, out: Path, *flags: str) -> tuple[int, str]:
    """Train, send a signal when a line of the log holds `text`; returns exit code and log."""
    command = [python, "-W", "ignore", str(CODES / "train_caltech.py"), f"--data_url={data}", f"--train_url={out}"]
    command += [f"--num_epochs={NUM_EPOCHS}", *TINY_JOB, *flags]
    log = ""
    # a program started in the background of a shell ignores SIGINT
    with subprocess.Popen(
        command,
        env={**os.environ, **THREADS},
        stderr=subprocess.PIPE,
        text=True,
    ) as job:
        assert job.stderr is not None
        for line in job.stderr:
            log += line
            if text in line:
                job.send_signal(number)
                break
        log += job.stderr.read()
    return job.returncode, log


def train(python: str, data: Path, out: Path) -> Path:
    """Train without interruption; returns `out`."""
    flags = [f"--data_url={data}", f"--train_url={out}", f"--num_epochs={NUM_EPOCHS}", *TINY_JOB]
    whole = run_job(*flags, python=python, environment=THREADS)
    assert whole.returncode == 0, whole.stderr
    return out


@pytest.fixture(scope="module")
def uninterrupted(packed_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a training that nothing stopped."""
    return train(sys.executable, packed_data, tmp_path_factory.mktemp("whole"))


def weights(out: Path) -> bytes:
    return (out / "checkpoints" / f"resnet-{NUM_EPOCHS:04d}.params").read_bytes()


def history(out: Path) -> list[str]:
    """The lines of history.csv without the seconds."""
    rows = [line.split(",") for line in (out / "report" / "history.csv").read_text().splitlines()]
    column = rows[0].index("seconds")
    return [",".join(row[:column] + row[column + 1 :]) for row in rows]


def check_that_kills_change_nothing(python: str, data: Path, out: Path, whole: Path) -> None:
    seed = random.randrange(1000)
    points = sorted(random.Random(seed).sample(range(1, NUM_EPOCHS * BATCHES_PER_EPOCH), 3))
    for point in points:
        code, log = train_until(point, signal.SIGKILL, python, data, out, SAVE_AFTER_EACH_BATCH)
        assert code == -signal.SIGKILL, log
    flags = [f"--data_url={data}", f"--train_url={out}", f"--num_epochs={NUM_EPOCHS}", *TINY_JOB]
    last = run_job(*flags, SAVE_AFTER_EACH_BATCH, python=python, environment=THREADS)
    assert last.returncode == 0, last.stderr
    assert "going on after" in last.stderr
    assert weights(out) == weights(whole), f"killed after batches {points}, from random seed {seed}"
    assert history(out) == history(whole)


def test_a_training_killed_three_times_ends_with_the_bits_of_an_uninterrupted_one(
    uninterrupted: Path, packed_data: Path, tmp_path: Path
) -> None:
    check_that_kills_change_nothing(sys.executable, packed_data, tmp_path, uninterrupted)


@pytest.mark.parity
def test_a_training_killed_three_times_on_the_parity_engine_ends_with_the_same_bits(
    parity_python: str, packed_data: Path, tmp_path: Path
) -> None:
    whole = train(parity_python, packed_data, tmp_path / "whole")
    check_that_kills_change_nothing(parity_python, packed_data, tmp_path / "killed", whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_batch_that_is_done_and_says_from_where_it_goes_on(
    number: signal.Signals, uninterrupted: Path, packed_data: Path, tmp_path: Path
) -> None:
    code, log = train_until(4, number, sys.executable, packed_data, tmp_path)
    assert code == 128 + number
    told = re.search(
        rf"stopped by {number.name}; {GOES_ON} batch (\d) of epoch 2$",
        log,
        re.M,
    )
    assert told and "Traceback" not in log, log
    assert (tmp_path / "checkpoints" / f"resnet-0001-batch-{int(told.group(1)) - 1:06d}.json").exists()
    flags = [f"--data_url={packed_data}", f"--train_url={tmp_path}", f"--num_epochs={NUM_EPOCHS}", *TINY_JOB]
    again = run_job(*flags, environment=THREADS)
    assert f"going on after 1 epochs and {int(told.group(1)) - 1} batches" in again.stderr
    assert weights(tmp_path) == weights(uninterrupted)


def test_a_signal_during_the_validation_does_not_cost_the_epoch(drawn_images: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    pack(
        drawn_images, data, PackSettings(resize=64, train_ratio=0.3)
    )  # 15 to train, in two batches, and 30 to validate
    whole = train(sys.executable, data, tmp_path / "whole")
    code, log = train_until_said("Epoch[0] Time cost", signal.SIGTERM, sys.executable, data, out)
    assert code == 128 + signal.SIGTERM
    # the second, where the signal came too late
    places = {"the validation of epoch 1": "resnet-0000-batch-000002.json", "batch 1 of epoch 2": "resnet-0001.json"}
    told = re.search(rf"stopped by SIGTERM; {GOES_ON} (.*)$", log, re.M)
    assert told and told.group(1) in places, log
    assert (out / "checkpoints" / places[told.group(1)]).exists()
    train(sys.executable, data, out)
    assert weights(out) == weights(whole)
    assert history(out) == history(whole)


def program(body: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a program that has entered an Interruption and prints `ready`."""
    text = "import sys, time\nfrom training.interruption import Interruption\n" + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        cwd=ROOT / "codes",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# as a batch that takes minutes: the main thread is in native code again as soon as the signal is noted
STUCK = """
import ctypes
with Interruption(grace_s=float(sys.argv[1])) as interruption, interruption.saving():
    print('ready', flush=True)
    for _ in range(9):
        ctypes.CDLL(None).sleep(60)
"""


def test_a_batch_that_takes_too_long_does_not_keep_the_process_from_ending() -> None:
    with program(STUCK, "0.3") as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 143
    assert errors == f"ended by SIGTERM, not done within 0.3 s; {GOES_ON} the newest checkpoint\n"


def test_a_second_signal_ends_the_process_at_once() -> None:
    with program(STUCK, "60") as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)  # two of a kind that come at once are one
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert errors == f"ended by SIGINT, told twice; {GOES_ON} the newest checkpoint\n"


def test_a_signal_before_the_training_ends_the_program_where_it_is() -> None:
    body = """
    try:
        with Interruption():
            print('ready', flush=True)
            time.sleep(60)
    except Exception as error:
        print(error, error.exit_code)
    """
    with program(body) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=30)[0]
    assert output == f"stopped by SIGTERM; {GOES_ON} the newest checkpoint 143\n"
