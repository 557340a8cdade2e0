"""`python -m benchmarks.recipe_search` as users run it, without PyTorch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.static.sources import ROOT

TIMEOUT_S = 120


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it where PyTorch is not installed, whatever the environment of these tests has; `folder` is the test's."""
    (folder / "torch.py").write_text("raise ImportError(\"No module named 'torch'\")\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-B", "-m", "benchmarks.recipe_search", *arguments],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def test_the_program_finds_the_modules_of_the_job_by_itself(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m benchmarks.recipe_search ")


def test_without_pytorch_a_sentence_tells_what_to_install(tmp_path: Path) -> None:
    expected = (
        "python -m benchmarks.recipe_search: PyTorch cannot be imported (No module named 'torch'). "
        "Install it: pip install torch numpy Pillow\n"
    )
    for arguments in (("data", "out", "modern"), ("check", "data")):
        done = run(tmp_path, *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)
