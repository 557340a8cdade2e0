"""One suite over every back end: what moxing.file promises holds for a folder and for a bucket alike.

"Case n" is the number of the conformance case in the moxing-file-api specification.

Kept to Python 3.6: it runs on the parity engine too.
"""

import csv
import io
import logging
import os
import zipfile

import pytest

from moxing_shim import file as mox_file
from tests.storage_rigs import put_tree

# reading and writing


def test_case_1_text_written_is_read_back(rig):
    mox_file.write(rig.url("a.txt"), "Hello Wörld!\n")
    assert mox_file.read(rig.url("a.txt")) == "Hello Wörld!\n"
    assert rig.tree() == {"a.txt": "Hello Wörld!\n".encode()}


def test_case_2_bytes_written_are_read_back(rig):
    mox_file.write(rig.url("a.bin"), b"\xff\x00", binary=True)
    assert mox_file.read(rig.url("a.bin"), binary=True) == b"\xff\x00"


def test_writing_replaces_longer_content(rig):
    rig.put("a.txt", b"long content")
    mox_file.write(rig.url("a.txt"), "short")
    assert rig.tree() == {"a.txt": b"short"}


@pytest.mark.parametrize(
    "data, binary, message",
    [
        (b"x", False, "binary=False, but data is bytes; pass bytes with binary=True"),
        ("x", True, "binary=True, but data is str; pass a str with binary=False"),
    ],
)
def test_writing_the_wrong_kind_of_data_says_what_to_pass(rig, data, binary, message):
    with pytest.raises(TypeError) as caught:
        mox_file.write(rig.url("a"), data, binary=binary)
    assert str(caught.value) == "write({!r}): {}".format(rig.url("a"), message)
    assert rig.tree() == {}


@pytest.mark.parametrize(
    "call",
    [
        lambda url: mox_file.read(url),
        lambda url: mox_file.File(url, "r"),
        lambda url: mox_file.File(url, "rb"),
        lambda url: mox_file.get_size(url),
        lambda url: mox_file.list_directory(url),
        lambda url: mox_file.list_directory(url, recursive=True),
        lambda url: mox_file.remove(url, recursive=True),
        lambda url: mox_file.copy(url, url + ".copy"),
        lambda url: mox_file.copy_parallel(url, url + ".copy"),
    ],
    ids=[
        "read",
        "File r",
        "File rb",
        "get_size",
        "list",
        "list recursive",
        "remove",
        "copy",
        "copy_parallel",
    ],
)
def test_a_missing_source_raises_one_exception_that_is_also_a_file_not_found_error(rig, call):
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        call(rig.url("absent"))
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value, RuntimeError)
    assert "absent" in str(caught.value)
    assert rig.tree() == {}


# File


def test_case_4_a_text_file_gives_lines_with_their_ends(rig):
    with mox_file.File(rig.url("a.txt"), "w") as stream:
        stream.write("one\n")
        stream.writelines(["two\n", "dreiß"])
    with mox_file.File(rig.url("a.txt"), "r") as stream:
        assert stream.readlines() == ["one\n", "two\n", "dreiß"]
    assert rig.tree() == {"a.txt": "one\ntwo\ndreiß".encode()}


def test_case_5_a_binary_file_gives_bytes(rig):
    rig.put("a.bin", b"one\ntwo\nthree")
    with mox_file.File(rig.url("a.bin"), "br") as stream:
        assert stream.readline() == b"one\n"
        assert stream.readlines() == [b"two\n", b"three"]


def test_a_file_knows_its_name_mode_and_size(rig):
    rig.put("a.bin", b"12345")
    with mox_file.File(rig.url("a.bin"), "rb") as stream:
        assert (stream.name, stream.mode, stream.size(), stream.tell()) == (rig.url("a.bin"), "rb", 5, 0)
        assert stream.readable() and stream.seekable() and not stream.writable()
    assert stream.closed


def test_reading_can_seek_anywhere(rig):
    data = bytes(bytearray(range(256))) * 4096  # 1 MiB: several buffers
    rig.put("a.bin", data)
    with mox_file.File(rig.url("a.bin"), "rb") as stream:
        for offset, count in ((1000000, 10), (3, 5), (300000, 300000), (len(data) - 2, 10), (0, -1)):
            stream.seek(offset)
            assert stream.read(count) == (data[offset:] if count < 0 else data[offset : offset + count])
        assert stream.seek(-1, io.SEEK_END) == len(data) - 1
        assert stream.read() == b"\xff"
        assert stream.seek(5, io.SEEK_END) == len(data) + 5
        assert stream.read(1) == b""


def test_an_empty_file_is_read_as_empty(rig):
    with mox_file.File(rig.url("a"), "wb"):
        pass
    with mox_file.File(rig.url("a"), "rb") as stream:
        assert stream.read() == b""
    assert rig.tree() == {"a": b""}


def test_a_zip_archive_is_written_and_read_through_file(rig):
    with mox_file.File(rig.url("a.zip"), "wb") as stream:
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("inside.txt", b"x" * 100000)
    with mox_file.File(rig.url("a.zip"), "rb") as stream:
        assert zipfile.ZipFile(stream).read("inside.txt") == b"x" * 100000


def test_case_26_text_files_serve_csv_and_take_any_attribute(rig):
    with mox_file.File(rig.url("a.csv"), "w", newline="") as stream:
        stream._write_check_passed = True
        csv.writer(stream).writerows([["x", "y"], ["1", "2"]])
    with mox_file.File(rig.url("a.csv"), "r", encoding="utf-8") as stream:
        assert isinstance(stream, io.TextIOBase)
        assert list(csv.reader(stream)) == [["x", "y"], ["1", "2"]]
    assert rig.tree() == {"a.csv": b"x,y\r\n1,2\r\n"}


def test_case_27_a_log_is_visible_after_flush_without_close(rig):
    stream = mox_file.File(rig.url("job.log"), "w")
    handler = logging.StreamHandler(stream)
    handler.emit(logging.makeLogRecord({"msg": "epoch 1"}))
    assert rig.tree() == {"job.log": b"epoch 1\n"}
    handler.emit(logging.makeLogRecord({"msg": "epoch 2"}))
    assert rig.tree() == {"job.log": b"epoch 1\nepoch 2\n"}
    stream.close()


@pytest.mark.parametrize("mode, data", [("w", "half"), ("wb", b"half")])
def test_nothing_is_uploaded_when_the_with_block_fails(bucket_rig, mode, data):
    bucket_rig.put("a", b"before")
    with pytest.raises(ZeroDivisionError):
        with mox_file.File(bucket_rig.url("a"), mode) as stream:
            stream.write(data)
            raise ZeroDivisionError
    assert bucket_rig.tree() == {"a": b"before"}


@pytest.mark.parametrize("mode, data", [("w", "half"), ("wb", b"half")])
def test_nothing_is_uploaded_when_a_file_is_forgotten(bucket_rig, caplog, mode, data):
    bucket_rig.put("a", b"before")
    stream = mox_file.File(bucket_rig.url("a"), mode)
    stream.write(data)
    del stream
    assert bucket_rig.tree() == {"a": b"before"}
    assert [record.getMessage() for record in caplog.records if record.name == "moxing"] == [
        "{} was never closed: what was written since the last flush is lost".format(bucket_rig.url("a"))
    ]


def test_an_unknown_mode_names_the_supported_ones(rig):
    with pytest.raises(ValueError) as caught:
        mox_file.File(rig.url("a"), "q")
    assert str(caught.value) == (
        "File mode 'q' is not supported; use 'r', 'w' or 'a', with 'b' for bytes and '+' for reading and writing"
    )


def test_a_binary_file_refuses_an_encoding(rig):
    with pytest.raises(ValueError) as caught:
        mox_file.File(rig.url("a"), "wb", encoding="utf-8")
    assert str(caught.value) == "File mode 'wb' is binary and takes no encoding, errors or newline"


# directories


def test_case_6_a_listing_has_names_without_slash(rig):
    put_tree(rig, {"dir0/file00": b"", "file1": b""})
    assert mox_file.list_directory(rig.url()) == ["dir0", "file1"]
    assert mox_file.list_directory(rig.url() + "/") == ["dir0", "file1"]


def test_case_7_a_recursive_listing_names_directories_too(rig):
    put_tree(rig, {"dir0/sub/file00": b"", "file1": b""})
    rig.put_folder("empty")
    names = ["dir0", "dir0/sub", "dir0/sub/file00", "empty", "file1"]
    assert mox_file.list_directory(rig.url(), recursive=True) == names


def test_a_listing_can_keep_slashes_and_leave_a_kind_out(rig):
    put_tree(rig, {"dir0/file00": b"", "file1": b""})
    assert mox_file.list_directory(rig.url(), remove_sep=False) == ["dir0/", "file1"]
    assert mox_file.list_directory(rig.url(), recursive=True, skip_dir=True) == ["dir0/file00", "file1"]
    assert mox_file.list_directory(rig.url(), recursive=True, skip_file=True) == ["dir0"]


def test_a_listing_longer_than_a_page_is_complete(bucket_rig):
    put_tree(bucket_rig, {f"{n:02}/{n}": b"" for n in range(12)})
    mox_file.set_auth(list_max_keys=5)
    assert mox_file.list_directory(bucket_rig.url()) == [f"{n:02}" for n in range(12)]
    assert len(mox_file.list_directory(bucket_rig.url(), recursive=True)) == 24


def test_case_8_making_directories_twice_is_no_error(rig):
    for _ in range(2):
        mox_file.make_dirs(rig.url("new/a/b"))
        assert mox_file.exists(rig.url("new/a/b"))
        assert mox_file.is_directory(rig.url("new/a/b"))
    assert rig.tree() == {"new/a/b/": b""}


def test_case_10_a_directory_is_found_with_and_without_slash(rig):
    rig.put("dir/file", b"x")
    for slash in ("", "/"):
        assert mox_file.exists(rig.url("dir") + slash)
        assert mox_file.is_directory(rig.url("dir") + slash)
        assert not mox_file.exists(rig.url("di") + slash)
        assert not mox_file.is_directory(rig.url("di") + slash)
    assert mox_file.exists(rig.url("dir/file"))
    assert not mox_file.is_directory(rig.url("dir/file"))


def test_the_bucket_itself_is_a_directory(bucket):
    for url in ("s3://" + bucket, f"s3://{bucket}/", "obs:/" + bucket):
        assert mox_file.exists(url)
        assert mox_file.is_directory(url)
        assert mox_file.list_directory(url) == []
        mox_file.make_dirs(url)


def test_a_missing_bucket_does_not_exist_and_is_not_created(bucket):
    url = f"s3://{bucket}-absent/dir"
    assert not mox_file.exists(url)
    assert not mox_file.is_directory(url)
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        mox_file.make_dirs(url)
    assert f"cannot create the folder {url}: " in str(caught.value)
    assert "Check the bucket name, and that the endpoint is in the bucket's region" in str(caught.value)


def test_case_11_sizes_of_files_and_directories(rig):
    put_tree(rig, {"dir/a": b"12345", "dir/sub/b": b"123"})
    assert mox_file.get_size(rig.url("dir/a")) == 5
    assert mox_file.get_size(rig.url("dir"), recursive=True) == 8
    # moxing counts a directory in a bucket only when asked to, a local one always
    assert mox_file.get_size(rig.url("dir")) == (8 if rig.scheme == "local" else 0)


# remove


@pytest.mark.parametrize(
    "name, recursive, left",
    [
        ("file", False, {"dir/x"}),
        ("file", True, {"dir/x"}),
        ("file/", False, {"dir/x", "file"}),
        ("file/", True, {"dir/x", "file"}),
        ("dir", False, {"dir/x", "file"}),
        ("dir/", False, {"dir/x", "file"}),
        ("dir", True, {"file"}),
        ("dir/", True, {"file"}),
    ],
)
def test_case_13_the_truth_table_of_remove_in_a_bucket(bucket_rig, name, recursive, left):
    put_tree(bucket_rig, {"file": b"", "dir/x": b""})
    mox_file.remove(bucket_rig.url(name), recursive=recursive)
    assert set(bucket_rig.tree()) == left


def test_remove_deletes_files_and_whole_directories(rig):
    put_tree(rig, {"file": b"", "dir/x": b"", "dir/sub/y": b"", "dirx": b""})
    rig.put_folder("dir/empty")
    mox_file.remove(rig.url("file"))
    mox_file.remove(rig.url("dir"), recursive=True)
    assert rig.tree() == {"dirx": b""}


def test_remove_prefers_the_file_when_a_directory_has_its_name(bucket_rig):
    put_tree(bucket_rig, {"a": b"", "a/b": b""})
    mox_file.remove(bucket_rig.url("a"), recursive=True)
    assert set(bucket_rig.tree()) == {"a/b"}


def test_removing_a_missing_object_is_no_error(bucket_rig):
    mox_file.remove(bucket_rig.url("absent"))
    assert bucket_rig.tree() == {}


def test_remove_of_a_local_folder_needs_recursive(tmp_path):
    (tmp_path / "dir").mkdir()
    with pytest.raises(OSError):
        mox_file.remove(str(tmp_path / "dir"))
    assert (tmp_path / "dir").is_dir()


def test_remove_deletes_a_link_and_not_what_it_points_to(tmp_path):
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "x").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "dir")
    mox_file.remove(str(tmp_path / "link") + "/", recursive=True)
    assert sorted(os.listdir(str(tmp_path))) == ["dir"]
    assert (tmp_path / "dir" / "x").exists()


def test_remove_refuses_a_whole_bucket(bucket, s3_client):
    s3_client.put_object(Bucket=bucket, Key="x", Body=b"")
    with pytest.raises(ValueError) as caught:
        mox_file.remove("s3://" + bucket, recursive=True)
    assert str(caught.value) == (
        f"remove('s3://{bucket}/', recursive=True) would empty the whole bucket; name a folder in it"
    )
    assert mox_file.exists(f"s3://{bucket}/x")


def test_a_directory_longer_than_a_page_is_deleted_completely(bucket_rig):
    put_tree(bucket_rig, {f"dir/{n}": b"" for n in range(12)})
    mox_file.set_auth(list_max_keys=5)
    mox_file.remove(bucket_rig.url("dir"), recursive=True)
    assert bucket_rig.tree() == {}


# connection


def test_case_30_set_auth_adds_to_what_it_was_told_before(make_rig, s3_endpoint, monkeypatch):
    rig = make_rig("s3")
    mox_file.set_auth(ak=os.environ["AWS_ACCESS_KEY_ID"], sk=os.environ["AWS_SECRET_ACCESS_KEY"], server=s3_endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_ENDPOINT"):
        monkeypatch.delenv(name)
    mox_file.set_auth(retry=2)
    mox_file.write(rig.url("a"), "x")
    assert rig.tree() == {"a": b"x"}
