"""The demo as a program."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from pathlib import Path

import pytest

from tests.fixtures_engines import ROOT

TIMEOUT_S = 1200
END_TIMEOUT_S = 60
PROCESSES = Path("/proc")


def command_of_demo(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "demo", *arguments]


def environment_of_demo(**more: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name != "S3_ENDPOINT"}, **more}


def run_demo(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command_of_demo(*arguments),
        cwd=ROOT,
        env=environment_of_demo(**(environment or {})),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def processes_with(variable: str) -> dict[int, str]:
    """The ids and command lines of all living processes with `NAME=value` in their environment."""
    found: dict[int, str] = {}
    for process in PROCESSES.glob("[0-9]*"):
        try:
            if variable in (process / "environ").read_bytes().decode(errors="replace").split("\0"):
                command = (process / "cmdline").read_bytes().decode(errors="replace")
                found[int(process.name)] = command.replace("\0", " ")
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


def test_the_drawn_objects_are_learned_and_one_is_predicted_over_http() -> None:
    result = run_demo("--epochs=6")
    assert result.returncode == 0, result.stderr
    for number, step in enumerate(("draw", "pack", "push", "train", "serve", "predict"), start=1):
        assert re.search(rf"^{number}/6  {step} +[\d.]+ s  \S", result.stdout, re.M), result.stdout
    first, last = (
        float(re.search(rf"epoch {epoch} of 6: validation accuracy ([\d.]+)", result.stdout).group(1))  # type: ignore[union-attr]
        for epoch in (1, 6)
    )
    assert first < 0.45, "a hardly trained network should fail: the pictures are too easy"
    assert last > 0.55, "chance is 0.1"
    answer = json.loads(re.search(r"^\{.*?^\}", result.stdout, re.M | re.S).group(0))  # type: ignore[union-attr]
    assert len(answer["scores"]) == 5 and answer["scores"][0][0] == answer["predicted_label"]
    assert "make demo IMAGES=path/to/101_ObjectCategories.tar" in result.stdout


def test_own_images_in_an_archive_go_the_same_way_through_a_given_endpoint(
    drawn_images: Path, bucket: str, tmp_path: Path
) -> None:
    archive = tmp_path / "images.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(drawn_images, "101_ObjectCategories")
    given = {name: os.environ[name] for name in ("S3_ENDPOINT", "S3_USE_HTTPS", "AWS_ACCESS_KEY_ID")}
    result = run_demo(
        str(archive), "--epochs=1", f"--keep={tmp_path / 'kept'}", f"--bucket={bucket}", environment=given
    )
    assert result.returncode == 0, result.stderr
    assert f"storage: {given['S3_ENDPOINT']}" in result.stdout
    assert "45 images of 3 classes to RecordIO: 36 to train, 9 to validate" in result.stdout
    assert f"V0001/model/, V0001/report/index.html, data and logs are in {tmp_path / 'kept'}" in result.stdout
    assert (tmp_path / "kept" / "V0001" / "model" / "config.json").exists()
    assert (tmp_path / "kept" / "V0001" / "report" / "index.html").exists()
    assert re.findall(r"^(\d/\d)  (\w+)", result.stdout, re.M) == [
        ("1/5", "pack"),
        ("2/5", "push"),
        ("3/5", "train"),
        ("4/5", "serve"),
        ("5/5", "predict"),
    ]
    assert (tmp_path / "kept" / "train.log").read_text().count("Train-accuracy") == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (
            ["nowhere"],
            {},
            "demo: nowhere does not exist; give a folder with one folder a class, or a .tar or .zip of it.",
        ),
        ([str(ROOT / "README.md")], {}, "obs_layout pack ended with exit code 1"),
    ],
)
def test_wrong_images_end_with_a_sentence(arguments: list[str], environment: dict[str, str], sentence: str) -> None:
    result = run_demo(*arguments, environment=environment)
    assert result.returncode in (1, 2)
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not PROCESSES.is_dir(), reason="the environments of processes are read from /proc")
def test_sigterm_ends_the_training_too_and_leaves_no_temporary_files(drawn_images: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    value = uuid.uuid4().hex
    mark = f"MARK={value}"
    demo = subprocess.Popen(
        command_of_demo(str(drawn_images), "--epochs=1000", f"--keep={tmp_path / 'kept'}"),
        cwd=ROOT,
        env=environment_of_demo(TMPDIR=str(temporary), MARK=value),
        stdout=subprocess.PIPE,
        text=True,
    )
    with demo:
        try:
            assert demo.stdout is not None
            assert any("epoch 1 of 1000" in line for line in demo.stdout), "the training did not come to an epoch"
            assert any("train_caltech.py" in command for command in processes_with(mark).values())
            demo.send_signal(signal.SIGTERM)
            assert demo.wait(END_TIMEOUT_S) == 143
            deadline = time.monotonic() + END_TIMEOUT_S
            while processes_with(mark) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert processes_with(mark) == {}
        finally:
            for process in processes_with(mark):
                os.kill(process, signal.SIGKILL)
    assert list(temporary.iterdir()) == []
