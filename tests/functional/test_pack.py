"""Packing whole data sets: what comes out, that it is always the same, and what is refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import PIL
import pytest

import obs_layout
from mxnet_support import recordio
from mxnet_support.record_check import check_records
from obs_layout.cli import main
from obs_layout.errors import DataError
from obs_layout.layout import packed_files
from obs_layout.pack import PackSettings, pack
from tests.picture_folders import draw, encode, jpeg, tar_of, write_classes, zip_of

SMALL = PackSettings(resize=32)
COUNTS = {"BACKGROUND_Google": 5, "Faces": 3, "airplanes": 7}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """15 images in three classes."""
    return write_classes(tmp_path_factory.mktemp("images") / "in", COUNTS)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def lst_rows(folder: Path, split: str) -> list[list[str]]:
    return [line.split("\t") for line in (folder / f"Caltech101_{split}.lst").read_text().splitlines()]


def test_every_image_is_in_one_record_with_its_label_and_size(images: Path, tmp_path: Path) -> None:
    manifest = pack(images, tmp_path / "out", SMALL)
    assert sorted(contents(tmp_path / "out")) == sorted(packed_files("Caltech101"))
    assert (tmp_path / "out/synset.txt").read_text() == "BACKGROUND_Google\nFaces\nairplanes\n"
    train = check_records(str(tmp_path / "out/Caltech101_train.rec"), num_classes=3, smallest_edge=32)
    val = check_records(str(tmp_path / "out/Caltech101_val.rec"), num_classes=3, smallest_edge=32)
    assert (train.class_counts, val.class_counts) == ({0: 4, 1: 2, 2: 6}, {0: 1, 1: 1, 2: 1})
    assert (train.smallest_edge, train.findings, val.findings) == (32, [], [])
    assert manifest["splits"] == {
        "train": {"images": 12, "per_class": {"BACKGROUND_Google": 4, "Faces": 2, "airplanes": 6}},
        "val": {"images": 3, "per_class": {"BACKGROUND_Google": 1, "Faces": 1, "airplanes": 1}},
    }


def test_the_list_is_written_as_im2rec_writes_it(images: Path, tmp_path: Path) -> None:
    pack(images, tmp_path / "out", SMALL)
    rows = lst_rows(tmp_path / "out", "train") + lst_rows(tmp_path / "out", "val")
    in_order = [(name, number) for name, count in sorted(COUNTS.items()) for number in range(1, count + 1)]
    labels = {name: label for label, name in enumerate(sorted(COUNTS))}
    assert sorted(rows, key=lambda row: int(row[0])) == [
        [str(key), f"{labels[name]}.000000", f"{name}/image_{number:04d}.jpg"]
        for key, (name, number) in enumerate(in_order)
    ]


def test_records_lists_and_index_are_in_the_same_shuffled_order(images: Path, tmp_path: Path) -> None:
    pack(images, tmp_path / "out", SMALL)
    with recordio.RecordReader(tmp_path / "out/Caltech101_train.rec") as reader:
        records = [(recordio.unpack(record.payload)[0].id, record.byte_offset) for record in reader]
    assert recordio.read_index(tmp_path / "out/Caltech101_train.idx") == records
    keys = [int(row[0]) for row in lst_rows(tmp_path / "out", "train")]
    assert keys == [key for key, _ in records] != sorted(keys)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "more workers"])
def test_the_files_do_not_depend_on_workers_nor_on_folder_or_archive(kind: str, images: Path, tmp_path: Path) -> None:
    pack(images, tmp_path / "folder", SMALL)
    source = images
    if kind == "zip":
        source = zip_of(images, tmp_path / "a.zip")
    elif kind != "more workers":
        source = tar_of(images, tmp_path / f"a.{kind}", mode="w:gz" if kind == "tar.gz" else "w")
    pack(source, tmp_path / "other", SMALL._replace(workers=3 if kind == "more workers" else 1))
    assert contents(tmp_path / "folder") == contents(tmp_path / "other")


def test_another_seed_gives_another_order(images: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        pack(images, tmp_path / str(seed), SMALL._replace(seed=seed))
    assert lst_rows(tmp_path / "0", "train") != lst_rows(tmp_path / "1", "train")


def test_the_manifest_tells_how_to_recognise_and_repeat_the_files(images: Path, tmp_path: Path) -> None:
    returned = pack(images, tmp_path / "out", SMALL._replace(seed=7, quality=90))
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest == returned
    assert manifest["settings"] == {
        "train_ratio": 0.8, "seed": 7, "resize": 32, "quality": 90, "pass_through": False,
    }  # fmt: skip
    assert manifest["versions"] == {"obs_layout": obs_layout.__version__, "Pillow": PIL.__version__}
    assert set(manifest["files"]) == set(packed_files("Caltech101")) - {"manifest.json"}
    for name, facts in manifest["files"].items():
        content = (tmp_path / "out" / name).read_bytes()
        assert (facts["bytes"], facts["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert facts.get("smallest_edge") == (32 if name.endswith(".rec") else None)


def test_content_decides_what_is_an_image_not_the_name(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "in", {"a": 2, "b": 2})
    (folder / "a" / "tmp").write_bytes(jpeg(40, 30))
    (folder / "b" / "photo.jpg").write_bytes(encode(draw(40, 30), "PNG"))
    (folder / "b" / ".DS_Store").write_bytes(b"not an image")
    manifest = pack(folder, tmp_path / "out", SMALL)
    assert (manifest["images"], manifest["ignored"], manifest["unreadable"]) == (6, ["b/.DS_Store"], [])


def test_pass_through_stores_the_original_bytes(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "in", {"a": 2, "b": 1}, width=64, height=48)
    manifest = pack(folder, tmp_path / "out", SMALL._replace(pass_through=True))
    stored = set()
    for split in ("train", "val"):
        with recordio.RecordReader(tmp_path / f"out/Caltech101_{split}.rec") as reader:
            stored |= {recordio.unpack(record.payload)[1] for record in reader}
    assert stored == {path.read_bytes() for path in folder.rglob("*.jpg")}
    assert manifest["passed_through"] == 3


def bad_folder(folder: Path, good: int) -> Path:
    write_classes(folder, {"a": good})
    (folder / "a" / "notes.txt").write_bytes(b"hello")
    (folder / "a" / "zz.jpg").write_bytes(jpeg(40, 30)[:-40])
    return folder


def test_unreadable_images_are_left_out_and_listed_with_the_reason(tmp_path: Path) -> None:
    manifest = pack(bad_folder(tmp_path / "in", 8), tmp_path / "out", SMALL._replace(max_bad_percent=20))
    assert manifest["images"] == 8
    notes, truncated = manifest["unreadable"]
    assert notes == {
        "path": "a/notes.txt",
        "reason": "it is no JPEG, PNG, GIF, BMP, TIFF, WEBP; it starts with 68656c6c",
    }
    assert truncated["path"] == "a/zz.jpg" and "image file is truncated" in truncated["reason"]


def test_too_many_unreadable_images_are_an_error_that_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = bad_folder(tmp_path / "in", 8)
    assert main(["pack", str(source), str(tmp_path / "out"), "--workers=1"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"obs_layout: {source}: 2 of 10 files (20.0 %) are no usable images, and 1 % are tolerated."
        " The first is a/notes.txt: it is no JPEG, PNG, GIF, BMP, TIFF, WEBP; it starts with 68656c6c."
        " Repair or remove them, or raise --max-bad-percent."
    )
    assert not (tmp_path / "out").exists()


def test_a_data_set_without_a_single_good_image_is_an_error_even_when_all_may_be_bad(tmp_path: Path) -> None:
    (tmp_path / "in/a").mkdir(parents=True)
    (tmp_path / "in/a/x").write_bytes(b"x")
    with pytest.raises(DataError, match=r"1 of 1 files \(100.0 %\) are no usable images"):
        pack(tmp_path / "in", tmp_path / "out", SMALL._replace(max_bad_percent=100))


def test_a_data_set_of_one_image_a_class_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no class has a second image, so none is left for validation. Add images."):
        pack(write_classes(tmp_path / "in", {"a": 1, "b": 1}), tmp_path / "out", SMALL)


def test_an_earlier_pack_is_replaced(images: Path, tmp_path: Path) -> None:
    pack(images, tmp_path / "out", SMALL)
    manifest = pack(images, tmp_path / "out", SMALL._replace(seed=5))
    assert sorted(contents(tmp_path / "out")) == sorted(packed_files("Caltech101"))
    digest = hashlib.sha256((tmp_path / "out/Caltech101_train.rec").read_bytes()).hexdigest()
    assert manifest["files"]["Caltech101_train.rec"]["sha256"] == digest


def test_a_failed_pack_leaves_the_earlier_one_as_it_was(images: Path, tmp_path: Path) -> None:
    pack(images, tmp_path / "out", SMALL)
    before = contents(tmp_path / "out")
    with pytest.raises(DataError):
        pack(bad_folder(tmp_path / "bad", 1), tmp_path / "out", SMALL)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("theirs", ["thesis.txt", "Other_train.rec"])
def test_a_folder_that_holds_anything_else_is_refused_and_untouched(images: Path, tmp_path: Path, theirs: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / theirs).write_text("mine")
    with pytest.raises(DataError) as caught:
        pack(images, tmp_path / "out", SMALL)
    assert str(caught.value) == (
        f"{tmp_path}/out: it is not empty and not an earlier pack of Caltech101; it holds {theirs!r}."
        " Nothing was touched. Name a new folder."
    )
    assert contents(tmp_path / "out") == {theirs: b"mine"}


def test_a_file_in_place_of_the_folder_is_refused(images: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(DataError, match="out: it is a file. Name a folder for the packed files."):
        pack(images, tmp_path / "out", SMALL)


def run_obs_layout(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "obs_layout", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_packs_with_worker_processes_and_prints_the_summary(images: Path, tmp_path: Path) -> None:
    done = run_obs_layout("pack", images, tmp_path / "out", "--resize=32", "--workers=2", "--json")
    summary: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    packed = contents(tmp_path / "out")
    del packed["manifest.json"]
    assert summary == {
        "out": str(tmp_path / "out"), "images": 15, "classes": 3, "train": 12, "val": 3,
        "bytes": sum(map(len, packed.values())),
        "passed_through": 0, "ignored": 0, "unreadable": 0,
    }  # fmt: skip
    assert "packing 15/15 images  100 %" in done.stderr


def test_the_command_says_in_one_sentence_what_was_packed(images: Path, tmp_path: Path) -> None:
    done = run_obs_layout("pack", images, tmp_path / "out", "--resize=32", "--workers=1")
    assert done.stdout.startswith(
        f"packed 15 images of 3 classes into {tmp_path}/out: 12 for training, 3 for validation, "
    )
