"""Every command of the README's step-by-step part, run as written on small data."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures_engines import ROOT
from tests.model_packages import ServerProcess

STEPS = (ROOT / "README.md").read_text(encoding="utf-8").split("## The real thing, step by step")[1].split("\n## ")[0]
COMMANDS = re.findall(r"^    ((?:obs-layout|python|modelarts-local|curl) .*)$", STEPS.replace("\\\n", ""), re.M)
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def desk(drawn_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the README's reader has: the pictures, codes/ and a picture to ask about."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "path" / "to").mkdir(parents=True)
    (folder / "path" / "to" / "101_ObjectCategories").symlink_to(drawn_images)
    (folder / "codes").symlink_to(ROOT / "codes")
    shutil.copy(drawn_images / "key" / "image_0004.jpg", folder / "cat.jpg")
    return folder


def run(command: str, desk: Path) -> str:
    done = subprocess.run(
        shlex.split(command),
        cwd=desk,
        env={
            **os.environ,
            "MODELARTS_LOCAL_HOME": str(desk / "home"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_the_readme_has_the_commands_that_are_run_here() -> None:
    assert [command.split()[:2] for command in COMMANDS] == [
        ["obs-layout", "pack"],
        ["obs-layout", "verify"],
        ["obs-layout", "push"],
        ["obs-layout", "push"],
        ["modelarts-local", "check"],
        ["modelarts-local", "train"],
        ["modelarts-local", "check"],
        ["modelarts-local", "serve"],
        ["modelarts-local", "predict"],
        ["curl", "-F"],
    ]


def test_the_commands_work_in_the_order_of_the_readme(desk: Path, bucket: str) -> None:
    for command in COMMANDS[:7]:
        said = run(command.replace("my-bucket", bucket), desk)
    assert said == "nothing found in out/V0001 (package, 6 files, fit for the MXNet engine of 2019 to 2023)\n"
    assert COMMANDS[7] == "modelarts-local serve out/V0001"
    server = ServerProcess(desk / "out" / "V0001", desk).wait_until_serving()
    try:
        line = run(f"{COMMANDS[8]} --url={server.url}", desk)
        answer = run(COMMANDS[9].replace("http://127.0.0.1:8080", server.url), desk)
    finally:
        server.process.terminate()
        server.process.wait()
    assert re.match(r"cat.jpg: (flower|house|key) \d", line)
    assert '"predicted_label"' in answer
