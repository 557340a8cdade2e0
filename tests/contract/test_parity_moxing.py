"""moxing_shim's own tests on Python 3.6 with boto3 1.23.10, against a server that runs here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fixtures_engines import ROOT
from tests.fixtures_s3 import S3Server

pytestmark = pytest.mark.parity

SAYS_SO = "it runs on the parity engine too"
FILES = [
    path for path in sorted((ROOT / "tests").glob("*/test_moxing_*.py")) if SAYS_SO in path.read_text(encoding="utf-8")
]
DEADLINE_S = 300


def run_tests(python: str, arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run pytest with the fixtures for storage and no others: those for engines are for today's Python."""
    options = [
        "--noconftest",
        "-p",
        "tests.fixtures_s3",
        "-p",
        "no:cacheprovider",
        "-m",
        "not bulk",
        "-q",
        "--tb=short",
    ]
    return subprocess.run(
        [python, "-m", "pytest", *options, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "codes"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
    )


@pytest.mark.again
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_tests_of_moxing_pass_on_the_parity_engine(
    path: Path, parity_python: str, s3_server: S3Server, tmp_path: Path
) -> None:
    server = {
        "TEST_S3_SERVERS": "given",
        "TEST_S3_ENDPOINT": s3_server.endpoint,
        "TEST_S3_ACCESS_KEY": s3_server.access_key,
        "TEST_S3_SECRET_KEY": s3_server.secret_key,
    }
    done = run_tests(parity_python, [str(path), f"--basetemp={tmp_path / 'parity'}"], server)
    assert done.returncode == 0, done.stdout[-5000:]


def test_a_test_that_fails_on_the_parity_engine_is_told(parity_python: str, tmp_path: Path) -> None:
    path = tmp_path / "test_newer.py"
    path.write_text("def test_walrus():\n    assert (n := 1)\n")
    done = run_tests(parity_python, [str(path), f"--rootdir={tmp_path}"], {})
    assert done.returncode != 0
    assert "SyntaxError" in done.stdout


def test_all_but_few_of_the_tests_of_moxing_run_there() -> None:
    here = [path for group in ("unit", "contract") for path in (ROOT / "tests" / group).glob("test_moxing_*.py")]
    # hypothesis is not among the packages of the parity engine
    assert [path.name for path in sorted(set(here) - set(FILES))] == ["test_moxing_properties.py"]
