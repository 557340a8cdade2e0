"""File in its twelve modes, append and append_remote: a bucket behaves as a folder does.

Kept to Python 3.6: it runs on the parity engine too.
"""

import io
import os

import pytest

from moxing_shim import file as mox_file

MIB = 2**20
LARGE = os.urandom(6 * MIB)  # enough for the server to join


@pytest.mark.parametrize("mode", ["a", "ab", "ba", "a+", "ab+", "w", "wb", "w+", "bw+"])
def test_a_file_that_is_not_there_is_created(rig, mode):
    with mox_file.File(rig.url("a"), mode) as stream:
        stream.write(b"new" if "b" in mode else "new")
    assert rig.tree() == {"a": b"new"}


@pytest.mark.parametrize("mode", ["r", "rb", "r+", "rb+", "br+"])
def test_a_file_that_is_to_be_read_or_changed_must_be_there(rig, mode):
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        mox_file.File(rig.url("a"), mode)
    assert isinstance(caught.value, FileNotFoundError) and rig.url("a") in str(caught.value)
    assert rig.tree() == {}


@pytest.mark.parametrize("mode", ["w", "wb", "w+", "bw+"])
def test_opening_for_writing_empties_the_file(rig, mode):
    rig.put("a", b"old")
    mox_file.File(rig.url("a"), mode).close()
    assert rig.tree() == {"a": b""}


@pytest.mark.parametrize("mode", ["a", "ab", "a+", "ba+"])
@pytest.mark.parametrize("before", [b"old", LARGE], ids=["small", "large"])
def test_appending_writes_behind_what_is_there_wherever_the_stream_stands(rig, mode, before):
    rig.put("a", before)
    with mox_file.File(rig.url("a"), mode) as stream:
        stream.seek(0)
        stream.write(b"new" if "b" in mode else "new")
        stream.flush()
        assert rig.tree()["a"] == before + b"new"
        stream.write(b"er" if "b" in mode else "er")
    assert rig.tree() == {"a": before + b"newer"}


@pytest.mark.parametrize("mode", ["a", "ab+", "r+", "rb+"])
def test_a_file_that_is_opened_and_not_written_stays_as_it_is(rig, mode):
    rig.put("a", b"old")
    mox_file.File(rig.url("a"), mode).close()
    assert rig.tree() == {"a": b"old"}


def test_updating_changes_bytes_in_the_middle(rig):
    rig.put("a", b"0123456789")
    with mox_file.File(rig.url("a"), "rb+") as stream:
        assert stream.read(3) == b"012"
        stream.seek(5)
        stream.write(b"xy")
        stream.seek(0)
        assert stream.read() == b"01234xy789"
    assert rig.tree() == {"a": b"01234xy789"}


def test_text_can_be_read_and_written_in_one_file(rig):
    rig.put("a", "größe\n".encode())
    with mox_file.File(rig.url("a"), "r+") as stream:
        assert stream.readlines() == ["größe\n"]
        stream.write("图像\n")
    with mox_file.File(rig.url("a"), "a+") as stream:
        stream.write("end\n")
        stream.seek(0)
        assert stream.read() == "größe\n图像\nend\n"
    assert rig.tree() == {"a": "größe\n图像\nend\n".encode()}


@pytest.mark.parametrize("mode", ["rb+", "wb+", "ab+"])
def test_a_file_can_be_cut_and_filled_up(rig, mode):
    rig.put("a", b"0123456789")
    with mox_file.File(rig.url("a"), mode) as stream:
        stream.truncate(4)
        assert stream.size() == 4
    assert rig.tree()["a"] == (b"\0" * 4 if mode == "wb+" else b"0123")


def test_reading_is_refused_where_the_mode_only_writes(rig):
    with mox_file.File(rig.url("a"), "wb") as stream, pytest.raises(io.UnsupportedOperation):
        stream.read()


def test_writing_is_refused_where_the_mode_only_reads(rig):
    rig.put("a", b"old")
    with mox_file.File(rig.url("a"), "rb") as stream, pytest.raises(io.UnsupportedOperation):
        stream.write(b"new")


@pytest.mark.parametrize("mode, data", [("a", "new"), ("rb+", b"new"), ("w+", "new")])
def test_nothing_is_changed_in_a_bucket_when_the_with_block_fails(bucket_rig, mode, data):
    bucket_rig.put("a", b"old")
    with pytest.raises(ZeroDivisionError), mox_file.File(bucket_rig.url("a"), mode) as stream:
        stream.write(data)
        1 / 0  # noqa: B018
    assert bucket_rig.tree() == {"a": b"old"}


@pytest.mark.parametrize("before", [b"old", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("mode", ["ab", "ab+", "rb+"])
def test_an_update_does_not_replace_what_somebody_else_wrote_meanwhile(bucket_rig, mode, before):
    bucket_rig.put("a", before)
    stream = mox_file.File(bucket_rig.url("a"), mode)
    stream.write(b"mine")
    bucket_rig.put("a", b"theirs")
    with pytest.raises(mox_file.MoxFileException) as caught:
        stream.close()
    assert str(caught.value) == (
        "cannot write {}: somebody else changed it since it was opened with {!r}, or flushed; open it again".format(
            bucket_rig.url("a"), mode.replace("b+", "+b")
        )
    )
    assert bucket_rig.tree() == {"a": b"theirs"}
    assert not bucket_rig.client.list_multipart_uploads(Bucket=bucket_rig.bucket).get("Uploads")


def test_a_long_stream_is_sent_on_the_way_and_can_be_flushed_in_between(bucket_rig):
    pieces = [os.urandom(MIB) for _ in range(8)]
    with mox_file.File(bucket_rig.url("a"), "wb") as stream:
        for number in range(72):
            stream.write(pieces[number % 8])
        with pytest.raises(io.UnsupportedOperation) as caught:
            stream.seek(5)
        assert "open" in str(caught.value) and "'w+b'" in str(caught.value)
        assert len(bucket_rig.client.list_multipart_uploads(Bucket=bucket_rig.bucket)["Uploads"]) == 1
        stream.flush()
        assert bucket_rig.tree()["a"] == b"".join(pieces) * 9
        stream.write(b"end")
        assert stream.tell() == 72 * MIB + 3
    assert bucket_rig.tree() == {"a": b"".join(pieces) * 9 + b"end"}


def test_a_long_stream_that_fails_takes_its_parts_back(bucket_rig):
    with pytest.raises(ZeroDivisionError), mox_file.File(bucket_rig.url("a"), "wb") as stream:
        stream.write(bytes(65 * MIB))
        1 / 0  # noqa: B018
    assert bucket_rig.tree() == {}
    assert not bucket_rig.client.list_multipart_uploads(Bucket=bucket_rig.bucket).get("Uploads")


def test_a_flush_of_a_large_file_sends_only_what_is_new(bucket_rig):
    with mox_file.File(bucket_rig.url("a"), "wb") as stream:
        stream.write(LARGE)
        stream.flush()
        stream.write(b"line\n")
        stream.flush()
        assert bucket_rig.tree()["a"] == LARGE + b"line\n"
        etag = bucket_rig.client.head_object(Bucket=bucket_rig.bucket, Key=bucket_rig.prefix + "/a")["ETag"]
        assert etag.endswith('-2"')  # the object that was there, and the line
        stream.seek(2)
        stream.write(b"x")
    assert bucket_rig.tree() == {"a": LARGE[:2] + b"x" + LARGE[3:] + b"line\n"}


@pytest.mark.parametrize("before", [None, b"", b"old", LARGE], ids=["missing", "empty", "small", "large"])
def test_case_3_append_puts_data_behind_the_content(rig, before):
    if before is not None:
        rig.put("a", before)
    mox_file.append(rig.url("a"), "text ä")
    mox_file.append(rig.url("a"), b"\xff", binary=True)
    assert rig.tree() == {"a": (before or b"") + "text ä".encode() + b"\xff"}


def test_append_says_what_kind_of_data_to_pass(rig):
    with pytest.raises(TypeError) as caught:
        mox_file.append(rig.url("a"), b"bytes")
    assert str(caught.value) == "append({!r}): binary=False, but data is bytes; pass bytes with binary=True".format(
        rig.url("a")
    )
    assert rig.tree() == {}


@pytest.mark.parametrize("before", [None, b"old", LARGE], ids=["missing", "small", "large"])
def test_append_remote_puts_one_file_behind_another_in_every_direction(rigs, before):
    source, target = rigs
    source.put("s", LARGE[:MIB])
    target.put_folder("")
    if before is not None:
        target.put("t", before)
    mox_file.append_remote(source.url("s"), target.url("t"))
    assert target.tree() == {"t": (before or b"") + LARGE[:MIB]}
    assert source.tree()["s"] == LARGE[:MIB]


def test_append_remote_of_nothing_leaves_the_target(rig):
    rig.put("t", b"old")
    with pytest.raises(mox_file.MoxFileNotExistsException):
        mox_file.append_remote(rig.url("s"), rig.url("t"))
    with pytest.raises(ValueError):
        mox_file.append_remote(rig.url("t"), rig.url("t"))
    assert rig.tree() == {"t": b"old"}


@pytest.mark.parametrize("mode", ["rb+", "wb+", "wb"])
def test_a_file_is_filled_up_with_zeros_to_any_length(rig, mode):
    rig.put("a", b"12")
    with mox_file.File(rig.url("a"), mode) as stream:
        stream.truncate(9 * MIB)  # more than is kept in memory
        assert (stream.size(), stream.tell()) == (9 * MIB, 0)
        stream.seek(4)
        stream.write(b"x")
    start = b"12\0\0x" if mode == "rb+" else b"\0\0\0\0x"
    assert rig.tree() == {"a": start + bytes(9 * MIB - 5)}


@pytest.mark.parametrize("mode", ["w", "w+", "wb", "a"])
def test_asking_for_place_and_size_shows_nothing_yet(bucket_rig, mode):
    stream = mox_file.File(bucket_rig.url("a"), mode)
    stream.write("text" if "b" not in mode else b"text")
    assert (stream.tell(), stream.size()) == (4, 4)
    stream.seek(0, io.SEEK_END)
    assert bucket_rig.tree() == {}
    stream.flush()
    assert bucket_rig.tree() == {"a": b"text"}
    stream.close()


@pytest.mark.parametrize(
    "mode, options, message",
    [
        ("wb", {"encoding": "utf-8"}, "File mode 'wb' is binary and takes no encoding, errors or newline"),
        ("wb", {"newline": ""}, "File mode 'wb' is binary and takes no encoding, errors or newline"),
        ("w", {"buffering": 0}, "File mode 'w' is text and cannot be unbuffered; use 'b' or buffering=1"),
        ("w", {"newline": "x"}, "illegal newline value: "),
        ("w", {"encoding": "latin-99"}, "unknown encoding: latin-99"),
        ("w", {"errors": "bogus"}, "unknown error handler name 'bogus'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_the_file_is_emptied(rig, mode, options, message):
    rig.put("a", b"old")
    with pytest.raises((ValueError, LookupError)) as caught:
        mox_file.File(rig.url("a"), mode, **options)
    assert message in str(caught.value)  # the last three are Python's own
    assert rig.tree() == {"a": b"old"}


def test_text_options_are_those_of_open(rig):
    rig.put("a", b"\xe4\r\nb\xff\r\n")
    with mox_file.File(rig.url("a"), encoding="ascii", errors="replace", newline="") as stream:
        assert stream.readlines() == ["\ufffd\r\n", "b\ufffd\r\n"]
    with mox_file.File(rig.url("a"), "w", encoding="utf-16", newline="\r\n") as stream:
        stream.write("a\n")
    with mox_file.File(rig.url("a"), "a", encoding="utf-16", newline="\r\n") as stream:
        stream.write("b\n")
    assert rig.tree()["a"].decode("utf-16") == "a\r\nb\r\n"  # one mark of the byte order, at the start


@pytest.mark.parametrize("buffering", [-1, 0, 1, 10])
def test_every_buffering_is_taken(rig, buffering):
    with mox_file.File(rig.url("a"), "wb", buffering) as stream:
        stream.write(b"one")
        stream.write(b"two" * 10)
        assert stream.size() == 33
    with mox_file.File(rig.url("a"), "rb", buffering) as stream:
        assert stream.read() == b"one" + b"two" * 10
        assert stream.size() == 33


def test_a_local_file_is_buffered_as_open_does_it(tmp_path):
    path = str(tmp_path / "a")
    with mox_file.File(path, "wb", buffering=0) as stream, mox_file.File(path, "rb") as reader:
        stream.write(b"at once")
        assert reader.read() == b"at once"
    with mox_file.File(path, "w", buffering=1) as stream, mox_file.File(path, "r") as reader:
        stream.write("a line\nand")
        assert reader.read() in ("a line\n", "a line\nand")


def test_a_local_file_is_opened_by_its_descriptor_or_by_a_function(tmp_path):
    path = str(tmp_path / "a")
    number = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        with mox_file.File(number, "w", closefd=False) as stream:
            stream.write("one")
        with mox_file.File(path, "a", opener=lambda name, flags: os.open(name, flags)) as stream:
            stream.write("two")
        assert os.pread(number, 10, 0) == b"onetwo"
    finally:
        os.close(number)


def test_a_directory_cannot_be_opened(rig):
    rig.put("d/a", b"")
    for mode in ("r", "w", "a", "r+"):
        with pytest.raises(OSError) as caught:
            mox_file.File(rig.url("d/"), mode)
        if rig.scheme != "local":
            assert str(caught.value) == "cannot open {}: it names a directory; leave out the slash".format(
                rig.url("d/")
            )
    assert rig.tree() == {"d/a": b""}
