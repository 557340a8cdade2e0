"""Storage that breaks, refuses, lies or is gone: what moxing_shim makes of it, over real sockets.

"Case n" is the number of the conformance case in the moxing-file-api specification.

Kept to Python 3.6: it runs on the parity engine too.
"""

import base64
import hashlib
import logging
import os
import socket
from xml.etree import ElementTree

import pytest

from moxing_shim import file as mox_file
from moxing_shim.errors import MoxConnectionError, MoxFileDeniedRespException
from tests.fixtures_s3 import ACCESS_KEY, SECRET_KEY
from tests.scripted_server import DATA, Answer, get_data, listing, s3_error

pytest.importorskip("boto3")

URL = "s3://bkt/dir/a.bin"


# a connection that breaks in mid-body


def test_a_read_goes_on_where_the_connection_broke(scripted_s3, caplog):
    caplog.set_level(logging.INFO, logger="moxing")
    server = scripted_s3(lambda request: get_data(request, None if request.headers.get("Range") else 1000))
    assert mox_file.read(URL, binary=True) == DATA
    ranges = [request.headers.get("Range") for request in server.of("GET")]
    assert len(ranges) == 2 and ranges[0] is None
    assert ranges[1].startswith("bytes=") and 0 <= int(ranges[1][6:-1]) <= 1000
    assert server.of("GET")[1].headers["If-Match"] == '"e1"'
    assert any(
        record.getMessage().startswith(f"try 1 of 2 failed: reading {URL} at byte ") for record in caplog.records
    )


def test_case_32_a_stream_that_stays_broken_raises_a_read_error(scripted_s3):
    server = scripted_s3(lambda request: get_data(request, 0))
    with pytest.raises(mox_file.MoxFileReadException) as caught:
        mox_file.read(URL, binary=True)
    message = str(caught.value)
    assert message.startswith(f"cannot read {URL}: the connection broke in mid-body at {server.url} (")
    assert message.endswith("Try again, or raise AWS_MAX_ATTEMPTS (in Python: set_auth(retry=...))")
    assert isinstance(caught.value, RuntimeError) and isinstance(caught.value, OSError)


def test_a_broken_download_leaves_neither_a_part_nor_a_wrong_file(scripted_s3, tmp_path):
    def script(request):
        if request.method == "HEAD":
            return Answer(200, DATA, {"ETag": '"e1"'})
        return get_data(request, 0)

    scripted_s3(script)
    (tmp_path / "a.bin").write_bytes(b"before")
    with pytest.raises(mox_file.MoxFileReadException):
        mox_file.copy(URL, str(tmp_path / "a.bin"))
    assert os.listdir(str(tmp_path)) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"before"


def test_an_object_replaced_while_it_is_read_is_never_mixed(scripted_s3):
    def script(request):
        if request.headers.get("Range"):
            assert request.headers["If-Match"] == '"e1"'
            return s3_error(412, "PreconditionFailed")
        return get_data(request, 1000)

    scripted_s3(script)
    with pytest.raises(mox_file.MoxFileReadException) as caught:
        mox_file.read(URL, binary=True)
    assert str(caught.value).endswith("The object was replaced while it was being read; read it again")


def test_a_large_download_that_breaks_once_arrives_whole(scripted_s3, tmp_path):
    data = os.urandom(1024) * (17 * 1024)
    seen = set()

    def script(request):
        if request.method == "HEAD":
            return Answer(200, data, {"ETag": '"e1"'})
        first, last = (
            int(text) if text else len(data) - 1 for text in request.headers["Range"][len("bytes=") :].split("-")
        )
        cut_after = None if first in seen else 5000
        seen.add(first)
        return Answer(
            206,
            data[first : last + 1],
            {"ETag": '"e1"', "Content-Range": f"bytes {first}-{last}/{len(data)}"},
            cut_after,
        )

    scripted_s3(script)
    mox_file.copy(URL, str(tmp_path / "a.bin"))
    assert (tmp_path / "a.bin").read_bytes() == data
    assert len(seen) > 1


def test_a_serial_copy_reads_even_a_large_object_in_one_request(scripted_s3, tmp_path):
    data = b"\0" * (17 * 1024 * 1024)

    def script(request):
        if "list-type=2" in request.path:
            return listing({"dir/a": len(data)})
        return Answer(200, data, {"ETag": '"e1"'})

    server = scripted_s3(script)
    mox_file.copy_parallel("s3://bkt/dir", str(tmp_path), threads=0, is_processing=False)
    reads = [request for request in server.of("GET") if "list-type=2" not in request.path]
    assert len(reads) == 1 and reads[0].headers.get("Range") is None
    assert (tmp_path / "a").stat().st_size == len(data)


def test_seeking_costs_a_request_only_when_the_jump_is_long(scripted_s3):
    data = os.urandom(1024) * 2048

    def script(request):
        first = int((request.headers.get("Range") or "bytes=0-")[len("bytes=") :].rstrip("-"))
        return Answer(206 if first else 200, data[first:], {"ETag": '"e1"'})

    server = scripted_s3(script)
    with mox_file.File(URL, "rb") as stream:
        stream.seek(1000)
        assert stream.read(10) == data[1000:1010]
        assert len(server.requests) == 1
        stream.seek(1500000)
        assert stream.read(10) == data[1500000:1500010]
        assert [request.headers.get("Range") for request in server.requests] == [None, "bytes=1500000-"]


# refusals


def test_case_32_a_403_is_final_and_says_what_to_check(scripted_s3):
    server = scripted_s3(lambda request: s3_error(403, "AccessDenied", "Access Denied."))
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.read(URL)
    assert str(caught.value) == (
        f"cannot read {URL}: {server.url} answered 403 AccessDenied (Access Denied, request R1). Check the "
        "keys (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; in Python: set_auth(ak=..., sk=...)), their owner's "
        "rights on this bucket, the endpoint, the region, this machine's clock (15 minutes off are refused) "
        "and the path style (in Python: set_auth(path_style=...))"
    )
    assert isinstance(caught.value, PermissionError)
    resp = caught.value.resp
    assert (resp.status, resp.errorCode, resp.errorMessage, resp.requestId) == (
        403,
        "AccessDenied",
        "Access Denied.",
        "R1",
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "status, code, advice",
    [
        (403, "SignatureDoesNotMatch", "that S3_ENDPOINT does not contain the bucket"),
        (
            403,
            "InvalidAccessKeyId",
            "This endpoint does not know the access key: check S3_ENDPOINT, and AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY; in Python: set_auth(ak=..., sk=...)",
        ),
        (403, "RequestTimeTooSkewed", "This machine's clock is more than 15 minutes off: set it"),
        (
            403,
            "VirtualHostDomainRequired",
            "This server wants the bucket in the host name: in Python, set_auth(path_style=False) puts it there",
        ),
        (
            400,
            "SomethingNew",
            "Check the endpoint (S3_ENDPOINT), the region (S3_REGION) and the path style (in Python: "
            "set_auth(path_style=...))",
        ),
    ],
)
def test_each_refusal_has_its_own_advice(scripted_s3, status, code, advice):
    scripted_s3(lambda request: s3_error(status, code))
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.read(URL)
    assert f" answered {status} {code} (" in str(caught.value)
    assert str(caught.value).endswith(advice)


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket"])
def test_a_404_is_both_a_missing_file_and_an_answer(scripted_s3, code):
    scripted_s3(lambda request: s3_error(404, code))
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        mox_file.read(URL)
    assert isinstance(caught.value, mox_file.MoxFileRespException)
    assert caught.value.resp.errorCode == code


@pytest.mark.parametrize("refused", ["HEAD", "GET"])
def test_exists_does_not_take_a_refusal_for_absence(scripted_s3, refused):
    scripted_s3(
        lambda request: s3_error(403, "AccessDenied") if request.method == refused else s3_error(404, "NoSuchKey")
    )
    with pytest.raises(MoxFileDeniedRespException):
        mox_file.exists(URL)


# a server in trouble


def test_a_503_is_tried_again(scripted_s3, caplog):
    caplog.set_level(logging.INFO, logger="moxing")
    answers = [s3_error(503, "SlowDown")]
    server = scripted_s3(lambda request: answers.pop() if answers else get_data(request))
    assert mox_file.read(URL, binary=True) == DATA
    assert len(server.requests) == 2
    assert (f"try 1 of 2 failed: GetObject {server.url}/bkt/dir/a.bin: 503 SlowDown; next in 0.0 s") in [
        record.getMessage() for record in caplog.records
    ]


def test_a_lasting_503_is_given_up_after_the_set_number_of_tries(scripted_s3):
    server = scripted_s3(lambda request: s3_error(503, "ServiceUnavailable"))
    mox_file.set_auth(retry=3)
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.read(URL)
    assert len(server.requests) == 3
    assert caught.value.resp.status == 503
    assert str(caught.value).endswith(
        "The fault is the server's: try again later, or raise AWS_MAX_ATTEMPTS (in Python: set_auth(retry=...))"
    )


def test_a_silent_server_ends_in_a_time_out(scripted_s3):
    scripted_s3(lambda request: get_data(request)._replace(delay_s=1))
    mox_file.set_auth(client_timeout=0.1, retry=1)
    with pytest.raises(mox_file.MoxTimeoutError) as caught:
        mox_file.read(URL)
    assert isinstance(caught.value, TimeoutError)
    assert str(caught.value).startswith(f"cannot read {URL}: no answer in time at http://127.0.0.1:")


def test_an_unreachable_endpoint_is_named(storage_at):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        storage_at(endpoint)
        mox_file.set_auth(retry=1)
        with pytest.raises(MoxConnectionError) as caught:
            mox_file.list_directory("s3://bkt/dir")
    assert isinstance(caught.value, ConnectionError)
    assert str(caught.value).startswith(f"cannot list s3://bkt/dir: the endpoint cannot be reached at {endpoint} (")
    assert str(caught.value).endswith("Check S3_ENDPOINT, S3_USE_HTTPS and the network")


def test_https_to_a_plain_http_server_is_explained_at_once(scripted_s3, monkeypatch, caplog):
    server = scripted_s3(get_data)
    monkeypatch.setenv("S3_ENDPOINT", server.url.replace("http:", "https:"))
    caplog.set_level(logging.INFO, logger="moxing")
    with pytest.raises(MoxConnectionError) as caught:
        mox_file.read(URL)
    assert "TLS failed at https://127.0.0.1:" in str(caught.value)
    assert str(caught.value).endswith(
        "Where the server speaks none, write http:// before its address in S3_ENDPOINT; else check the certificate: "
        "AWS_CA_BUNDLE names a file of authorities to trust, "
        "S3_VERIFY_SSL=0 skips the check"
    )
    assert not [record for record in caplog.records if "try 1 of 2" in record.getMessage()]


def test_missing_keys_are_named(scripted_s3, monkeypatch):
    scripted_s3(get_data)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(PermissionError) as caught:
        mox_file.read(URL)
    assert str(caught.value) == (
        f"cannot read {URL}: no access keys found. Set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY; in Python: set_auth(ak=..., sk=...)"
    )


def test_keys_never_reach_the_log_or_a_message(scripted_s3, caplog):
    caplog.set_level(logging.DEBUG, logger="moxing")
    scripted_s3(lambda request: s3_error(503, "SlowDown"))
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.read(URL)
    logged = [record.getMessage() for record in caplog.records if record.name == "moxing"]
    said = " ".join(logged + [str(caught.value)])
    assert "SlowDown" in said
    assert SECRET_KEY not in said and ACCESS_KEY not in said


# uploads and deletes


def test_a_failed_with_block_sends_nothing(scripted_s3):
    server = scripted_s3(lambda request: Answer())
    with pytest.raises(ZeroDivisionError):
        with mox_file.File(URL, "wb") as stream:
            stream.write(DATA)
            raise ZeroDivisionError
    assert server.requests == []


def test_a_failed_upload_is_raised_by_close(scripted_s3):
    scripted_s3(lambda request: s3_error(403, "AccessDenied"))
    stream = mox_file.File(URL, "w")
    stream.write("text")
    with pytest.raises(MoxFileDeniedRespException) as caught:
        stream.close()
    assert str(caught.value).startswith(f"cannot write {URL}: ")


def test_a_large_upload_that_fails_takes_its_parts_back(scripted_s3, tmp_path):
    (tmp_path / "large").write_bytes(b"\0" * (17 * 1024 * 1024))

    def script(request):
        if request.method == "POST" and request.path.endswith("?uploads"):
            return Answer(
                200, b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
            )
        if request.method == "PUT" and "partNumber=2" in request.path:
            return s3_error(403, "AccessDenied")
        return Answer(204 if request.method == "DELETE" else 200, headers={"ETag": '"p"'})

    server = scripted_s3(script)
    with pytest.raises(MoxFileDeniedRespException) as caught:
        mox_file.copy(str(tmp_path / "large"), URL)
    assert str(caught.value).startswith(f"cannot write {URL}: ")
    assert [request.path for request in server.of("DELETE")] == ["/bkt/dir/a.bin?uploadId=u1"]


def test_uploads_carry_no_checksum_trailer(scripted_s3):
    server = scripted_s3(lambda request: Answer(headers={"ETag": '"x"'}))
    mox_file.write(URL, DATA, binary=True)
    (request,) = server.of("PUT")
    assert request.body == DATA
    assert "aws-chunked" not in request.headers.get("Content-Encoding", "")
    assert not [name for name in request.headers if name.lower().startswith(("x-amz-checksum", "x-amz-trailer"))]


def delete_script(answer):
    def script(request):
        if "list-type=2" in request.path:
            return listing({"dir/a": 1, "dir/b": 1})
        if request.method == "HEAD":
            return s3_error(404, "NoSuchKey")
        return answer if request.method == "POST" else Answer(204)

    return script


def test_a_batch_delete_carries_the_md5_that_obs_demands(scripted_s3):
    server = scripted_s3(delete_script(Answer(200, b"<DeleteResult></DeleteResult>")))
    mox_file.remove("s3://bkt/dir", recursive=True)
    (request,) = server.of("POST")
    assert request.headers.get_all("Content-MD5") == [
        base64.b64encode(hashlib.md5(request.body).digest()).decode("ascii")
    ]
    elements = ElementTree.fromstring(request.body).iter()
    keys = [element.text for element in elements if element.tag.endswith("Key")]
    assert keys == ["dir/a", "dir/b"]


@pytest.mark.parametrize("status, code", [(400, "MissingContentMD5"), (400, "InvalidRequest"), (501, "NotImplemented")])
def test_a_server_without_batch_delete_gets_single_deletes(scripted_s3, status, code):
    server = scripted_s3(delete_script(s3_error(status, code)))
    mox_file.remove("s3://bkt/dir", recursive=True)
    assert sorted(request.path for request in server.of("DELETE")) == ["/bkt/dir/a", "/bkt/dir/b"]


def test_an_object_that_a_batch_delete_leaves_is_named(scripted_s3):
    body = b"<DeleteResult><Error><Key>dir/b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
    scripted_s3(delete_script(Answer(200, body)))
    with pytest.raises(mox_file.MoxFileException) as caught:
        mox_file.remove("s3://bkt/dir", recursive=True)
    assert str(caught.value) == "cannot delete 1 of 2 objects below s3://bkt/dir: dir/b: AccessDenied"
