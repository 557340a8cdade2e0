"""A job that begins with the weights of another network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures_engines import CODES, ROOT, TINY_JOB, FinishedJob, run_job
from tests.networks_of_others import convolutional_network, residual_network, save_gluon_network, save_network

PROGRAM = ROOT / "tests" / "programs" / "save_and_load_networks.py"
DEADLINE_S = 120


def test_a_network_of_others_is_trained_exported_and_gone_on_with(
    packed_data: Path, finished_job: FinishedJob, tmp_path: Path
) -> None:
    save_network(residual_network(), tmp_path / "resnet-18")
    places = (f"--data_url={packed_data}", f"--train_url={tmp_path / 'out'}")
    raw_pixels = ("--rgb_mean=0,0,0", "--rgb_std=1,1,1")
    first = (f"--pretrained_url={tmp_path / 'resnet-18'}", *raw_pixels)
    result = run_job(*places, *first, "--num_epochs=1", "--lr_step=9", *TINY_JOB)
    assert result.returncode == 0, result.stderr
    model = tmp_path / "out" / "model"
    preprocessing = json.loads((model / "preprocessing.json").read_text())
    assert (preprocessing["mean_rgb"], preprocessing["std_rgb"]) == ([0, 0, 0], [1, 1, 1])
    assert "bn_data" in (model / "pred_model-symbol.json").read_text()

    other = run_job(*places, f"--pretrained_url={finished_job.model}", *raw_pixels, "--num_epochs=1", *TINY_JOB)
    assert (other.returncode, "pretrained_sha256 was" in other.stderr) == (1, True)


@pytest.mark.parity
def test_each_engine_begins_with_what_the_other_has_saved(parity_python: str, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    save_network(residual_network(), ours / "residual")
    save_network(convolutional_network(), ours / "squeeze")
    save_gluon_network(ours / "gluon")
    loaded = [
        [json.loads(line) for line in _run(python, own, other).splitlines() if line.startswith('["')]
        for python, own, other in ((parity_python, theirs, ours), (sys.executable, ours, theirs))
    ]
    assert [(name, shape) for name, version, shape, _ in loaded[0] if version == "1.2.1"] == [
        ("gluon-symbol.json", [1, 3]),
        ("residual-symbol.json", [1, 3]),
        ("squeeze-symbol.json", [1, 3]),
    ]
    assert loaded[1] == [["small-symbol.json", "1.9.1", [1, 3], 6]]


def _run(python: str, own: Path, other: Path) -> str:
    done = subprocess.run(
        [python, "-W", "ignore", str(PROGRAM), str(own), str(other)],
        env={**os.environ, "PYTHONPATH": str(CODES)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
