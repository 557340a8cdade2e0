"""`serve` looks at a package as the platform's import does, before it runs anything of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faultless_package import write_faultless_package
from tests.model_packages import START_DEADLINE_S, one_colour_image


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return write_faultless_package(tmp_path / "package")


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return one_colour_image(tmp_path / "red.png", "red")


def once(parent: Path, red: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelarts_local", "serve", str(parent), f"--once={red}", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=START_DEADLINE_S)


def test_a_package_without_a_fault_is_served(parent: Path, red: Path) -> None:
    ended = once(parent, red)
    assert ended.returncode == 0
    assert '"predicted_label": "red"' in ended.stdout


def test_a_package_that_the_platform_refuses_is_refused_before_its_code_runs(parent: Path, red: Path) -> None:
    config = parent / "model" / "config.json"
    config.write_text(config.read_text().replace('"model_type": "MXNet",', '"model_type": "Caffe",'))
    handler = parent / "model" / "customize_service.py"
    handler.write_text(handler.read_text() + "\nopen(os.path.join(os.path.dirname(__file__), 'ran'), 'w').close()\n")
    ended = once(parent, red)
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"modelarts-local: the platform would refuse {parent}: {config}:3: found ")
    assert last.endswith(" Or serve it as it is with --no-check.")
    assert "error M3  " in ended.stderr
    assert (ended.returncode, ended.stdout) == (1, "")
    assert not (parent / "model" / "ran").exists()
    assert once(parent, red, "--no-check").returncode == 0


def test_what_may_go_wrong_on_the_platform_is_told_and_served(parent: Path, red: Path) -> None:
    config = parent / "model" / "config.json"
    config.write_text(config.read_text().replace('    "runtime": "python3.6",\n', ""))
    ended = once(parent, red)
    assert "warning M7  " in ended.stderr
    assert ended.returncode == 0
