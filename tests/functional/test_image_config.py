"""`modelarts-local image-config` writes what `check` finds fit for today's platform, or says why not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faultless_package import CONFIG, HANDLER

LOCATION = "swr.cn-north-4.myhuaweicloud.com/group/caltech:1.0"
DEADLINE_S = 120


def modelarts_local(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelarts_local", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=DEADLINE_S)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    model = tmp_path / "V0001" / "model"
    model.mkdir(parents=True)
    (model / "customize_service.py").write_text(HANDLER)
    (model / "config.json").write_text(CONFIG)
    (model / "pred_model-symbol.json").write_text("{}")
    (model / "pred_model-0000.params").write_bytes(b"weights")
    return model.parent


def test_the_config_of_an_image_lies_beside_the_model_and_is_fit_for_the_platform(parent: Path) -> None:
    done = modelarts_local("image-config", "V0001", LOCATION, cwd=parent.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "wrote V0001/image/model/config.json; the folder to import is V0001/image\n"
    config = json.loads((parent / "image" / "model" / "config.json").read_text())
    assert (config["model_type"], config["swr_location"]) == ("Image", LOCATION)
    assert config["metrics"] == json.loads(CONFIG)["metrics"]
    checked = modelarts_local("check", "V0001/image", cwd=parent.parent)
    assert (
        "nothing found in V0001/image (package, 1 file, fit for today's platform, as a custom image)" in checked.stdout
    )


def test_the_package_stays_as_it_is(parent: Path) -> None:
    before = (parent / "model" / "config.json").read_bytes()
    modelarts_local("image-config", "V0001", LOCATION, "--output", "elsewhere", cwd=parent.parent)
    assert (parent / "model" / "config.json").read_bytes() == before
    assert [path.name for path in parent.iterdir()] == ["model"]
    assert [path.name for path in (parent.parent / "elsewhere" / "model").iterdir()] == ["config.json"]


def test_a_location_that_the_platform_would_refuse_is_not_written(parent: Path) -> None:
    modelarts_local("image-config", "V0001", LOCATION, cwd=parent.parent)
    before = (parent / "image" / "model" / "config.json").read_bytes()
    done = modelarts_local("image-config", "V0001", "caltech", cwd=parent.parent)
    assert done.returncode == 1
    assert done.stderr == (
        "modelarts-local: the platform would refuse it, and it was not written: found 'caltech'; expected "
        "registry/organization/name:tag of an image in SWR. Write it as it was pushed, such as "
        "swr.cn-north-4.myhuaweicloud.com/my-organization/caltech-inference:1.0.\n"
    )
    assert (parent / "image" / "model" / "config.json").read_bytes() == before


def test_a_folder_without_a_package_and_a_config_that_is_no_object_are_refused(parent: Path) -> None:
    done = modelarts_local("image-config", "V0001/model", LOCATION, cwd=parent.parent)
    assert done.returncode == 1
    assert "V0001/model is the model folder itself" in done.stderr
    (parent / "model" / "config.json").write_text("[]")
    done = modelarts_local("image-config", "V0001", LOCATION, cwd=parent.parent)
    assert done.returncode == 1
    assert "config.json of V0001 is no JSON object." in done.stderr


def test_a_place_that_cannot_be_written_is_named(parent: Path) -> None:
    (parent / "image").write_text("a file")
    done = modelarts_local("image-config", "V0001", LOCATION, cwd=parent.parent)
    assert done.returncode == 3
    assert "V0001/image/model/config.json cannot be written: " in done.stderr
