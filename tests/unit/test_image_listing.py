"""Finding images: which files count, what their class is, and that folder and archive agree."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_layout import archives
from obs_layout.errors import DataError
from obs_layout.image_sources import ImageListing, list_images, printable
from tests.picture_folders import tar_of, zip_of


def tree(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return root


def listing_of(source: Path, tmp_path: Path) -> ImageListing:
    return list_images(source, tmp_path / "spool")


def summary(listing: ImageListing) -> list[tuple[str, str, bytes]]:
    return [(image.class_name, image.path, image.read()) for image in listing.images]


def make_source(kind: str, folder: Path, tmp_path: Path) -> Path:
    if kind == "folder":
        return folder
    if kind == "zip":
        return zip_of(folder, tmp_path / "a.zip")
    return tar_of(folder, tmp_path / "a.tar", mode="w:gz" if kind == "tar.gz" else "w")


@pytest.mark.parametrize("kind", ["folder", "tar", "tar.gz", "zip"])
def test_folder_and_archive_give_the_same_list(kind: str, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "Faces_easy/b", "Faces/2.jpg", "Faces/1.jpg", "Faces/deeper/3.jpg", "airplanes/x")
    assert summary(listing_of(make_source(kind, folder, tmp_path), tmp_path)) == [
        ("Faces", "Faces/1.jpg", b"Faces/1.jpg"),
        ("Faces", "Faces/2.jpg", b"Faces/2.jpg"),
        ("Faces", "Faces/deeper/3.jpg", b"Faces/deeper/3.jpg"),
        ("Faces_easy", "Faces_easy/b", b"Faces_easy/b"),
        ("airplanes", "airplanes/x", b"airplanes/x"),
    ]


def test_one_folder_around_all_classes_is_looked_through(tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "top/a/1", "top/b/1", "top/readme")
    listing = listing_of(folder, tmp_path)
    assert [image.path for image in listing.images] == ["a/1", "b/1"]
    assert listing.ignored == ["top/readme"]


def test_a_single_class_is_not_taken_for_a_folder_around_classes(tmp_path: Path) -> None:
    listing = listing_of(tree(tmp_path / "in", "a/1", "a/2"), tmp_path)
    assert [image.class_name for image in listing.images] == ["a", "a"]


def test_hidden_files_and_what_lies_outside_class_folders_are_ignored_and_named(tmp_path: Path) -> None:
    paths = ["a/1", "a/.DS_Store", "a/Thumbs.db", "a/desktop.ini", ".git/x", "__MACOSX/a/._1", "readme.txt"]
    listing = listing_of(tree(tmp_path / "in", *paths), tmp_path)
    assert [image.path for image in listing.images] == ["a/1"]
    assert sorted(listing.ignored) == sorted(paths[1:])


def test_a_linked_class_folder_is_read_and_a_link_that_leads_back_is_not(tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "a/1")
    tree(tmp_path / "elsewhere", "2")
    (folder / "b").symlink_to(tmp_path / "elsewhere")
    (folder / "a" / "back").symlink_to(folder)
    assert [image.path for image in listing_of(folder, tmp_path).images] == ["a/1", "b/2"]


def test_a_pipe_in_a_folder_is_a_fault_and_is_not_opened(tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "a/1")
    os.mkfifo(folder / "a" / "pipe")
    (folder / "a" / "broken").symlink_to("nowhere")
    faults = {image.path: image.fault for image in listing_of(folder, tmp_path).images}
    assert faults == {
        "a/1": None,
        "a/pipe": "it is a link or a special file",
        "a/broken": "it cannot be read (No such file or directory)",
    }


def test_a_name_that_would_break_a_line_of_the_list_is_a_fault(tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "a/1\t2\n")
    (image,) = listing_of(folder, tmp_path).images
    assert image.fault == "its name holds characters that cannot be printed; rename it"
    assert printable(image.path) == "a/1\\t2\\n"


def test_links_in_an_archive_are_faults_and_lead_nowhere(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("a/passwords")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        hard = tarfile.TarInfo("a/hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "/etc/passwd"
        archive.addfile(hard)
    images = listing_of(tmp_path / "a.tar", tmp_path).images
    assert [(image.fault, image.size_bytes) for image in images] == [("it is a link or a special file", 0)] * 2


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_no_name_in_an_archive_becomes_the_name_of_a_file(kind: str, tmp_path: Path) -> None:
    source = tmp_path / "sources" / f"a.{kind}"
    source.parent.mkdir()
    names = ["../../escaped/1.jpg", "/absolute/1.jpg", "a/../../1.jpg"]
    if kind == "zip":
        with zipfile.ZipFile(source, "w") as zipped:
            for name in names:
                zipped.writestr(name, b"content")
    else:
        with tarfile.open(source, "w:gz" if kind == "tar.gz" else "w") as archive:
            for name in names:
                member = tarfile.TarInfo(name)
                archive.addfile(member)
    list_images(source, tmp_path / "sources" / "spool")
    assert {path.name for path in tmp_path.rglob("*")} <= {"sources", source.name, "spool"}


def test_of_two_members_with_one_name_the_later_counts(tmp_path: Path) -> None:
    tree(tmp_path / "in", "a/1", "b/1")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "in" / "a" / "1", arcname="c/1")
        archive.add(tmp_path / "in" / "b" / "1", arcname="./c/1")
    assert summary(listing_of(tmp_path / "a.tar", tmp_path)) == [("c", "c/1", b"b/1")]


def test_a_member_that_does_not_unpack_is_a_fault_of_its_own(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a/1", b"first content")
        archive.writestr("a/2", b"second content")
    damaged = (tmp_path / "a.zip").read_bytes().replace(b"first content", b"fIrst content", 1)
    (tmp_path / "a.zip").write_bytes(damaged)
    first, second = listing_of(tmp_path / "a.zip", tmp_path).images
    assert first.fault == "it does not unpack (Bad CRC-32 for file 'a/1')"
    assert (second.fault, second.read()) == (None, b"second content")


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_an_archive_that_unpacks_to_far_more_than_photographs_do_is_refused(kind: str, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "a/1", "a/2")
    for number in (1, 2):
        with open(folder / "a" / str(number), "wb") as hole:
            hole.truncate(archives.EXPANSION_ALLOWANCE_BYTES * 3 // 5)
    source = make_source(kind, folder, tmp_path)
    with pytest.raises(DataError) as caught:
        listing_of(source, tmp_path)
    assert str(caught.value) == (
        f"{source}: it unpacks to more than 20 times its size, which photographs do not."
        " If you trust it, unpack it yourself and pack the folder."
    )


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_a_file_too_large_for_an_image_is_a_fault_and_is_not_read(kind: str, tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "a/1")
    with open(folder / "a" / "1", "wb") as hole:
        hole.truncate(archives.MAX_IMAGE_BYTES + 1)
    (image,) = listing_of(make_source(kind, folder, tmp_path), tmp_path).images
    assert image.fault == "it has 67108865 bytes, more than the 67108864 allowed for one image"


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_a_damaged_archive_is_reported_as_such(kind: str, tmp_path: Path) -> None:
    source = make_source(kind, tree(tmp_path / "in", "a/1", "b/2"), tmp_path)
    source.write_bytes(source.read_bytes()[: 5000 if kind == "tar" else -40])
    with pytest.raises(DataError) as caught:
        listing_of(source, tmp_path)
    assert str(caught.value).startswith(f"{source}: the archive is damaged (")


def test_a_file_that_is_no_archive_is_named_with_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"Rar!\x1a\x07")
    with pytest.raises(DataError) as caught:
        listing_of(tmp_path / "a.rar", tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/a.rar: it starts with the bytes b'Rar!', which is no .tar, .tar.gz or .zip archive."
        " Pass such an archive or a folder with one folder for each class."
    )


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="none: no such folder or archive. Pass a folder with one folder for each class"
    ):
        listing_of(tmp_path / "none", tmp_path)


def test_images_without_class_folders_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        listing_of(tree(tmp_path / "in", "1.jpg", "2.jpg"), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/in: found no class folder with files in it."
        " Put the images of each class into a folder of the class's name."
    )


def test_an_archive_inside_the_archive_is_pointed_out(tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "101_ObjectCategories.tar.gz", "Annotations.tar.txt")
    with pytest.raises(DataError, match="holds the archive '101_ObjectCategories.tar.gz': take that out and pack it."):
        listing_of(zip_of(folder, tmp_path / "a.zip", top="."), tmp_path)


def small_archives() -> list[bytes]:
    """A .tar, a .tar.gz and a .zip of the same three files; the same bytes in every run."""
    plain, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar, zipfile.ZipFile(zipped, "w") as archive:
        for name in ("a/1", "a/2", "b/1"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
            archive.writestr(zipfile.ZipInfo(name), name)
    return [plain.getvalue(), gzip.compress(plain.getvalue(), mtime=0), zipped.getvalue()]


@st.composite
def damaged_archives(draw_value: st.DrawFn) -> bytes:
    """A small archive with some bytes replaced, and perhaps cut off."""
    content = bytearray(draw_value(st.sampled_from(small_archives())))
    for _ in range(draw_value(st.integers(1, 6))):
        at = draw_value(st.integers(0, min(len(content), 4096) - 1))  # a .tar ends with 8 KB of nothing
        content[at] = draw_value(st.integers(0, 255))
    return bytes(content[: draw_value(st.integers(0, len(content)))])


@settings(max_examples=200, deadline=None)
@given(content=damaged_archives())
def test_whatever_is_damaged_in_an_archive_the_result_is_a_list_or_a_reason(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("archives")
    (folder / "archive").write_bytes(content)
    try:
        listing = list_images(folder / "archive", folder / "spool")
    except DataError as error:
        assert str(error).startswith(f"{folder}/archive: ")
    else:
        assert all(len(image.read()) <= image.size_bytes for image in listing.images)
    assert {path.name for path in folder.iterdir()} <= {"archive", "spool"}
