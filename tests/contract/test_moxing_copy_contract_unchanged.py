"""copy_parallel(skip_unchanged=True): what is left out, what is copied again, and how many requests that takes.

Kept to Python 3.6: it runs on the parity engine too.
"""

import hashlib
import logging
import os

import pytest

from moxing_shim import file as mox_file
from tests.scripted_server import Answer, s3_error
from tests.storage_rigs import put_tree

TREE = {
    "a": b"one",
    "a-b": b"before the slash",
    "a0": b"after the slash",
    "b/c": b"two",
    "b.txt": b"",
    "umläut \U0001f600": b"beyond the first plane",
    "umläut \ue000": b"at its end",
}
MIB = 1024 * 1024
LONG_AGO, FAR_AHEAD = 10**9, 4 * 10**9  # in 2001 and in 2096, seconds since the epoch


def copy_again(source, target, **options):
    mox_file.copy_parallel(source, target, skip_unchanged=True, **options)


def last_words(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "moxing"][-1]


@pytest.fixture(autouse=True)
def said(caplog):
    """The log at INFO."""
    caplog.set_level(logging.INFO, logger="moxing")
    return caplog


@pytest.mark.parametrize("threads", [0, 4])
def test_a_second_copy_copies_nothing_and_says_so(rigs, said, threads):
    source, target = rigs
    put_tree(source, TREE)
    mox_file.copy_parallel(source.url(), target.url("t"))
    copy_again(source.url(), target.url("t"), threads=threads)
    assert last_words(said) == "0 files copied, 7 unchanged, from {} to {}".format(source.url(), target.url("t"))
    assert target.tree("t") == TREE


def test_without_skip_unchanged_everything_is_copied_again_as_moxing_does(rigs, said):
    source, target = rigs
    put_tree(source, TREE)
    for _ in range(2):
        mox_file.copy_parallel(source.url(), target.url("t"))
    assert last_words(said) == "7 files copied from {} to {}".format(source.url(), target.url("t"))


def test_only_what_is_missing_or_of_another_size_is_copied(rigs, said):
    source, target = rigs
    put_tree(source, TREE)
    mox_file.copy_parallel(source.url(), target.url("t"))
    put_tree(source, {"a": b"longer", "b/new": b"new"})
    put_tree(target, {"t/theirs": b"kept"})
    copy_again(source.url(), target.url("t"))
    assert last_words(said).startswith("2 files copied, 6 unchanged, from ")
    assert target.tree("t") == dict(TREE, **{"a": b"longer", "b/new": b"new", "theirs": b"kept"})


@pytest.mark.parametrize("threads", [0, 4])
def test_a_copy_that_stopped_half_way_is_continued(rigs, said, threads):
    source, target = rigs
    put_tree(source, {str(number): b"x" * number for number in range(9)})

    def stop(files_done, files_total, bytes_done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mox_file.copy_parallel(source.url(), target.url("t"), threads=threads, progress=stop)
    arrived = target.tree("t")
    assert arrived
    copy_again(source.url(), target.url("t"), threads=threads)
    words = f"{9 - len(arrived)} files copied, {len(arrived)} unchanged, from "
    assert last_words(said).startswith(words)
    assert target.tree("t") == source.tree()


def test_progress_counts_unchanged_files_as_done(rigs):
    source, target = rigs
    put_tree(source, {"a": b"1", "b": b"22"})
    mox_file.copy_parallel(source.url(), target.url("t"))
    source.put("c", b"333")
    calls = []
    copy_again(source.url(), target.url("t"), threads=2, progress=lambda *counts: calls.append(counts))
    assert [counts[0] for counts in calls] == [1, 2, 3]
    assert calls[-1] == (3, 3, 6)


def test_a_file_list_and_a_single_file_are_compared_too(rigs, said):
    source, target = rigs
    put_tree(source, TREE)
    mox_file.copy_parallel(source.url(), target.url("t"), file_list=["a"])
    copy_again(source.url(), target.url("t"), file_list=["a", "b/c"])
    assert last_words(said).startswith("1 files copied, 1 unchanged, from ")
    copy_again(source.url("a"), target.url("t/a"))
    assert last_words(said).startswith("0 files copied, 1 unchanged, from ")
    source.put("a", b"longer")
    copy_again(source.url("a"), target.url("t/a"))
    assert target.tree("t") == {"a": b"longer", "b/c": b"two"}


def test_a_missing_name_of_a_file_list_still_fails_by_name(rigs):
    source, target = rigs
    put_tree(source, TREE)
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        copy_again(source.url(), target.url("t"), file_list=["a", "absent"])
    assert [name for name, _ in caught.value.failures] == ["absent"]


# what the content says goes before what the clock says


@pytest.mark.parametrize("directions", ["local-s3", "s3-local", "s3-obs"])
def test_other_content_of_the_same_size_is_copied_however_new_the_target_is(make_rig, directions):
    source, target = (make_rig(scheme) for scheme in directions.split("-"))
    source.put("a", b"mine")
    target.put("a", b"ours")
    for rig in (source, target):
        if rig.scheme == "local":
            moment = LONG_AGO if rig is source else FAR_AHEAD
            os.utime(rig.url("a"), (moment, moment))
    copy_again(source.url(), target.url())
    assert target.tree() == {"a": b"mine"}


@pytest.mark.parametrize("directions", ["local-s3", "s3-local"])
def test_equal_content_is_left_alone_however_old_the_target_is(make_rig, said, directions):
    source, target = (make_rig(scheme) for scheme in directions.split("-"))
    source.put("a", b"same")
    target.put("a", b"same")
    for rig in (source, target):
        if rig.scheme == "local":
            moment = FAR_AHEAD if rig is source else LONG_AGO
            os.utime(rig.url("a"), (moment, moment))
    copy_again(source.url(), target.url())
    assert last_words(said).startswith("0 files copied, 1 unchanged, from ")


@pytest.mark.parametrize("part_mib", [5, 8, 10, 16])
@pytest.mark.parametrize("is_upload", [True, False])
def test_an_object_uploaded_in_parts_of_a_usual_size_is_recognised_by_its_content(
    make_rig, s3_client, said, part_mib, is_upload
):
    folder, bucket = make_rig("local"), make_rig("s3")
    content = os.urandom(1024) * (17 * 1024)
    folder.put("large", content)
    upload_in_parts(s3_client, bucket, "large", content, part_mib * MIB)
    source, target = (folder, bucket) if is_upload else (bucket, folder)
    moment = FAR_AHEAD if is_upload else LONG_AGO
    os.utime(folder.url("large"), (moment, moment))  # by the clock it would be copied
    copy_again(source.url(), target.url())
    assert last_words(said).startswith("0 files copied, 1 unchanged, from ")

    folder.put("large", content[::-1])
    moment = LONG_AGO if is_upload else FAR_AHEAD
    os.utime(folder.url("large"), (moment, moment))  # by the clock it would be left out
    copy_again(source.url(), target.url())
    assert last_words(said).startswith("1 files copied from ")
    assert target.tree() == source.tree()


@pytest.mark.parametrize("moment, words", [(LONG_AGO, "0 files copied, 1 unchanged,"), (FAR_AHEAD, "1 files copied ")])
def test_parts_of_an_unusual_size_leave_it_to_the_clock(make_rig, s3_client, said, moment, words):
    source, target = make_rig("local"), make_rig("s3")
    content = b"\0" * (36 * MIB)
    upload_in_parts(s3_client, target, "large", content, 6 * MIB)
    source.put("large", content)
    os.utime(source.url("large"), (moment, moment))
    copy_again(source.url(), target.url())
    assert last_words(said).startswith(words)


def upload_in_parts(client, rig, name, content, part_bytes):
    key = {"Bucket": rig.bucket, "Key": rig.prefix + "/" + name}
    upload_id = client.create_multipart_upload(**key)["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(content), part_bytes), 1):
        body = content[start : start + part_bytes]
        answer = client.upload_part(PartNumber=number, UploadId=upload_id, Body=body, **key)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    client.complete_multipart_upload(UploadId=upload_id, MultipartUpload={"Parts": parts}, **key)


@pytest.mark.parametrize("moment, content", [(LONG_AGO, b"theirs"), (FAR_AHEAD, b"source")])
def test_between_folders_the_newer_one_counts(make_rig, moment, content):
    source, target = make_rig("local"), make_rig("local")
    source.put("a", b"source")
    target.put("a", b"theirs")
    os.utime(source.url("a"), (moment, moment))
    copy_again(source.url(), target.url())
    assert target.tree() == {"a": content}


def test_within_a_store_a_copy_in_other_parts_is_left_to_the_clock(make_rig, s3_client, said):
    source, target = make_rig("s3"), make_rig("obs")
    content = b"\0" * (12 * MIB)
    upload_in_parts(s3_client, source, "large", content, 6 * MIB)
    upload_in_parts(s3_client, target, "large", content, 7 * MIB)
    copy_again(source.url(), target.url())
    assert last_words(said).startswith("0 files copied, 1 unchanged, from ")


# requests


ITEM = '<Contents><Key>dir/%s</Key><Size>%d</Size><ETag>"%s"</ETag><LastModified>%s</LastModified></Contents>'
PAGE = "<ListBucketResult><IsTruncated>false</IsTruncated>%s</ListBucketResult>"


def page_of(contents, modified="2001-01-01T00:00:00.000Z", etag=None):
    items = [
        ITEM % (name, len(content), etag or hashlib.md5(content).hexdigest(), modified)
        for name, content in sorted(contents.items())
    ]
    return Answer(200, (PAGE % "".join(items)).encode("utf-8"))


def test_a_thousand_unchanged_files_take_one_listing_and_no_other_request(scripted_s3, tmp_path):
    contents = {f"{number:03}": str(number).encode("ascii") for number in range(1000)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    server = scripted_s3(lambda request: page_of(contents))
    copy_again(str(tmp_path), "s3://bkt/dir")
    assert [request.method for request in server.requests] == ["GET"]
    assert "list-type=2" in server.requests[0].path


def test_an_unchanged_download_takes_no_request_but_the_listings(scripted_s3, tmp_path):
    contents = {"a": b"1", "b": b"22"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    server = scripted_s3(lambda request: page_of(contents))
    copy_again("s3://bkt/dir", str(tmp_path))
    assert all("list-type=2" in request.path for request in server.requests)


@pytest.mark.parametrize(
    "modified, is_copied", [("2001-01-01T00:00:00.000Z", True), ("2096-01-01T00:00:00.000Z", False)]
)
def test_an_encrypted_object_whose_etag_only_looks_like_an_md5_is_left_to_the_clock(
    scripted_s3, tmp_path, modified, is_copied
):
    (tmp_path / "a").write_bytes(b"content")

    def script(request):
        if request.method == "GET":
            return page_of({"a": b"content"}, modified, etag="0" * 32)
        if request.method == "HEAD":
            return Answer(200, b"content", {"ETag": '"' + "0" * 32 + '"', "x-amz-server-side-encryption": "aws:kms"})
        return Answer(headers={"ETag": '"' + hashlib.md5(request.body).hexdigest() + '"'})

    server = scripted_s3(script)
    copy_again(str(tmp_path), "s3://bkt/dir")
    assert bool(server.of("PUT")) is is_copied


def test_a_target_whose_bucket_cannot_be_listed_stops_the_copy_at_once(scripted_s3, tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    server = scripted_s3(lambda request: s3_error(404, "NoSuchBucket"))
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        copy_again(str(tmp_path), "s3://bkt/dir")
    assert str(caught.value).startswith("cannot list s3://bkt/dir: ")
    assert len(server.requests) == 1
