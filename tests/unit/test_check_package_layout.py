"""Where the files of a package must lie: the level that one chooses, their names, their number and their size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelarts_local.check.package.checking import PackageSettings, check_package
from modelarts_local.platform_rules import GIB
from tests.faultless_package import CONFIG, HANDLER

STATIC = PackageSettings(run=False)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A package whose network and weights nobody reads."""
    model = tmp_path / "V0001" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text(CONFIG)
    (model / "customize_service.py").write_text(HANDLER)
    (model / "pred_model-symbol.json").write_text("{}")
    (model / "pred_model-0000.params").write_bytes(b"weights")
    return model.parent


def findings_of(folder: Path, shown: str = "V0001") -> list[tuple[str, str, str]]:
    """Place, found and remedy of each finding; every one of them is M1."""
    findings = check_package(str(folder), shown, STATIC)
    assert {finding.rule for finding in findings} <= {"M1"}
    return [(finding.place, finding.found, finding.remedy) for finding in findings]


def test_the_parent_of_model_is_what_is_imported(parent: Path) -> None:
    assert findings_of(parent) == []
    assert findings_of(parent, "s3://bucket/output/V0001/") == []


def test_the_model_folder_itself_is_the_wrong_level(parent: Path) -> None:
    remedy = f"Choose {parent}, the folder above."
    assert findings_of(parent / "model", "V0001/model/") == [("V0001/model/", "the model folder itself", remedy)]
    assert findings_of(parent / "model", ".") == [(".", "the model folder itself", remedy)]
    remedy = "Choose s3://bucket/V0001, the folder above."
    assert [found[2] for found in findings_of(parent / "model", "s3://bucket/V0001/model")] == [remedy]


def test_the_folder_above_the_versions_is_the_wrong_level_and_the_newest_is_named(parent: Path) -> None:
    (parent.parent / "V0002" / "model").mkdir(parents=True)
    (parent.parent / "archive" / "model").mkdir(parents=True)
    assert findings_of(parent.parent, "out") == [
        ("out", "no model/; there is V0001, V0002, archive", "Choose out/V0002, which holds one.")
    ]


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        ([], "Choose the folder into which the job wrote model/, or train until it is written."),
        (
            ["checkpoints/", "report/"],
            "Choose the folder into which the job wrote model/, or train until it is written.",
        ),
        (["config.json"], "Move these files into a folder called model/ in it."),
        (["a-symbol.json"], "Move these files into a folder called model/ in it."),
        (["Models/"], "Rename Models to model."),
        (["model"], "Put the package's files into a folder called model/."),
    ],
)
def test_a_folder_without_model_is_told_the_way_to_one(tmp_path: Path, names: list[str], remedy: str) -> None:
    for name in names:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("")
    assert [found[2] for found in findings_of(tmp_path)] == [remedy]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert findings_of(tmp_path / "gone", "gone") == [
        ("gone", "no such folder", "Choose the folder that holds model/.")
    ]


@pytest.mark.parametrize(
    ("before", "after", "remedy"),
    [
        ("config.json", "confi.json", "Rename confi.json to config.json."),
        ("config.json", "Config.json", "Rename Config.json to config.json."),
        ("config.json", "old/config.json", "Move old/config.json into model/ itself."),
        ("config.json", "../config.json", "Copy config.json into model/."),
        ("config.json", "../codes/config.json", "Copy codes/config.json into model/."),
        ("config.json", "../../away", "Copy config.json into model/; model_template/ has one."),
        ("customize_service.py", "customize_services.py", "Rename customize_services.py to customize_service.py."),
        ("customize_service.py", "customise_service.py", "Rename customise_service.py to customize_service.py."),
        ("pred_model-symbol.json", "pred_model-symbols.json", "Rename pred_model-symbols.json so that it ends in "
         "-symbol.json."),
        ("pred_model-0000.params", "net/pred_model-0000.params", "Move net/pred_model-0000.params into model/ itself."),
        ("pred_model-0000.params", "../../away", "Export the model again, and copy all of model/."),
        ("pred_model-0000.params", "pred_model-0030.params", "Rename it to pred_model-0000.params."),
        ("pred_model-symbol.json", "resnet-symbol.json", "Rename it to resnet-0000.params."),
    ],
)  # fmt: skip
def test_a_file_that_is_elsewhere_is_told_with_what_to_do(parent: Path, before: str, after: str, remedy: str) -> None:
    target = parent / "model" / after
    target.parent.mkdir(exist_ok=True)
    (parent / "model" / before).rename(target)
    assert [found[2] for found in findings_of(parent)] == [remedy]


def test_a_missing_config_has_the_code_of_the_platform(parent: Path) -> None:
    (parent / "model" / "config.json").unlink()
    assert [each.platform_code for each in check_package(str(parent), "V0001", STATIC)] == ["ModelArts.3013"]


def test_a_second_file_of_a_kind_is_told(parent: Path) -> None:
    (parent / "model" / "best-0000.params").write_bytes(b"weights")
    assert findings_of(parent) == [
        (
            "V0001/model/pred_model-0000.params",
            "2 files: best-0000.params, pred_model-0000.params",
            "Keep the one that the service needs.",
        )
    ]


def test_a_dockerfile_anywhere_in_the_parent_is_told(parent: Path) -> None:
    (parent / "build").mkdir()
    (parent / "build" / "Dockerfile").write_text("FROM scratch\n")
    assert [found[:2] for found in findings_of(parent)] == [("V0001/build/Dockerfile", "a Dockerfile")]


def test_a_space_in_the_url_or_in_the_folders_own_name_is_told(parent: Path) -> None:
    expected = [("a space in the path", "Rename the folder before the upload.")]
    assert [found[1:] for found in findings_of(parent, "s3://bucket/my models/V0001")] == expected
    assert [found[1:] for found in findings_of(parent, "/data/my models")] == expected
    # where it lies on this computer is no part of the path in the bucket
    assert findings_of(parent, "/data/my models/V0001") == []


@pytest.mark.keeps("model-file-size", "check")
def test_a_model_file_of_20_gib_is_allowed_and_a_larger_one_is_not(parent: Path) -> None:
    weights = parent / "model" / "pred_model-0000.params"
    os.truncate(weights, 20 * GIB)  # a hole: it takes no room on the disk
    assert findings_of(parent) == []
    os.truncate(weights, 20 * GIB + 1)
    findings = check_package(str(parent), "V0001", STATIC)
    assert [(each.rule, each.found, each.platform_code) for each in findings] == [("M1", "20.0 GiB", "ModelArts.3044")]
