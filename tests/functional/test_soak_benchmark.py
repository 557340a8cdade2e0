"""The benchmark that keeps the service under a steady load: what it measures, prints and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers import ROOT
from tests.fixtures_engines import FinishedJob

DEADLINE_S = 120


def soak(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def test_it_asks_for_half_of_what_the_service_can_do_and_looks_at_memory_and_files(
    drawn_images: Path, finished_job: FinishedJob, tmp_path: Path
) -> None:
    done = soak(
        *(f"--images={drawn_images}", f"--package={finished_job.folder}", "--minutes=0.1", "--every=2"),
        f"--json={tmp_path / 'result.json'}",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["rate"] == pytest.approx(result["limit"] / 2)
    assert len(result["looks"]) == 3
    for look in result["looks"]:
        assert 0 < look["answers"] <= 2.5 * result["rate"] + 1
        assert 0 < look["p50_ms"] <= look["p99_ms"]
        assert look["memory_bytes"] > 50 * 1024 * 1024 and look["descriptors"] > 10
    answers = sum(look["answers"] for look in result["looks"])
    assert f"{answers:,} answers, none refused; memory " in done.stdout


@pytest.mark.parametrize(("flag", "said"), [("--share=2", "up to 1"), ("--minutes=0", "above 0"), ("--every=x", "'x'")])
def test_a_wrong_flag_is_a_sentence(flag: str, said: str, drawn_images: Path) -> None:
    done = soak(f"--images={drawn_images}", flag)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_folder_without_pictures_is_a_sentence(tmp_path: Path) -> None:
    done = soak(f"--images={tmp_path}")
    assert done.returncode == 1
    assert f"there is no .jpeg or .jpg below {tmp_path}" in done.stderr or "there is no .jpg or" in done.stderr
