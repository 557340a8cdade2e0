"""The record files are MXNet's own, byte for byte, and both engines read them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from obs_layout.pack import PackSettings, pack
from tests.picture_folders import write_classes

PROGRAM = Path(__file__).with_name("record_files.py")
CODES = Path(__file__).resolve().parents[2] / "codes"
IMAGES = [[number, float(number % 2), number, "\xff\xd8"] for number in range(6)]


@pytest.fixture
def local_python() -> str:
    """The interpreter with the local engine: the one that runs the tests."""
    if importlib.util.find_spec("mxnet") is None:
        pytest.skip("mxnet is not installed here")
    return sys.executable


def run_program(python: str, *arguments: Path) -> dict[str, Any]:
    command = [python, "-W", "ignore", str(PROGRAM), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(CODES)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def check_both_ways(python: str, folder: Path) -> dict[str, Any]:
    result = run_program(python, folder)
    assert result["same"] == {".rec": True, ".idx": True}
    assert result["recordio"] == IMAGES
    assert result["iterator"] == {"labels": [0, 1, 0, 1, 0, 1], "shapes": [[2, 3, 24, 24]]}
    return result


def check_packed(python: str, folder: Path) -> None:
    pack(write_classes(folder / "in", {"a": 4, "b": 6}), folder / "out", PackSettings(resize=32))
    result = run_program(python, folder, folder / "out/Caltech101_train.rec", folder / "out/Caltech101_train.idx")
    rows = [line.split("\t") for line in (folder / "out/Caltech101_train.lst").read_text().splitlines()]
    assert result["recordio"] == [[int(key), float(label), int(key), "\xff\xd8"] for key, label, _ in rows]
    assert result["iterator"]["labels"] == [float(label) for _, label, _ in rows]


def test_the_local_engine_writes_the_same_bytes_and_reads_ours(local_python: str, tmp_path: Path) -> None:
    check_both_ways(local_python, tmp_path)


def test_the_local_engine_reads_what_pack_writes(local_python: str, tmp_path: Path) -> None:
    check_packed(local_python, tmp_path)


def test_the_parity_engine_writes_the_same_bytes_and_reads_ours(parity_python: str, tmp_path: Path) -> None:
    result = check_both_ways(parity_python, tmp_path)
    assert (result["engine"], result["python"]) == ("1.2.1", [3, 6])


def test_the_parity_engine_reads_what_pack_writes(parity_python: str, tmp_path: Path) -> None:
    check_packed(parity_python, tmp_path)
