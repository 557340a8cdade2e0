"""Which folders are a model package, and what a refusal says."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelarts_local.errors import PackageError
from modelarts_local.package.model_package import find_package, model_prefix, open_package, refuse_model_folder_itself

COMPLETE = ["config.json", "customize_service.py", "net-0000.params", "net-symbol.json"]


def refusal_of(file_names: list[str]) -> str:
    with pytest.raises(PackageError) as refusal:
        model_prefix(file_names)
    return str(refusal.value)


def test_a_complete_folder_has_the_prefix_of_its_network() -> None:
    assert model_prefix([*COMPLETE, "synset.txt", "helper.py"]) == "net"


@pytest.mark.parametrize(
    "missing, message",
    [
        (
            "net-symbol.json",
            "there is no network file, one ending in -symbol.json. "
            "Found: config.json, customize_service.py, net-0000.params.",
        ),
        (
            "net-0000.params",
            "there is no weights file, one ending in .params. "
            "Found: config.json, customize_service.py, net-symbol.json.",
        ),
        (
            "config.json",
            "there is no config.json. Found: customize_service.py, net-0000.params, net-symbol.json.",
        ),
        (
            "customize_service.py",
            "there is no customize_service.py. Found: config.json, net-0000.params, net-symbol.json.",
        ),
    ],
)
def test_each_file_is_needed(missing: str, message: str) -> None:
    assert refusal_of([name for name in COMPLETE if name != missing]) == message


def test_a_second_weights_file_is_refused() -> None:
    message = "there is more than one weights file: net-0000.params, net-0007.params. Keep one."
    assert refusal_of([*COMPLETE, "net-0007.params"]) == message


def test_a_second_network_is_refused() -> None:
    message = "there is more than one network file: net-symbol.json, old-symbol.json. Keep one."
    assert refusal_of([*COMPLETE, "old-symbol.json"]) == message


@pytest.mark.parametrize("name", ["net-0030.params", "other-0000.params"])
def test_weights_of_another_epoch_or_prefix_are_refused(name: str) -> None:
    names = [name if found == "net-0000.params" else found for found in COMPLETE]
    assert refusal_of(names) == (
        f"the weights are called {name}; beside net-symbol.json the platform loads net-0000.params. Rename the file."
    )


def test_a_dockerfile_is_refused() -> None:
    message = "there is a Dockerfile; the platform builds no image from it. Remove it."
    assert refusal_of([*COMPLETE, "Dockerfile"]) == message


def test_a_long_listing_is_cut() -> None:
    message = refusal_of([f"file{number}" for number in range(10)])
    assert message.endswith("Found: file0, file1, file2, file3, file4, file5, file6, file7 and 2 more.")


@pytest.mark.parametrize(
    "parent, above",
    [
        ("/data/out/model", "/data/out"),
        ("/data/out/model/", "/data/out"),
        ("/model", "/"),
        ("s3://bucket/out/model", "s3://bucket/out"),
        ("obs://bucket/out/model/", "obs://bucket/out"),
    ],
)
def test_the_model_folder_itself_is_refused_and_its_parent_named(parent: str, above: str) -> None:
    with pytest.raises(PackageError) as refusal:
        refuse_model_folder_itself(parent)
    assert str(refusal.value) == (
        f"{parent} is the model folder itself; the platform imports the folder that holds it. Choose {above}."
    )


def test_the_model_folder_is_recognised_from_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    with pytest.raises(PackageError, match=r"^\. is the model folder itself"):
        refuse_model_folder_itself(".")


@pytest.mark.parametrize("parent", ["/data/my_model", "s3://bucket/model/out", "/data/model2/"])
def test_a_parent_with_model_elsewhere_in_its_name_is_taken(parent: str) -> None:
    refuse_model_folder_itself(parent)


def test_a_folder_without_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modle").mkdir()
    with pytest.raises(PackageError) as refusal:
        find_package(str(tmp_path), shown_parent="s3://bucket/out/")
    assert str(refusal.value) == (
        "s3://bucket/out/ holds no model/ folder. Found: modle. Choose the folder that holds model/."
    )


def test_a_missing_parent_is_refused(tmp_path: Path) -> None:
    parent = str(tmp_path / "nowhere")
    with pytest.raises(PackageError) as refusal:
        find_package(parent, shown_parent=parent)
    assert str(refusal.value) == f"there is no folder {parent}. Choose the folder that holds model/."


def test_where_a_job_has_left_packages_the_newest_is_named(tmp_path: Path) -> None:
    for name in ("V0001/model", "V0002/model", "V0003/checkpoints", "archive/model"):
        (tmp_path / name).mkdir(parents=True)
    for parent, found in (
        (tmp_path, f"{tmp_path} holds no model/ folder. Found: V0001, V0002, V0003, archive."),
        (tmp_path / "V0009", f"there is no folder {tmp_path}/V0009."),
    ):
        with pytest.raises(PackageError) as refusal:
            find_package(str(parent), shown_parent=str(parent))
        assert str(refusal.value) == f"{found} Choose {tmp_path}/V0002, which holds model/."


def test_a_refusal_inside_model_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(PackageError) as refusal:
        find_package(str(tmp_path), shown_parent="obs://bucket/out/")
    assert str(refusal.value) == (
        "obs://bucket/out/model: there is no network file, one ending in -symbol.json. Found: nothing."
    )


def test_a_local_package_is_used_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in COMPLETE:
        (tmp_path / "model" / name).write_text("{}")
    with open_package(f"{tmp_path}/") as package:
        assert package.model_dir == str(tmp_path / "model")
        assert (package.symbol_file, package.params_file) == ("net-symbol.json", "net-0000.params")
        assert package.service_path == str(tmp_path / "model" / "customize_service.py")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == COMPLETE
