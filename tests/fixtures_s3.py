"""Storage for tests: a real S3 server on a socket, a fresh bucket, and the environment that points at it.

The server is moto's, started in this process on 127.0.0.1, unless TEST_S3_ENDPOINT names one that runs
already (TEST_S3_ACCESS_KEY and TEST_S3_SECRET_KEY are its keys).

Kept to Python 3.6: it runs on the parity engine too.
"""

import itertools
import os
import uuid

import pytest

from moxing_shim.settings import forget_auth, set_auth
from tests.scripted_server import ScriptedServer
from tests.storage_rigs import BucketRig, FolderRig

ACCESS_KEY = os.environ.get("TEST_S3_ACCESS_KEY", "test-access-key")
SECRET_KEY = os.environ.get("TEST_S3_SECRET_KEY", "test-secret-key")
STORAGE_VARIABLES = [
    prefix + name for prefix in ("AWS_", "S3_", "") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
] + [
    "S3_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "S3_USE_HTTPS",
    "S3_VERIFY_SSL",
    "S3_REGION",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
]


@pytest.fixture
def no_storage(monkeypatch):
    """Take every storage setting away: environment, shared files, instance role, set_auth."""
    for name in STORAGE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    forget_auth()
    yield
    forget_auth()


@pytest.fixture
def storage_at(no_storage, monkeypatch):
    """A function that points the environment at an endpoint, with keys."""

    def point(endpoint):
        monkeypatch.setenv("S3_ENDPOINT", endpoint)
        monkeypatch.setenv("S3_USE_HTTPS", "0")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)

    return point


@pytest.fixture(scope="session")
def s3_endpoint():
    """The URL of a running S3 server."""
    given = os.environ.get("TEST_S3_ENDPOINT")
    if given:
        yield given
        return
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3_client(s3_endpoint):
    """A plain boto3 client of that server, to prepare and inspect it without the code under test."""
    session = pytest.importorskip("boto3.session")
    config = pytest.importorskip("botocore.config").Config(signature_version="s3v4", s3={"addressing_style": "path"})
    return session.Session().client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        config=config,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


@pytest.fixture
def bucket(s3_endpoint, s3_client, storage_at):
    """The name of a fresh bucket that the environment opens; emptied and deleted afterwards."""
    name = f"test-{uuid.uuid4().hex[:16]}"
    s3_client.create_bucket(Bucket=name)
    storage_at(s3_endpoint)
    yield name
    for page in s3_client.get_paginator("list_objects_v2").paginate(Bucket=name):
        for item in page.get("Contents", ()):
            s3_client.delete_object(Bucket=name, Key=item["Key"])
    s3_client.delete_bucket(Bucket=name)


@pytest.fixture
def make_rig(request, tmp_path):
    """A function that makes the rig for a scheme: 'local', 's3' or 'obs'."""
    numbers = itertools.count()

    def make(scheme):
        name = f"rig{next(numbers)}"
        if scheme == "local":
            return FolderRig(tmp_path / name)
        bucket, client = request.getfixturevalue("bucket"), request.getfixturevalue("s3_client")
        return BucketRig(scheme, bucket, client, name)

    return make


@pytest.fixture(params=["local", "s3"])
def rig(request, make_rig):
    """An empty directory in each back end."""
    made = make_rig(request.param)
    made.put_folder("")
    return made


@pytest.fixture
def bucket_rig(make_rig):
    """A prefix in a bucket with nothing below it."""
    return make_rig("obs")


@pytest.fixture(params=["local-local", "local-s3", "s3-local", "s3-obs"])
def rigs(request, make_rig):
    """The two ends of a copy, in each of the four directions."""
    return [make_rig(scheme) for scheme in request.param.split("-")]


@pytest.fixture
def scripted_s3(storage_at):
    """A function that serves a script for the rest of the test; two quick tries for each request."""
    running = []

    def start(script):
        context = ScriptedServer(script).running()
        server = context.__enter__()
        running.append(context)
        storage_at(server.url)
        set_auth(retry=2, retry_wait=0, client_timeout=10)
        return server

    yield start
    for context in running:
        context.__exit__(None, None, None)
