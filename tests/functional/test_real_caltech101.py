"""The real Caltech-101, where a copy is at hand: its numbers come out of the data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from obs_layout.cli import main as obs_layout
from tests.fixtures_engines import run_job

CALTECH101 = os.environ.get("CALTECH101", "")

pytestmark = pytest.mark.skipif(
    not CALTECH101, reason="set CALTECH101 to a copy of 101_ObjectCategories (folder, .tar or .zip) to run this too"
)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("caltech101") / "mxnet_format"
    assert obs_layout(["pack", CALTECH101, str(folder)]) == 0
    return folder


def test_all_9145_images_are_found_and_split_as_in_the_tutorial(packed: Path) -> None:
    manifest = json.loads((packed / "manifest.json").read_text())
    assert (manifest["images"], manifest["classes"], manifest["unreadable"]) == (9145, 102, [])
    assert {split: facts["images"] for split, facts in manifest["splits"].items()} == {"train": 7316, "val": 1829}


def test_every_packed_record_is_fit_for_the_default_input(packed: Path) -> None:
    assert obs_layout(["verify", str(packed), "--image-size", "224"]) == 0


def test_the_job_trains_on_it_with_the_tutorials_defaults_for_classes_and_examples(
    packed: Path, tmp_path: Path
) -> None:
    flags = ["--num_layers=18", "--image_size=48", "--batch_size=64", "--num_epochs=1", "--num_examples=512"]
    result = run_job(f"--data_url={packed}", f"--train_url={tmp_path}", *flags, "--lr=0.02", "--num_gpus=0")
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert sum(map(sum, report["confusion_matrix"])) == 1829
    assert len((tmp_path / "model" / "synset.txt").read_text().split()) == 102
