"""Storage for tests: real S3 servers on sockets, fresh buckets, and the environment that points at them.

| server | what it is                                                                                    |
| ---    | ---                                                                                           |
| moto   | started in this process on 127.0.0.1                                                          |
| swift  | OpenStack Swift, started as a process on 127.0.0.1; needs the package python3-swift           |
| given  | TEST_S3_ENDPOINT names it, TEST_S3_ACCESS_KEY and TEST_S3_SECRET_KEY open it; MinIO, say      |

TEST_S3_SERVERS names those to use, by default "given" where there is one, else "moto"; `make test-moxing` adds Swift.
The contract tests of moxing run on each of them, all other tests on the first.

Kept to Python 3.6: it runs on the parity engine too.
"""

import contextlib
import itertools
import os
import uuid
from typing import NamedTuple

import pytest

from moxing_shim.settings import forget_auth, set_auth
from tests import swift_server
from tests.scripted_server import ScriptedServer
from tests.storage_rigs import BucketRig, FolderRig, add_content_md5, empty_bucket

ACCESS_KEY, SECRET_KEY = "test-access-key", "test-secret-key"
SERVERS = os.environ.get("TEST_S3_SERVERS") or ("given" if os.environ.get("TEST_S3_ENDPOINT") else "moto")
SERVERS = [name.strip() for name in SERVERS.split(",")]
ON_ALL_SERVERS = "tests.contract.test_moxing_"
# Parameters with which a test stays on the disk: one server, which it does not use, is enough for it
ON_NO_SERVER = ("local", "local-local", ("local", "local"))
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
    "AWS_MAX_ATTEMPTS",
    "AWS_CA_BUNDLE",
    "MOX_FILE_LARGE_FILE_PART_SIZE",
    "MOX_FILE_LARGE_FILE_TASK_NUM",
    "MOX_FILE_PARTIAL_MAXIMUM_SIZE",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
]


class S3Server(NamedTuple):
    """A server that runs."""

    endpoint: str
    access_key: str
    secret_key: str
    client: object  # a plain boto3 client, to prepare and inspect it without the code under test


def pytest_generate_tests(metafunc):
    """Repeat the contract tests on each server, but for those that take minutes."""
    if "s3_server_name" in metafunc.fixturenames and metafunc.module.__name__.startswith(ON_ALL_SERVERS):
        is_bulk = any(mark.name == "bulk" for mark in metafunc.definition.iter_markers())
        metafunc.parametrize("s3_server_name", SERVERS[:1] if is_bulk else SERVERS, indirect=True)


def pytest_collection_modifyitems(config, items):
    """Drop the repetitions that stay on the disk."""
    repeated = [item for item in items if is_repetition(item)]
    config.hook.pytest_deselected(items=repeated)
    items[:] = [item for item in items if item not in repeated]


def is_repetition(item):
    """True when another item is the same test on another server and neither uses one."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return params.get("s3_server_name", SERVERS[0]) != SERVERS[0] and any(
        value in ON_NO_SERVER for value in params.values() if isinstance(value, (str, tuple))
    )


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

    def point(endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY):
        monkeypatch.setenv("S3_ENDPOINT", endpoint)
        monkeypatch.setenv("S3_USE_HTTPS", "0")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret_key)

    return point


@pytest.fixture
def s3_server_name(request):
    """Which server this test uses, when it uses one."""
    return getattr(request, "param", SERVERS[0])


@pytest.fixture(scope="session")
def s3_servers(tmp_path_factory):
    """A function from the name of a server to the S3Server, started when the first test asks for it."""
    running = {}
    with contextlib.ExitStack() as stack:

        def get(name):
            if name not in running:
                endpoint, access_key, secret_key = START[name](tmp_path_factory, stack)
                client = plain_client(endpoint, access_key, secret_key)
                running[name] = S3Server(endpoint, access_key, secret_key, client)
            return running[name]

        yield get


@pytest.fixture
def s3_server(s3_server_name, s3_servers):
    """The S3Server of this test."""
    return s3_servers(s3_server_name)


@pytest.fixture
def s3_endpoint(s3_server):
    """The URL of a running S3 server."""
    return s3_server.endpoint


@pytest.fixture
def s3_client(s3_server):
    """A plain boto3 client of that server, to prepare and inspect it without the code under test."""
    return s3_server.client


def plain_client(endpoint, access_key, secret_key):
    """A boto3 client that any S3 server understands."""
    session = pytest.importorskip("boto3.session")
    options = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}}
    config = pytest.importorskip("botocore.config").Config
    try:
        # Swift takes no aws-chunked bodies, in which boto3 since 1.36 sends its checksums
        config = config(request_checksum_calculation="when_required", **options)
    except TypeError:
        config = config(**options)
    client = session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        config=config,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )
    client.meta.events.register("before-sign.s3.DeleteObjects", add_content_md5)
    return client


def start_given(tmp_path_factory, stack):
    """The endpoint, access key and secret key of a server that others have started."""
    keys = os.environ.get("TEST_S3_ACCESS_KEY", ACCESS_KEY), os.environ.get("TEST_S3_SECRET_KEY", SECRET_KEY)
    return (os.environ["TEST_S3_ENDPOINT"],) + keys


def start_moto(tmp_path_factory, stack):
    """Start moto until `stack` is closed; returns its endpoint, access key and secret key."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    stack.callback(server.stop)
    return ("http://{}:{}".format(*server.get_host_and_port()), ACCESS_KEY, SECRET_KEY)


def start_swift(tmp_path_factory, stack):
    """Start Swift until `stack` is closed; CI fails where a user's machine without it skips."""
    missing = swift_server.missing()
    if missing and os.environ.get("CI") == "true":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    endpoint = stack.enter_context(swift_server.running(str(tmp_path_factory.mktemp("swift"))))
    return endpoint, swift_server.ACCESS_KEY, swift_server.SECRET_KEY


START = {"given": start_given, "moto": start_moto, "swift": start_swift}


@pytest.fixture
def bucket(s3_server, storage_at):
    """The name of a fresh bucket that the environment opens; emptied and deleted afterwards."""
    name = f"test-{uuid.uuid4().hex[:16]}"
    s3_server.client.create_bucket(Bucket=name)
    storage_at(*s3_server[:3])
    yield name
    empty_bucket(s3_server.client, name)
    s3_server.client.delete_bucket(Bucket=name)


@pytest.fixture
def make_rig(request, tmp_path, s3_server_name):
    """A function that makes the rig for a scheme: 'local', 's3' or 'obs', which start the server."""
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
