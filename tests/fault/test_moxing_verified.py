"""What arrives is what was sent: every move between disk and bucket is checked against an MD5, in both directions.

Kept to Python 3.6: it runs on the parity engine too.
"""

import base64
import hashlib
import os
import re
import threading

import pytest

from moxing_shim import file as mox_file
from moxing_shim.parallel import ByteBudget
from tests.scripted_server import Answer, listing, s3_error

SMALL = b"small"
LARGE = os.urandom(11 * 2**20)  # three parts of 5 MiB, the last one smaller
URL = "s3://bkt/a"
OTHER = hashlib.md5(b"something else").hexdigest()


class Store:
    """A script for ScriptedServer: one bucket in memory, with uploads in parts; `spoil` changes what it answers."""

    def __init__(self, objects=()):
        self.objects = {key: (data, etag or md5(data)) for key, (data, etag) in dict(objects).items()}
        self.parts = None  # of the upload that is going on; None when there is none
        self.spoil = lambda request, answer: answer

    def __call__(self, request):
        path, _, query = request.path.partition("?")
        if "list-type=2" in query:
            return listing({})
        return self.spoil(request, getattr(self, "_" + request.method.lower())(path[len("/bkt/") :], query, request))

    def _get(self, key, query, request):
        data, etag = self.objects[key]
        asked = re.match("bytes=([0-9]+)-([0-9]*)", request.headers.get("Range") or "bytes=0-")
        first, last = int(asked.group(1)), int(asked.group(2) or len(data) - 1)
        headers = {"ETag": f'"{etag}"', "Content-Range": f"bytes {first}-{last}/{len(data)}"}
        return Answer(206 if request.headers.get("Range") else 200, data[first : last + 1], headers)

    def _head(self, key, query, request):
        if key not in self.objects:
            return Answer(404)
        data, etag = self.objects[key]
        headers = {"ETag": f'"{etag}"', "Content-Length": str(len(data))}
        if "partNumber=1" in query and "-" in etag:
            count = int(etag.split("-")[1])
            headers.update({"Content-Length": str(5 * 2**20), "x-amz-mp-parts-count": str(count)})
        return Answer(200, b"", headers)

    def _put(self, key, query, request):
        number = re.search("partNumber=([0-9]+)", query)
        if number:
            self.parts[int(number.group(1))] = request.body
        else:
            self.objects[key] = (request.body, md5(request.body))
        return Answer(200, b"", {"ETag": f'"{md5(request.body)}"'})

    def _post(self, key, query, request):
        if query.startswith("uploads"):
            self.parts = {}
            return xml("InitiateMultipartUploadResult", "<UploadId>u1</UploadId>")
        if self.parts is None:
            return s3_error(404, "NoSuchUpload")
        parts = [self.parts[number] for number in sorted(self.parts)]
        self.objects[key], self.parts = (b"".join(parts), composite(parts)), None
        return xml("CompleteMultipartUploadResult", f'<ETag>"{self.objects[key][1]}"</ETag>')

    def _delete(self, key, query, request):
        if "uploadId" in query:
            self.parts = None
        else:
            self.objects.pop(key, None)
        return Answer(204)


def xml(name, inside):
    return Answer(200, f'<?xml version="1.0"?><{name}>{inside}</{name}>'.encode("ascii"))


def md5(data):
    return hashlib.md5(data).hexdigest()


def composite(parts):
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    return f"{hashlib.md5(digests).hexdigest()}-{len(parts)}"


def in_parts(data):
    return [data[start : start + 5 * 2**20] for start in range(0, len(data), 5 * 2**20)]


def flipped(data):
    return data[:-1] + bytes(bytearray([data[-1] ^ 1]))


def spoiling(times, method, change, query=""):
    """A `spoil` that changes the first answers to one kind of request."""
    left = [times]

    def spoil(request, answer):
        is_meant = request.method == method and query in request.path and left[0] > 0
        left[0] -= is_meant
        return change(answer) if is_meant else answer

    return spoil


def flip_body(answer):
    return answer._replace(body=flipped(answer.body))


def another_etag(answer):
    return answer._replace(headers=dict(answer.headers, ETag=f'"{OTHER}"'))


@pytest.fixture(autouse=True)
def small_parts(no_storage, monkeypatch):
    monkeypatch.setenv("MOX_FILE_LARGE_FILE_PART_SIZE", str(5 * 2**20))
    monkeypatch.setenv("MOX_FILE_PARTIAL_MAXIMUM_SIZE", str(10 * 2**20))


KINDS = {
    "small": (SMALL, md5(SMALL)),
    "large": (LARGE, md5(LARGE)),
    "large in parts": (LARGE, composite(in_parts(LARGE))),
}


@pytest.mark.parametrize("threads", [0, 4])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_download_that_arrives_changed_is_fetched_again(scripted_s3, tmp_path, kind, threads):
    store = Store({"a": KINDS[kind]})
    store.spoil = spoiling(1, "GET", flip_body)
    scripted_s3(store)
    mox_file.copy_parallel(URL, str(tmp_path / "a"), threads=threads)
    assert (tmp_path / "a").read_bytes() == KINDS[kind][0]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_download_that_keeps_arriving_changed_leaves_the_old_file(scripted_s3, tmp_path, kind):
    (tmp_path / "a").write_bytes(b"old")
    store = Store({"a": KINDS[kind]})
    store.spoil = spoiling(1000, "GET", flip_body)
    scripted_s3(store)
    with pytest.raises(mox_file.MoxFileReadException) as caught:
        mox_file.copy(URL, str(tmp_path / "a"))
    assert str(caught.value) == (
        f"cannot read s3://bkt/a: 3 times the content that arrived did not match its ETag {KINDS[kind][1]}. Check the "
        "network and any proxy on the way; if it stays so, the stored object is damaged: upload it again"
    )
    assert os.listdir(str(tmp_path)) == ["a"] and (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
        {"x-obs-next-append-position": "5"},
    ],
)
@pytest.mark.parametrize("kind", ["small", "large"])
def test_an_etag_that_only_looks_like_an_md5_checks_nothing(scripted_s3, tmp_path, kind, headers):
    data = KINDS[kind][0]
    store = Store({"a": (data, md5(b"not the content"))})
    store.spoil = lambda request, answer: answer._replace(headers=dict(answer.headers, **headers))
    scripted_s3(store)
    mox_file.copy(URL, str(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == data


def test_a_part_size_that_the_server_does_not_tell_checks_nothing(scripted_s3, tmp_path):
    store = Store({"a": (LARGE, md5(b"parts of an unknown size") + "-7")})
    scripted_s3(store)
    mox_file.copy(URL, str(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == LARGE


def test_a_small_upload_that_arrives_changed_is_sent_again(scripted_s3, tmp_path):
    (tmp_path / "a").write_bytes(SMALL)
    store = Store()
    store.spoil = spoiling(1, "PUT", another_etag)
    server = scripted_s3(store)
    mox_file.copy(str(tmp_path / "a"), URL)
    assert [request.body for request in server.of("PUT")] == [SMALL, SMALL] and store.objects["a"][0] == SMALL


def test_a_small_upload_that_keeps_arriving_changed_is_deleted_and_named(scripted_s3, tmp_path):
    (tmp_path / "a").write_bytes(SMALL)
    store = Store()
    store.spoil = spoiling(1000, "PUT", another_etag)
    scripted_s3(store)
    with pytest.raises(mox_file.MoxFileException) as caught:
        mox_file.copy(str(tmp_path / "a"), URL)
    assert str(caught.value) == (
        f"cannot write s3://bkt/a: 3 times the server stored other content than was sent (MD5 {OTHER} instead of "
        f"{md5(SMALL)}), so the object was deleted. Check the network and any proxy on the way"
    )
    assert store.objects == {}


@pytest.mark.parametrize("threads", [0, 4])
def test_a_part_that_arrives_changed_is_sent_again(scripted_s3, tmp_path, threads):
    (tmp_path / "a").write_bytes(LARGE)
    store = Store()
    store.spoil = spoiling(1, "PUT", another_etag, "partNumber=2&")
    server = scripted_s3(store)
    mox_file.copy_parallel(str(tmp_path / "a"), URL, threads=threads)
    assert store.objects["a"][0] == LARGE
    assert len(server.of("PUT")) == 4


@pytest.mark.parametrize("threads", [0, 4])
def test_a_part_that_keeps_arriving_changed_takes_all_parts_back(scripted_s3, tmp_path, threads):
    (tmp_path / "a").write_bytes(LARGE)
    store = Store()
    store.spoil = spoiling(1000, "PUT", another_etag, "partNumber=2&")
    scripted_s3(store)
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(str(tmp_path / "a"), URL, threads=threads)
    assert "3 times the server stored other content than was sent as part 2" in str(caught.value)
    assert store.objects == {} and store.parts is None


def test_every_upload_carries_the_md5_of_its_body(scripted_s3, tmp_path):
    (tmp_path / "small").write_bytes(SMALL)
    (tmp_path / "large").write_bytes(LARGE)
    server = scripted_s3(Store())
    mox_file.copy_parallel(str(tmp_path), "s3://bkt/")
    bodies = server.of("PUT")
    assert len(bodies) == 4
    for request in bodies:
        digest = hashlib.md5(request.body).digest()
        assert request.headers["Content-MD5"] == base64.b64encode(digest).decode("ascii")


def test_a_completion_whose_answer_was_lost_counts_when_the_object_is_there(scripted_s3, tmp_path):
    (tmp_path / "a").write_bytes(LARGE)
    store = Store()
    store.spoil = spoiling(1, "POST", lambda answer: Answer(503), "uploadId=u1")
    server = scripted_s3(store)
    mox_file.copy(str(tmp_path / "a"), URL)
    assert store.objects["a"][0] == LARGE
    assert len([request for request in server.of("POST") if "uploadId" in request.path]) == 2


@pytest.mark.parametrize("size_bytes", [100, len(LARGE)])
def test_a_file_that_changes_while_it_is_uploaded_is_told(scripted_s3, tmp_path, size_bytes):
    path = tmp_path / "a"
    path.write_bytes(b"x" * size_bytes)
    store = Store()

    def spoil(request, answer):
        if request.method == "PUT":
            os.utime(str(path), (1, 1))
        return answer

    store.spoil = spoil
    scripted_s3(store)
    with pytest.raises(mox_file.MoxFileException) as caught:
        mox_file.copy(str(path), URL)
    assert str(caught.value) == f"{path} was changed while it was copied to s3://bkt/a: copy it again"


def test_the_content_that_all_threads_hold_is_bounded_and_one_alone_may_exceed_it():
    budget, most, held, lock = ByteBudget(100), [0], [0], threading.Lock()

    def hold(size_bytes):
        with budget.holding(size_bytes):
            with lock:
                held[0] += size_bytes
                most[0] = max(most[0], held[0])
            with lock:
                held[0] -= size_bytes

    threads = [threading.Thread(target=hold, args=(40,)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 40 <= most[0] <= 80
    hold(1000)
    with budget.holding(100):  # all of it is free again
        pass
