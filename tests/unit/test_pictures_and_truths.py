"""Which pictures predict finds, and what it takes for their true classes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelarts_local.client.pictures import (
    MAX_DEPTH,
    pictures_below,
    pictures_of_data_set,
    pictures_of_files,
    pictures_of_records,
)
from modelarts_local.client.truths import truths_by_folder, truths_by_list
from modelarts_local.errors import CommandLineError, PicturesError
from obs_layout.pack import PackSettings, pack
from obs_layout.storage import recordio
from tests.picture_folders import jpeg, write_classes


def names(folder: Path) -> list[str]:
    return [os.path.relpath(picture.name, folder) for picture in pictures_below(str(folder))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "images", {"cat": 2, "dog": 1})


def test_pictures_are_found_at_every_depth_by_suffix_or_content(folder: Path) -> None:
    (folder / "cat" / "more" / "deep").mkdir(parents=True)
    (folder / "cat" / "more" / "deep" / "no_suffix").write_bytes(jpeg(8, 8))
    (folder / "top.PNG").write_bytes(b"whatever")
    (folder / "cat" / "notes.txt").write_text("no picture")
    assert names(folder) == [
        "cat/image_0001.jpg",
        "cat/image_0002.jpg",
        "cat/more/deep/no_suffix",
        "dog/image_0001.jpg",
        "top.PNG",
    ]


def test_hidden_files_and_links_to_folders_are_left_out(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "a.jpg").write_bytes(jpeg(8, 8))
    (folder / "cat" / "._image_0001.jpg").write_bytes(b"")
    (folder / "round").symlink_to(folder)
    assert names(folder) == ["cat/image_0001.jpg", "cat/image_0002.jpg", "dog/image_0001.jpg"]


def test_folders_that_lie_too_deep_are_left_out(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(MAX_DEPTH + 1):
        (deep / "a.jpg").write_bytes(b"")
        deep = deep / "f"
        deep.mkdir()
    (deep / "b.jpg").write_bytes(b"")
    assert len(names(tmp_path)) == MAX_DEPTH + 1


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandLineError, match=r"^--dir is '.*'; no picture is in it or below it\.$"):
        pictures_below(str(tmp_path))
    with pytest.raises(CommandLineError, match=r"^--dir is '.*gone'; there is no such folder\.$"):
        pictures_below(str(tmp_path / "gone"))


def test_the_folder_that_holds_a_picture_is_its_class(folder: Path) -> None:
    assert [picture.truth for picture in truths_by_folder(pictures_below(str(folder)))] == ["cat", "cat", "dog"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "cat/image_0001.jpg,Lion\ndog/image_0001.jpg,Wolf\n"),
        ("a.csv", "\ufeffpath,label\r\ncat/image_0001.jpg,Lion\r\n\r\ndog/image_0001.jpg,Wolf"),
        ("a.csv", '"cat/image_0001.jpg","Lion"\ndog/./image_0001.jpg, Wolf\n'),
        ("a.tsv", "cat/image_0001.jpg\tLion\ndog/image_0001.jpg\tWolf\n"),
    ],
)
def test_a_list_names_the_classes(folder: Path, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = truths_by_list(pictures_below(str(folder)), str(tmp_path / name), str(folder))
    assert [picture.truth for picture in found] == ["Lion", None, "Wolf"]


def test_paths_of_a_list_may_count_from_its_own_folder(folder: Path) -> None:
    (folder / "truth.csv").write_text("cat/image_0001.jpg,Lion\n")
    pictures = pictures_of_files([str(folder / "cat" / "image_0001.jpg")])
    assert truths_by_list(pictures, str(folder / "truth.csv"), None)[0].truth == "Lion"


def test_the_list_that_pack_writes_names_the_classes(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "packed", PackSettings(resize=8, workers=1))
    train, val = sorted((tmp_path / "packed").glob("*.lst"))
    (tmp_path / "packed" / "all.lst").write_bytes(train.read_bytes() + val.read_bytes())
    found = truths_by_list(pictures_below(str(folder)), str(tmp_path / "packed" / "all.lst"), str(folder))
    assert [picture.truth for picture in found] == ["cat", "cat", "dog"]


@pytest.mark.parametrize(
    ("name", "text", "error", "said"),
    [
        (
            "a.csv",
            "cat/image_0001.jpg\n",
            PicturesError,
            "line 1: expected path and label, found 'cat/image_0001.jpg'.",
        ),
        ("a.csv", "a,b,c\n", PicturesError, "line 1: expected path and label, found 'a,b,c'."),
        ("a.lst", "0\tcat\n", PicturesError, "line 1: expected number, label and path with tabs between, found"),
        ("a.lst", "0\t7.0\ta.jpg\n", PicturesError, "line 1: the label 7.0 is none of the 2 classes of synset.txt."),
        ("a.lst", "0\t0.5\ta.jpg\n", PicturesError, "line 1: the label 0.5 is none of the 2 classes of synset.txt."),
        (
            "a.csv",
            "a.jpg,cat\n",
            CommandLineError,
            "it names none of the 3 pictures. Its first path is 'a.jpg', the first",
        ),
        ("a.csv", "\udcff", CommandLineError, "it is no text in UTF-8. Pictures come before --labels or after"),
        ("gone.csv", "", CommandLineError, "gone.csv'; it cannot be read: No such file or directory."),
    ],
)
def test_a_list_that_is_none_is_told_in_a_sentence(
    folder: Path, name: str, text: str, error: type[Exception], said: str
) -> None:
    (folder / "synset.txt").write_text("cat\ndog\n")
    (folder / "a.csv" if name == "gone.csv" else folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(error) as raised:
        truths_by_list(pictures_below(str(folder)), str(folder / name), str(folder))
    assert said in str(raised.value)


def test_a_numbered_list_without_class_names_says_what_it_needs(folder: Path) -> None:
    (folder / "a.lst").write_text("0\t0\tcat/image_0001.jpg\n")
    with pytest.raises(
        CommandLineError, match=r"a\.lst numbers its classes, and their names cannot be read from .*synset"
    ):
        truths_by_list(pictures_below(str(folder)), str(folder / "a.lst"), str(folder))


def test_records_bring_names_classes_and_the_bytes_of_their_pictures(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "images", {"cat": 5, "dog": 5})
    pack(folder, tmp_path / "packed", PackSettings(resize=8, workers=1))
    pictures = pictures_of_data_set(str(tmp_path / "packed"))
    assert [(picture.name.split("/")[0], picture.truth) for picture in pictures] == [("cat", "cat"), ("dog", "dog")]
    assert all(picture.read().startswith(b"\xff\xd8\xff") for picture in pictures)
    assert pictures[0].read() != pictures[1].read()


def write_records(folder: Path, *labels: float) -> str:
    with open(folder / "x_val.rec", "wb") as rec:
        for number, label in enumerate(labels):
            rec.write(recordio.encode_record(recordio.pack(label, number, b"picture")))
    (folder / "synset.txt").write_text("cat\ndog\n")
    return str(folder / "x_val.rec")


def test_records_without_a_list_are_numbered(tmp_path: Path) -> None:
    pictures = pictures_of_records(write_records(tmp_path, 1.0, 0.0))
    assert [(picture.name, picture.truth) for picture in pictures] == [("record 0", "dog"), ("record 1", "cat")]


def test_records_that_are_none_are_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PicturesError, match=r"x_val\.rec: the label 2\.0 is none of the 2 classes of synset\.txt\.$"):
        pictures_of_records(write_records(tmp_path, 2.0))
    with pytest.raises(PicturesError, match=r"x_val\.rec: holds no record\.$"):
        pictures_of_records(write_records(tmp_path))
    (tmp_path / "x_val.rec").write_bytes(b"no records")
    with pytest.raises(
        PicturesError, match=r"^the records are damaged: .*x_val\.rec: at byte 0: expected the magic word"
    ):
        pictures_of_records(str(tmp_path / "x_val.rec"))
    (tmp_path / "x_val.rec").unlink()
    with pytest.raises(
        CommandLineError, match=r"^--rec is .*x_val\.rec'; it cannot be read: No such file or directory\.$"
    ):
        pictures_of_records(str(tmp_path / "x_val.rec"))


def test_a_data_set_without_one_validation_file_is_told(tmp_path: Path) -> None:
    said = r"^--data is '.*'; it should hold one file \*_val\.rec\. Found: {}\. "
    with pytest.raises(CommandLineError, match=said.format("none") + r"obs-layout pack makes it of pictures; --rec"):
        pictures_of_data_set(str(tmp_path))
    for name in ("a_val.rec", "b_val.rec"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(CommandLineError, match=said.format("a_val.rec, b_val.rec") + r"Name one with --rec\.$"):
        pictures_of_data_set(str(tmp_path))
    with pytest.raises(CommandLineError, match=r"has to be a folder of this computer; obs-layout pull fetches one"):
        pictures_of_data_set("s3://bucket/mxnet_format/")
