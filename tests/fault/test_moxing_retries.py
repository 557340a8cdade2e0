"""When a request is tried again, how often and after which wait; and addresses that lead nowhere or elsewhere.

Kept to Python 3.6: it runs on the parity engine too.
"""

import email.utils
import logging
import socket
import time

import pytest

from moxing_shim import file as mox_file
from moxing_shim.errors import MoxConnectionError
from moxing_shim.settings import set_auth
from tests.scripted_server import DATA, Answer, ScriptedServer, get_data, s3_error

pytest.importorskip("boto3")

URL = "s3://bkt/dir/a.bin"


@pytest.fixture(autouse=True)
def said(caplog):
    """A function that gives the log's lines so far."""
    caplog.set_level(logging.INFO, logger="moxing")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "moxing"]


@pytest.fixture
def closed_port():
    """A port of this machine at which connections are refused."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening
        yield unused.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_an_endpoint_that_never_answered_is_tried_three_times(storage_at, closed_port, said, host):
    endpoint = f"http://{host}:{closed_port}"
    storage_at(endpoint)
    set_auth(retry_wait=0.001)
    with pytest.raises(MoxConnectionError) as caught:
        mox_file.list_directory("s3://bkt/dir")
    assert str(caught.value).startswith(f"cannot list s3://bkt/dir: the endpoint cannot be reached at {endpoint} (")
    tries = [line for line in said() if line.startswith("try ")]
    assert [line.partition(" failed: ")[0] for line in tries] == ["try 1 of 3", "try 2 of 3"]


def test_an_endpoint_that_goes_away_gets_all_tries(storage_at, said):
    with ScriptedServer(lambda request: Answer(headers={"Connection": "close"})).running() as server:
        storage_at(server.url)
        set_auth(retry_wait=0.001)
        assert not mox_file.is_directory("s3://bkt/dir")
    with pytest.raises(MoxConnectionError):
        mox_file.list_directory("s3://bkt/dir")
    assert len([line for line in said() if line.startswith("try ") and " of 10 failed: " in line]) == 9


@pytest.mark.parametrize("status, code", [(429, "TooManyRequests"), (500, "InternalError"), (503, "SlowDown")])
def test_a_server_in_trouble_is_asked_again(scripted_s3, status, code):
    answers = [s3_error(status, code)]
    scripted_s3(lambda request: answers.pop() if answers else get_data(request))
    assert mox_file.read(URL, binary=True) == DATA


@pytest.mark.parametrize(
    "status, code", [(400, "InvalidRequest"), (403, "AccessDenied"), (404, "NoSuchKey"), (409, "X")]
)
def test_a_refusal_is_final(scripted_s3, said, status, code):
    scripted_s3(lambda request: s3_error(status, code))
    with pytest.raises(mox_file.MoxFileRespException):
        mox_file.list_directory("s3://bkt/dir")
    assert said() == []


def asked_to_wait(text):
    return s3_error(503, "SlowDown")._replace(headers={"Retry-After": text})


@pytest.mark.parametrize("text", ["0.3", "in a moment"])
def test_the_wait_that_a_server_asks_for_is_kept(scripted_s3, said, text):
    answers = [asked_to_wait(text)]
    scripted_s3(lambda request: answers.pop() if answers else Answer())
    mox_file.is_directory("s3://bkt/dir")
    (line,) = said()
    assert line.endswith("503 SlowDown; next in {} s".format("0.3" if text == "0.3" else "0.0"))


def test_a_wait_until_a_moment_is_kept_too(scripted_s3, said):
    asked = []

    def answer(request):  # the moment is reckoned when the answer goes out, however late that is
        asked.append(request)
        if len(asked) > 1:
            return Answer()
        return asked_to_wait(email.utils.formatdate(time.time() + 3, usegmt=True))

    scripted_s3(answer)
    mox_file.is_directory("s3://bkt/dir")
    (line,) = said()
    assert not line.endswith("next in 0.0 s")


# another address


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("code", ["PermanentRedirect", None])
def test_a_server_that_sends_elsewhere_is_not_followed_but_quoted(scripted_s3, status, code):
    headers = {"Location": "http://elsewhere.example/bkt/", "x-amz-bucket-region": "eu-1"}
    answer = s3_error(status, code) if code else Answer(status)
    server = scripted_s3(lambda request: answer._replace(headers=headers))
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.list_directory("s3://bkt/dir")
    assert str(caught.value).endswith(
        "It sends requests for this bucket to http://elsewhere.example/bkt/, and this package does not follow: set "
        "S3_ENDPOINT to that server (without the bucket) and S3_REGION to 'eu-1'"
    )
    assert len(server.requests) == 1


def test_a_redirect_that_leads_nowhere_is_a_clear_refusal(scripted_s3):
    server = scripted_s3(lambda request: Answer(301))
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.exists(URL)
    assert f"{server.url} answered 301 (" in str(caught.value)
    assert "Check the endpoint (S3_ENDPOINT), the region (S3_REGION) and the path style" in str(caught.value)


def test_a_server_in_another_region_is_named_with_it(scripted_s3):
    body = s3_error(400, "AuthorizationHeaderMalformed").body.replace(b"</Error>", b"<Region>eu-1</Region></Error>")
    server = scripted_s3(lambda request: Answer(400, body))
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.list_directory("s3://bkt/dir")
    assert str(caught.value).endswith("The server is in the region 'eu-1': set S3_REGION to it")
    assert len(server.requests) == 1


def test_without_an_endpoint_the_message_says_that_amazon_was_asked(no_storage):
    with pytest.raises(mox_file.MoxFileException) as caught:
        mox_file.list_directory("s3://bkt/dir")
    assert str(caught.value) == (
        "cannot list s3://bkt/dir: no access keys found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; in Python: "
        "set_auth(ak=..., sk=...). S3_ENDPOINT is not set, so Amazon S3 itself was asked"
    )
