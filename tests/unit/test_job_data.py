"""How the job finds and checks its data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataset import records
from errors import DataError


def read_dataset(folder: Path, smallest_edge: int = 48) -> records.Dataset:
    """Open and close the data set: what the tests ask for stays in memory."""
    with records.open_dataset(str(folder), smallest_edge, 1) as dataset:
        return dataset


@pytest.fixture
def data(packed_data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packed_data, tmp_path / "data"))


def test_records_labels_and_classes_come_out_of_the_data(data: Path) -> None:
    with records.open_dataset(str(data), 48, 1) as dataset:
        content, label = dataset.train.read(35)
    assert (len(dataset.train), len(dataset.val)) == (36, 9)
    assert dataset.class_names == ("flower", "house", "key")
    assert content[:2] == b"\xff\xd8" and label in (0, 1, 2)


def test_files_are_found_by_pattern_whatever_their_prefix(data: Path) -> None:
    for path in data.glob("Caltech101_*"):
        path.rename(data / path.name.replace("Caltech101_", "my_own_"))
    assert len(read_dataset(data).val) == 9


def test_without_synset_the_classes_are_the_folders_in_the_list(data: Path) -> None:
    (data / "synset.txt").unlink()
    assert read_dataset(data).class_names == ("flower", "house", "key")


def test_without_any_names_the_classes_are_numbers_and_a_warning_says_so(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in [data / "synset.txt", *data.glob("*.lst")]:
        path.unlink()
    assert read_dataset(data).class_names == ("0", "1", "2")
    assert "neither synset.txt nor a .lst file: the classes are called 0 to 2" in caplog.text


@pytest.mark.parametrize(
    ("remove", "sentence"),
    [
        (
            "*val.rec",
            r"no \*val\*.rec in .*; .rec files found: Caltech101_train.rec. --data_url must be the folder that",
        ),
        ("*.rec", r"no \*train\*.rec in .*; .rec files found: none"),
    ],
)
def test_a_missing_record_file_is_named_with_what_there_is(data: Path, remove: str, sentence: str) -> None:
    for path in data.glob(remove):
        path.unlink()
    with pytest.raises(DataError, match=sentence):
        read_dataset(data)


def test_two_candidates_are_refused(data: Path) -> None:
    shutil.copy(data / "Caltech101_train.rec", data / "old_train.rec")
    with pytest.raises(DataError, match=r"2 files match \*train\*.rec"):
        read_dataset(data)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is not a folder. Give the folder that holds the .rec files"):
        read_dataset(tmp_path / "nowhere")


def test_pictures_smaller_than_the_input_are_refused_before_training(data: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"36 of 36 records \(100.00 %\) are bad:(\n.*){5}\n  and 31 more\nPack the images .* --image_size",
    ):
        read_dataset(data, 100)


def test_a_file_that_was_changed_after_packing_is_checked_record_by_record(data: Path) -> None:
    path = data / "Caltech101_train.rec"
    content = bytearray(path.read_bytes())
    content[40:60] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(DataError, match="record 0 at byte 0: its image does not decode"):
        read_dataset(data)


def test_a_cut_off_file_is_refused_even_without_a_manifest(data: Path) -> None:
    (data / "manifest.json").unlink()
    path = data / "Caltech101_val.rec"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match="it is cut off"):
        read_dataset(data)


def test_a_manifest_that_is_not_json_is_no_obstacle(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    (data / "manifest.json").write_text("{")
    assert len(read_dataset(data).train) == 36
    assert "every record is checked instead" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("synset.txt", b"flower\nhouse\n", "a record has the label 2, but only 2 classes are named .labels 0 to 1."),
        ("synset.txt", b"\n", "synset.txt is empty; it must name the classes, one a line"),
        ("synset.txt", b"\xff\xfe\x00", "synset.txt cannot be read .* It must be UTF-8 text"),
        ("Caltech101_train.lst", b"0\tone\tkey/image.jpg\n", "Caltech101_train.lst cannot be read .*'one'"),
    ],
)
def test_wrong_class_names_are_refused(name: str, content: bytes, sentence: str, data: Path) -> None:
    if name != "synset.txt":
        (data / "synset.txt").unlink()
    (data / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        read_dataset(data)


@pytest.mark.parametrize(
    "content", ["[]", '{"files": []}', '{"files": {"Caltech101_val.rec": {"smallest_edge": "x"}}}']
)
def test_a_manifest_of_another_shape_is_no_obstacle(content: str, data: Path) -> None:
    (data / "manifest.json").write_text(content)
    assert len(read_dataset(data).train) == 36
