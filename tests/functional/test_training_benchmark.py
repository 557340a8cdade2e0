"""The benchmark of trainings: what it measures, prints and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import training_report
from benchmarks.failures import BenchmarkFailed
from benchmarks.peers import ROOT
from benchmarks.training import build_parser, case_of
from benchmarks.training_report import MEBIBYTE, Memory, Run, Start
from benchmarks.training_sides import Case, speed_of, stopping_after
from benchmarks.watched_program import WatchedProgram
from tests.peer_programs import stand_in

LINE = "2026-11-25 10:00:00,000 INFO Epoch[0] Batch [%d]\tSpeed: %.2f samples/sec\taccuracy=0.1\teta_s=5\n"
# logs as the job does, ends when it is told to, and says so; what is killed then is there before the first line
JOB_IN_SHELL = r"""
sleep 1000 &
trap 'kill $!; echo told to end; exit 143' TERM
for number in 1 2 3; do printf 'INFO Epoch[0] Batch [%d]\tSpeed: 10.00 samples/sec\n' $number; done
wait
"""


def run_benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.training", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def watched(script: str, timeout_s: float = 60) -> WatchedProgram:
    return WatchedProgram(["sh", "-c", script], os.environ, timeout_s)


def test_job_and_bare_loops_are_measured_on_the_same_data(packed_data: Path, tmp_path: Path) -> None:
    done = run_benchmark(
        f"--data={packed_data}",
        "--case=resnet18-48-12",
        "--only=job,ceiling,waiting",
        "--rounds=1",
        "--updates=2",
        f"--json={tmp_path / 'result.json'}",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert [(run["case"], run["side"], run["round"]) for run in result["runs"]] == [
        ("resnet18-48-12", side, 1) for side in ("job", "ceiling", "waiting")
    ]
    assert all(run["images_per_s"] > 0 for run in result["runs"])
    job, ceiling, waiting = (run["waited"] for run in result["runs"])
    assert job is None
    assert 0 <= ceiling < 1
    assert 0 < waiting < 1
    assert [bar["claim"] for bar in result["bars"]] == ["resnet18-48-12: job at least 0.95x ceiling"]
    assert done.stdout.startswith("resnet18-48-12: ResNet-18, 48 px, 12 images an update\n")
    assert "round 1 of 1: resnet18-48-12, ceiling: " in done.stderr


def test_a_job_that_does_not_train_is_shown_with_its_last_words(tmp_path: Path) -> None:
    done = run_benchmark(f"--data={tmp_path}", "--case=resnet18-48-12", "--only=job", "--rounds=1")
    assert done.returncode == 1
    assert f"train_caltech.py --data_url={tmp_path} " in done.stderr
    assert "ended with status 1; its last words:\n" in done.stderr
    assert f"no *train*.rec in {tmp_path}" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_job_is_stopped_when_it_has_logged_enough_and_read_to_its_end() -> None:
    with watched(JOB_IN_SHELL) as job:
        assert list(stopping_after(job, 3))[3:] == ["told to end\n"]
        assert str(job.failure()) == (
            f"`sh -c {JOB_IN_SHELL} ...` ended with status 143; its last words:\n"
            + "".join(f"INFO Epoch[0] Batch [{number}]\tSpeed: 10.00 samples/sec\n" for number in (1, 2, 3))
            + "told to end"
        )


def test_a_program_goes_with_its_children_when_it_is_left_early(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with watched(f"sleep 1000 > {pipe} & echo started; wait") as program:
        assert next(iter(program)) == "started\n"
        held = pipe.open("rb")  # its other end is the child's
    with held:
        assert held.read() == b""


def test_a_program_that_hangs_is_ended() -> None:
    with watched("sleep 1000", timeout_s=0.2) as program:
        assert list(program) == []
        assert not program.succeeded


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed) as failed:
        with WatchedProgram([f"{tmp_path}/not-there"], os.environ):
            pass
    assert str(failed.value) == f"cannot start `{tmp_path}/not-there`: No such file or directory."


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc; run on Linux")
def test_the_memory_that_a_program_holds_is_read_while_it_runs() -> None:
    hold = "import time; held = bytearray(100 << 20); print('held', flush=True); time.sleep(1000)"
    with WatchedProgram([sys.executable, "-c", hold], os.environ) as program:
        assert next(iter(program)) == "held\n"
        assert 100 < program.resident_bytes() / MEBIBYTE < 200
    with pytest.raises(BenchmarkFailed, match="does not tell the memory; measure on Linux, or leave it out"):
        program.resident_bytes()


def test_the_speed_is_that_of_the_updates_after_the_warm_up() -> None:
    lines = [LINE % (number, speed) for number, speed in enumerate((1, 2, 10, 40, 3), 1)]
    lines.insert(3, "INFO Epoch[0] Train-accuracy=0.5\n")
    assert speed_of(lines, 2, 2) == pytest.approx(16.0)  # half of the images at 10 a second, half at 40
    assert speed_of(lines, 2, 4) is None
    assert speed_of([], 0, 1) is None


def test_all_lines_are_read_though_fewer_are_measured() -> None:
    lines = iter([LINE % (1, 10), LINE % (2, 10), "the end\n"])
    assert speed_of(lines, 0, 1) == pytest.approx(10)
    assert list(lines) == []


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("resnet18-112", Case(18, 112, 64)),
        ("resnet34-224", Case(34, 224, 32)),
        ("resnet18-96-128", Case(18, 96, 128)),
    ],
)
def test_a_case_is_named_by_layers_pixels_and_batch(name: str, case: Case) -> None:
    assert case_of(name) == case
    assert case.name == name


def a_run(side: str, images_per_s: float, number: int = 1, waited: float | None = None) -> Run:
    return Run("resnet18-112", side, number, images_per_s, 600 << 20, waited)


def a_result(*runs: Run, **parts: Any) -> dict[str, Any]:
    result = {
        "runs": runs,
        "cases": {"resnet18-112": "ResNet-18"},
        "settings": {run.side: "as it comes" for run in runs},
        "memory": [],
        "starts": [],
        "data": "packed",
        "machine": {"cores": 2},
    }
    return {**result, **parts}


def test_the_table_shows_medians_and_the_spread_of_the_ratio_within_rounds() -> None:
    jobs = [a_run("job", speed, number) for number, speed in enumerate((40, 30, 20), 1)]
    torch = [a_run("pytorch", speed, number, waited=0.01 * number) for number, speed in enumerate((20, 20, 10), 1)]
    lines = training_report.as_text(a_result(*torch, *jobs)).splitlines()
    assert lines[0] == "resnet18-112: ResNet-18"
    assert lines[2].split() == ["pytorch", "20.00", "1.50", "1.50", "-", "2.00", "2.0%", "600", "3"]
    assert lines[3].split() == ["job", "30.00", "1.00", "1.00", "-", "1.00", "600", "3"]
    assert "pytorch: the same network and recipe, channels_last, from the original images; as it comes" in lines
    assert lines[-2:] == ["Data: packed", "Machine: cores 2"]


def test_each_bar_is_printed_with_what_was_measured() -> None:
    text = training_report.as_text(a_result(a_run("job", 38.0), a_run("ceiling", 40.0), a_run("pytorch", 30.0)))
    assert "pass  resnet18-112: job at least 0.95x ceiling: 0.95\n" in text
    assert "FAIL  resnet18-112: job at least 1.3x pytorch: 1.27\n" in text
    assert "1 of 2 bars passed.\n" in text


def test_without_the_job_nothing_is_compared() -> None:
    summaries = training_report.summarize([a_run("ceiling", 40.0), a_run("pytorch", 30.0)])
    assert training_report.bars(summaries) == []
    assert {summary.ratio for summary in summaries.values()} == {None}


def test_memory_is_told_after_the_second_and_the_last_epoch() -> None:
    held = [100 * MEBIBYTE, 400 * MEBIBYTE, 900 * MEBIBYTE, 410 * MEBIBYTE]
    lines = training_report.as_text(a_result(memory=[Memory("resnet18-112", held, 1000 * MEBIBYTE)])).splitlines()
    assert lines[0] == (
        "resnet18-112: the job holds 400 MiB after epoch 2 and 410 MiB after epoch 4, 1.025 times as much; its peak is "
        "1,000 MiB"
    )


def test_the_start_from_a_bucket_is_told_beside_that_from_a_folder() -> None:
    starts = [Start("resnet18-112", number, 10.0, bucket_s) for number, bucket_s in enumerate((12.0, 15.0, 30.0), 1)]
    lines = training_report.as_text(a_result(starts=starts)).splitlines()
    assert lines[0] == (
        "resnet18-112: the first update is done 10.0 s after the start from a folder, 15.0 s from a bucket: 1.50x "
        "(medians of 3)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data=no-such-folder"], "'no-such-folder' is not there"),
        (["--data=.", "--only=job,tensorflow"], "'tensorflow' is none of job,ceiling,pytorch,waiting,memory"),
        (["--data=.", "--case=resnet50-224-32"], "'resnet50-224-32' is neither of resnet18-112, resnet34-224 nor like"),
        (["--data=.", "--case=resnet18-96"], "'resnet18-96' is neither of resnet18-112, resnet34-224 nor like"),
        (["--data=.", "--updates=0"], "'0' is not a whole number of at least 1"),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_pytorch_needs_the_original_images(tmp_path: Path) -> None:
    done = run_benchmark(f"--data={tmp_path}", "--case=resnet18-48-12", "--only=pytorch")
    assert done.returncode == 1
    assert done.stderr == (
        "benchmarks.training: pytorch needs --images=FOLDER, the original images; leave it out with --only.\n"
    )


def test_a_network_of_another_number_of_weights_is_found_before_anything_is_measured(
    packed_data: Path, tmp_path: Path
) -> None:
    stand_in(tmp_path / "tools", "torch", """#!/bin/sh\necho '{"weights": 1234}'\n""")
    done = run_benchmark(
        f"--data={packed_data}",
        f"--images={tmp_path}",
        f"--tools={tmp_path / 'tools'}",
        "--case=resnet18-48-12",
        "--only=job,pytorch",
    )
    assert done.returncode == 1
    # 11,176,512 of ResNet-18 without its last layer, 19,232 more for the stem of form D, 3 x 513 for the classes
    assert done.stderr.splitlines()[-1] == (
        "benchmarks.training: resnet18-48-12: MXNet trains 11,197,283 weights and PyTorch 1,234; give --images the "
        "folder that --data was packed from, with as many classes."
    )
