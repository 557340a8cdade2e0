"""What File, append_remote and rename do when the network or somebody else comes in between.

Between the client and the server stands fault_proxy.py. Kept to Python 3.6: it runs on the parity engine too.
"""

import gc
import os

import pytest

from moxing_shim import file as mox_file
from tests.fault_proxy import GOOD, Fault, FaultProxy, always

MIB = 1024 * 1024
REFUSED = Fault(refuse=True)


@pytest.fixture
def proxy(s3_server, bucket, storage_at):
    """A proxy in front of the server, to which the environment points; every request has one try."""
    with FaultProxy(s3_server.endpoint).running() as running:
        storage_at(running.url, s3_server.access_key, s3_server.secret_key)
        mox_file.set_auth(retry=1, client_timeout=20)
        yield running


def completes_an_upload(exchange):
    return exchange.method == "POST" and "uploadId=" in exchange.path


def sends_a_part(exchange):
    return exchange.method == "PUT" and "uploadId=" in exchange.path


def unfinished_uploads(rig):
    return rig.client.list_multipart_uploads(Bucket=rig.bucket).get("Uploads", [])


@pytest.mark.parametrize("applies", [sends_a_part, completes_an_upload])
def test_a_flush_that_failed_is_repeated_with_more_and_nothing_is_twice_in_it(proxy, bucket_rig, applies):
    start, middle, end = os.urandom(65 * MIB), os.urandom(MIB), os.urandom(3 * MIB)
    with mox_file.File(bucket_rig.url("a"), "wb") as stream:
        stream.write(start)
        stream.write(middle)
        assert len(unfinished_uploads(bucket_rig)) == 1  # the start was sent on the way
        proxy.faults = always(REFUSED, applies)
        with pytest.raises(mox_file.MoxFileRespException):
            stream.flush()
        assert bucket_rig.tree() == {}
        proxy.faults = always(GOOD)
        stream.write(end)
    assert bucket_rig.tree()["a"] == start + middle + end
    assert unfinished_uploads(bucket_rig) == []


def test_a_write_that_failed_is_repeated_and_nothing_is_twice_in_it(proxy, bucket_rig):
    pieces = [os.urandom(MIB) for _ in range(66)]
    failures = 0
    with mox_file.File(bucket_rig.url("a"), "wb") as stream:
        proxy.faults = always(REFUSED, sends_a_part)
        for piece in pieces:
            try:
                stream.write(piece)
            except mox_file.MoxFileRespException:
                failures += 1
                proxy.faults = always(GOOD)
                stream.write(piece)
    assert failures == 1
    assert bucket_rig.tree()["a"] == b"".join(pieces)


def test_a_close_that_failed_leaves_no_part_behind(proxy, bucket_rig):
    stream = mox_file.File(bucket_rig.url("a"), "wb")
    stream.write(bytes(65 * MIB))
    stream.write(bytes(MIB))
    proxy.faults = always(REFUSED, completes_an_upload)
    with pytest.raises(mox_file.MoxFileRespException):
        stream.close()
    assert stream.closed
    assert (bucket_rig.tree(), unfinished_uploads(bucket_rig)) == ({}, [])


def test_a_long_stream_that_is_forgotten_takes_its_parts_back(bucket_rig, caplog):
    stream = mox_file.File(bucket_rig.url("a"), "wb")
    stream.write(bytes(65 * MIB))
    stream.write(bytes(MIB))
    assert len(unfinished_uploads(bucket_rig)) == 1
    del stream
    gc.collect()
    assert (bucket_rig.tree(), unfinished_uploads(bucket_rig)) == ({}, [])
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "{} was never closed: what was written since the last flush is lost".format(bucket_rig.url("a"))
    ]


def test_appending_to_nothing_does_not_replace_what_somebody_else_created(bucket_rig):
    stream = mox_file.File(bucket_rig.url("a"), "a")
    stream.write("mine")
    bucket_rig.put("a", b"theirs")
    with pytest.raises(mox_file.MoxFileException) as caught:
        stream.close()
    assert "somebody else changed it since it was opened with 'ab'" in str(caught.value)
    assert bucket_rig.tree() == {"a": b"theirs"}


def test_an_object_deleted_while_it_is_updated_is_stored_again(bucket_rig):
    bucket_rig.put("a", b"old")
    with mox_file.File(bucket_rig.url("a"), "rb+") as stream:
        stream.write(b"n")
        mox_file.remove(bucket_rig.url("a"))
    assert bucket_rig.tree() == {"a": b"nld"}


def test_a_file_opened_with_w_replaces_what_others_wrote_while_it_has_all_of_it(bucket_rig):
    with mox_file.File(bucket_rig.url("a"), "wb") as stream:
        stream.write(bytes(6 * MIB))
        stream.flush()
        bucket_rig.put("a", b"theirs")
        stream.write(b"end")
    assert bucket_rig.tree() == {"a": bytes(6 * MIB) + b"end"}


def test_a_long_stream_is_not_put_behind_what_others_wrote(bucket_rig):
    with pytest.raises(mox_file.MoxFileException) as caught:
        with mox_file.File(bucket_rig.url("a"), "wb") as stream:
            stream.write(bytes(65 * MIB))
            stream.write(b"x")
            stream.flush()
            bucket_rig.put("a", b"theirs")
            stream.write(b"end")
    assert str(caught.value) == (
        "cannot write {}: somebody else changed it since it was opened with 'wb', or flushed; open it again".format(
            bucket_rig.url("a")
        )
    )
    assert (bucket_rig.tree(), unfinished_uploads(bucket_rig)) == ({"a": b"theirs"}, [])


def test_a_source_that_breaks_adds_nothing_to_a_local_file(proxy, make_rig):
    source, target = make_rig("s3"), make_rig("local")
    source.put("s", os.urandom(3 * MIB))
    target.put("t", b"old")
    proxy.faults = always(Fault(cut_body=0.5))
    with pytest.raises(mox_file.MoxFileReadException):
        mox_file.append_remote(source.url("s"), target.url("t"))
    assert target.tree() == {"t": b"old"}


def test_a_source_that_breaks_adds_nothing_to_an_object(proxy, bucket_rig):
    bucket_rig.put("s", os.urandom(3 * MIB))
    bucket_rig.put("t", b"old")
    proxy.faults = always(Fault(cut_body=0.5), lambda exchange: exchange.method == "GET" and "/s" in exchange.path)
    with pytest.raises(mox_file.MoxFileReadException):
        mox_file.append_remote(bucket_rig.url("s"), bucket_rig.url("t"))
    assert bucket_rig.tree()["t"] == b"old"


def test_a_folder_that_cannot_be_uploaded_stays(proxy, make_rig):
    source, target = make_rig("local"), make_rig("s3")
    source.put("s/a", b"1")
    source.put("s/b", b"2")
    proxy.faults = always(REFUSED, lambda exchange: exchange.method == "PUT" and exchange.path.endswith("/b"))
    with pytest.raises(mox_file.MoxCopyException):
        mox_file.rename(source.url("s"), target.url("t"))
    assert source.tree("s") == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_source_that_grows_while_it_is_copied_is_not_deleted(proxy, make_rig, what):
    source, target = make_rig("s3"), make_rig("local")
    source.put("s/log", b"epoch 1\n")
    source.put("s/other", b"x")
    name = "s/log" if what == "file" else "s"

    copied, written = [], []
    target.put_folder("")
    original = source.tree("s")["log"]

    def after_the_copy(exchange):
        if exchange.method == "GET" and exchange.path.endswith("/s/log"):
            copied.append(True)
        elif copied and not written and not exchange.path.endswith("/s/other"):  # which is copied beside it
            written.append(True)
            source.put("s/log", original + b"epoch 2\n")
        return GOOD

    proxy.faults = after_the_copy
    with pytest.raises(mox_file.MoxFileException) as caught:
        mox_file.rename(source.url(name), target.url("t"))
    assert str(caught.value) == (
        "{} was changed while it was copied to {}, 'log' in it; nothing was deleted. When nobody writes to it, remove "
        "the copy and try again".format(source.url(name), target.url("t"))
    )
    assert source.tree("s") == {"log": b"epoch 1\nepoch 2\n", "other": b"x"}


def test_walk_of_a_bucket_that_cannot_be_listed_is_not_empty(proxy, bucket_rig):
    proxy.faults = always(REFUSED, lambda exchange: True)
    with pytest.raises(mox_file.MoxFileRespException):
        list(mox_file.walk(bucket_rig.url()))
    told = []
    assert list(mox_file.walk(bucket_rig.url(), onerror=told.append)) == []
    assert len(told) == 1
