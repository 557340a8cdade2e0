"""What goes over the wire: the addresses, signatures and headers that OBS and the imitations of S3 insist on.

A small object is sent by express.py, and by the boto3 client when that fails; both ways must look alike. That the
signatures are right is seen by Swift, which checks them, in the other contract tests.

Kept to Python 3.6: it runs on the parity engine too.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from moxing_shim import file as mox_file
from moxing_shim.settings import set_auth
from tests.fixtures_s3 import ACCESS_KEY
from tests.scripted_server import DATA, Answer, ScriptedServer, get_data, listing, s3_error

pytest.importorskip("boto3")

MIB = 1024 * 1024
OBS = "obs.cn-north-4.myhuaweicloud.com"
LARGE = b"0123456789abcdef" * (11 * MIB // 16)  # three parts of 5 MiB at most
ETAG = f'"{hashlib.md5(LARGE).hexdigest()}"'


def storage(request):
    """Answer as a bucket with two small objects in dir/ and the large one beside it."""
    path, query = urlsplit(request.path).path, urlsplit(request.path).query
    if "list-type=2" in query:
        return listing({"dir/a": len(DATA), "dir/b": len(DATA)})
    if request.method == "DELETE":
        return Answer(204)
    if request.method == "POST":
        if "uploadId" in query:
            body = '<CompleteMultipartUploadResult><ETag>"{}-3"</ETag></CompleteMultipartUploadResult>'.format("0" * 32)
            return Answer(200, body.encode("ascii"))
        if "uploads" in query:
            body = b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
            return Answer(200, body)
        return Answer(200, b"<DeleteResult></DeleteResult>")
    if request.method == "PUT":
        return Answer(200, headers={"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'})
    if not path.endswith("/large"):
        return s3_error(404, "NoSuchKey") if request.method == "HEAD" else get_data(request)
    first, last = 0, len(LARGE) - 1
    if request.headers.get("Range"):
        first, last = (int(text) for text in request.headers["Range"][len("bytes=") :].split("-"))
    headers = {"ETag": ETAG, "Content-Range": f"bytes {first}-{last}/{len(LARGE)}"}
    return Answer(206 if request.headers.get("Range") else 200, LARGE[first : last + 1], headers)


def failing_first(script):
    """The script, but the first PUT and the first GET of dir/a fail: what express.py asks, the client asks again."""
    failed = set()

    def answer(request):
        is_first = request.method in ("GET", "PUT") and request.method not in failed
        if is_first and urlsplit(request.path).path.endswith("/dir/a"):
            failed.add(request.method)
            return s3_error(503, "SlowDown")
        return script(request)

    return answer


def use_everything(folder):
    """Make every kind of request there is; `folder` is an empty one on this machine."""
    set_auth(retry=2, retry_wait=0, client_timeout=10)
    large = os.path.join(folder, "large")
    mox_file.copy("s3://bkt/large", large)
    mox_file.copy(large, "s3://bkt/copy-of-large")
    mox_file.write("s3://bkt/dir/a", "text")
    mox_file.copy_parallel("s3://bkt/dir", os.path.join(folder, "dir"), threads=0)
    mox_file.make_dirs("s3://bkt/new")
    mox_file.list_directory("s3://bkt/dir")
    mox_file.remove("s3://bkt/dir", recursive=True)
    mox_file.remove("s3://bkt/dir/a")


@pytest.fixture
def in_parts(no_storage, monkeypatch):
    """Transfers of 8 MiB and more go in parts of 5 MiB, one at a time."""
    monkeypatch.setenv("MOX_FILE_PARTIAL_MAXIMUM_SIZE", str(8 * MIB))
    monkeypatch.setenv("MOX_FILE_LARGE_FILE_PART_SIZE", str(5 * MIB))


@pytest.fixture
def certificate(tmp_path):
    """A PEM file with a key and a certificate for 127.0.0.1 and for buckets on OBS, signed by itself."""
    if not shutil.which("openssl"):
        pytest.skip("certificates are made with the program openssl, which CI has")
    settings, path = tmp_path / "openssl.cnf", tmp_path / "server.pem"
    settings.write_text(
        "[req]\ndistinguished_name = name\nx509_extensions = more\nprompt = no\n[name]\nCN = tests\n"
        f"[more]\nsubjectAltName = IP:127.0.0.1, DNS:*.{OBS}\nbasicConstraints = critical, CA:true\n"
    )
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config", str(settings)]
    subprocess.check_call(command + ["-keyout", str(path), "-out", str(path) + ".crt"], stderr=subprocess.DEVNULL)
    with open(str(path), "ab") as pem, open(str(path) + ".crt", "rb") as public:
        shutil.copyfileobj(public, pem)
    return str(path)


@pytest.fixture
def as_obs(tmp_path):
    """A function that calls use_everything() in a process for which OBS is on this machine, by its own /etc/hosts."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {OBS} bkt.{OBS}\n")
    private = ["unshare", "--map-root-user", "--mount"]
    private += ["sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)]
    try:
        refused = subprocess.call(private + ["true"], stderr=subprocess.DEVNULL)
    except OSError:
        refused = True
    if refused:
        pytest.skip("an /etc/hosts of its own needs the program unshare and the right to use it, which CI has")

    def call():
        folder = tmp_path / "used"
        folder.mkdir()
        program = "import sys; from tests.contract import test_moxing_wire_format as t; t.use_everything(sys.argv[1])"
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
        subprocess.check_call(private + [sys.executable, "-c", program, str(folder)], env=environment)

    return call


@pytest.fixture
def serving(storage_at):
    """A function that serves a script, over TLS with a certificate, until the test ends."""
    running = []

    def start(script, certificate=None):
        running.append(ScriptedServer(script, certificate).running())
        return running[-1].__enter__()

    yield start
    for context in running:
        context.__exit__(None, None, None)


def query(request):
    """The query of a request, {name: value}."""
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query, keep_blank_values=True).items()}


def path(request):
    return urlsplit(request.path).path


def is_of_client(request):
    """True for a request of boto3, which numbers its tries; express.py does not."""
    return "amz-sdk-request" in request.headers


def scopes(server):
    """The regions and services that the requests are signed for."""
    pattern = f"AWS4-HMAC-SHA256 Credential={re.escape(ACCESS_KEY)}/[0-9]{{8}}/([^/]+/[^/]+)/aws4_request, "
    return {re.match(pattern, request.headers["Authorization"]).group(1) for request in server.requests}


def both_ways(server, method, of_path):
    """The request of express.py and the one of the client, in this order."""
    found = [request for request in server.of(method) if path(request) == of_path]
    assert [is_of_client(request) for request in found[:2]] == [False, True]
    return found[:2]


def with_content(server):
    """The uploads of use_everything, two tries of a small object and three parts, and its batch delete."""
    uploads = [request for request in server.of("PUT") if request.body]
    return uploads + [request for request in server.of("POST") if "delete" in query(request)]


# addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_of_this_machine_gets_the_bucket_in_the_path(serving, storage_at, in_parts, tmp_path, host):
    server = serving(failing_first(storage))
    storage_at(f"http://{host}:{server.port}")
    use_everything(str(tmp_path))
    assert {request.headers["Host"] for request in server.requests} == {f"{host}:{server.port}"}
    assert {path(request).split("/")[1] for request in server.requests} == {"bkt"}
    both_ways(server, "PUT", "/bkt/dir/a")
    both_ways(server, "GET", "/bkt/dir/a")


@pytest.mark.parametrize("is_tls", [False, True])
def test_obs_gets_the_bucket_in_the_host_name(serving, storage_at, in_parts, as_obs, certificate, monkeypatch, is_tls):
    server = serving(failing_first(storage), certificate if is_tls else None)
    storage_at("{}://{}:{}".format("https" if is_tls else "http", OBS, server.port))
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate)
    as_obs()
    assert {request.headers["Host"] for request in server.requests} == {f"bkt.{OBS}:{server.port}"}
    assert not [request.path for request in server.requests if "bkt" in request.path]
    assert scopes(server) == {"cn-north-4/s3"}
    both_ways(server, "PUT", "/dir/a")
    both_ways(server, "GET", "/dir/a")


def test_obs_behind_a_proxy_gets_the_bucket_in_the_host_name(serving, storage_at, in_parts, monkeypatch, tmp_path):
    server = serving(storage)
    storage_at("http://" + OBS)
    monkeypatch.setenv("http_proxy", server.url)
    use_everything(str(tmp_path))
    assert {urlsplit(request.path).netloc for request in server.requests} == {"bkt." + OBS}
    assert {request.headers["Host"] for request in server.requests} == {"bkt." + OBS}
    assert scopes(server) == {"cn-north-4/s3"}
    assert all(is_of_client(request) for request in server.requests)


@pytest.mark.parametrize("region", [None, "cn-south-1"])
def test_the_region_is_the_usual_one_or_the_one_that_was_set(serving, storage_at, monkeypatch, tmp_path, region):
    server = serving(failing_first(storage))
    storage_at(server.url)
    if region:
        monkeypatch.setenv("S3_REGION", region)
    use_everything(str(tmp_path))
    assert scopes(server) == {(region or "us-east-1") + "/s3"}


# headers


@pytest.mark.parametrize("is_tls", [False, True])
def test_no_request_has_a_checksum_that_is_younger_than_obs(
    serving, storage_at, in_parts, certificate, monkeypatch, tmp_path, is_tls
):
    server = serving(failing_first(storage), certificate if is_tls else None)
    storage_at(server.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate)
    folder = tmp_path / "used"
    folder.mkdir()
    use_everything(str(folder))
    names = {name.lower() for request in server.requests for name in request.headers}
    young = (
        "x-amz-checksum",
        "x-amz-trailer",
        "x-amz-sdk-checksum",
        "x-amz-decoded-content-length",
        "transfer-encoding",
    )
    assert not [name for name in names if name.startswith(young)]
    assert {request.headers.get("Content-Encoding") for request in server.requests} == {None}
    assert {request.method for request in server.requests} == {"HEAD", "GET", "PUT", "POST", "DELETE"}


@pytest.mark.parametrize("is_tls", [False, True])
def test_the_payload_is_not_signed_but_its_md5_is(
    serving, storage_at, in_parts, certificate, monkeypatch, tmp_path, is_tls
):
    server = serving(failing_first(storage), certificate if is_tls else None)
    storage_at(server.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate)
    folder = tmp_path / "used"
    folder.mkdir()
    use_everything(str(folder))
    both_ways(server, "PUT", "/bkt/dir/a")
    both_ways(server, "GET", "/bkt/dir/a")
    assert {request.headers["x-amz-content-sha256"] for request in server.requests} == {"UNSIGNED-PAYLOAD"}
    authorizations = [request.headers["Authorization"] for request in with_content(server)]
    signed = [re.search("SignedHeaders=([^,]*),", authorization).group(1) for authorization in authorizations]
    assert ["content-md5" in names.split(";") for names in signed] == [True] * 6


def test_content_that_is_sent_carries_its_md5(serving, storage_at, in_parts, tmp_path):
    server = serving(failing_first(storage))
    storage_at(server.url)
    use_everything(str(tmp_path))
    both_ways(server, "PUT", "/bkt/dir/a")
    assert len(with_content(server)) == 6
    for request in with_content(server):
        digest = base64.b64encode(hashlib.md5(request.body).digest()).decode("ascii")
        assert request.headers.get_all("Content-MD5") == [digest]


# queries


def test_a_listing_asks_for_the_directory_alone_page_by_page(serving, storage_at):
    def script(request):
        if "continuation-token" in request.path:
            return listing({"dir/b": 1})
        page = listing({"dir/a": 1}).body.replace(
            b"<IsTruncated>false</IsTruncated>",
            b"<IsTruncated>true</IsTruncated><NextContinuationToken>t/1</NextContinuationToken>",
        )
        return Answer(200, page)

    server = serving(script)
    storage_at(server.url)
    set_auth(list_max_keys=7)
    assert mox_file.list_directory("s3://bkt/dir") == ["a", "b"]
    first = {"list-type": "2", "prefix": "dir/", "max-keys": "7", "delimiter": "/", "encoding-type": "url"}
    assert [query(request) for request in server.requests] == [first, dict(first, **{"continuation-token": "t/1"})]
    assert {(request.method, path(request)) for request in server.requests} == {("GET", "/bkt")}
    del server.requests[:]
    assert mox_file.list_directory("s3://bkt/dir", recursive=True) == ["a", "b"]
    assert "delimiter" not in query(server.requests[0])


# parts


def test_every_part_of_a_download_asks_for_its_range_of_the_same_object(serving, storage_at, in_parts, tmp_path):
    server = serving(storage)
    storage_at(server.url)
    mox_file.copy("s3://bkt/large", str(tmp_path / "large"))
    assert (tmp_path / "large").read_bytes() == LARGE
    asked = sorted((request.headers["Range"], request.headers["If-Match"]) for request in server.of("GET"))
    assert asked == [
        ("bytes=0-5242879", ETAG),
        ("bytes=10485760-11534335", ETAG),
        ("bytes=5242880-10485759", ETAG),
    ]


@pytest.mark.parametrize("status, code", [(400, "InvalidArgument"), (405, "MethodNotAllowed"), (501, "NotImplemented")])
def test_an_object_in_parts_is_downloaded_from_a_server_that_tells_no_part(
    serving, storage_at, in_parts, tmp_path, status, code
):
    def script(request):
        if "partNumber" in request.path:
            return s3_error(status, code)
        answer = storage(request)
        return answer._replace(headers=dict(answer.headers, ETag='"{}-2"'.format("0" * 32)))

    server = serving(script)
    storage_at(server.url)
    mox_file.copy("s3://bkt/large", str(tmp_path / "large"))
    assert (tmp_path / "large").read_bytes() == LARGE
    assert len([request for request in server.of("HEAD") if "partNumber=1" in request.path]) == 1
