"""The comparison of recipes by the job itself: what it trains, prints and keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures_engines import ROOT


def compare(data: Path, out: Path, *recipes: str) -> subprocess.CompletedProcess[str]:
    sizes = ["--image-size=32", "--num-epochs=2", "--batch-size=12"]
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.recipes", str(data), str(out), *recipes, *sizes],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_each_recipe_is_trained_once_with_its_flags_and_compared_with_the_first(
    packed_data: Path, tmp_path: Path
) -> None:
    recipes = ["tutorial", "tutorial --lr=0.01 --num_epochs=1"]
    done = compare(packed_data, tmp_path, *recipes)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == [f"| `{recipe}`" for recipe in recipes]
    assert rows[0][3] == "+0.0"
    told = [line for line in done.stdout.splitlines() if " done, eta_s=" in line]
    assert [line.split(",")[0] for line in told] == [
        "tutorial seed 0: epoch 1 of 2 done",
        "tutorial seed 0: epoch 2 of 2 done",
        "tutorial --lr=0.01 --num_epochs=1 seed 0: epoch 1 of 1 done",
    ]
    assert (tmp_path / "recipes.md").read_text() in done.stdout
    assert (tmp_path / "recipes.svg").read_text().count("<polyline") == 2
    taught = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*/report/metrics.json"))]
    assert len(taught) == 2
    again = compare(packed_data, tmp_path, *recipes)
    assert again.stdout == (tmp_path / "recipes.md").read_text(), "nothing was trained again"


@pytest.mark.parametrize("recipe", ["no-such-recipe", "tutorial --num_layers=19"])
def test_a_training_that_cannot_be_is_told_with_its_log(recipe: str, packed_data: Path, tmp_path: Path) -> None:
    done = compare(packed_data, tmp_path, recipe)
    assert done.returncode == 1
    assert done.stderr.startswith(f"benchmarks.recipes: the training with {recipe} failed; see {tmp_path}")
    assert recipe.split("=")[-1] in next(tmp_path.glob("*/log.txt")).read_text()
