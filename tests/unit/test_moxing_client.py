"""How the boto3 client is built: addressing, retries, checksums, one per process.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import subprocess
import sys

import pytest

pytest.importorskip("boto3")

from moxing_shim.client import addressing_style, get_client, retry_delay_s
from moxing_shim.settings import current_settings, set_auth
from tests.scripted_server import Answer, ScriptedServer

pytestmark = pytest.mark.usefixtures("no_storage")


def request_url(server, **options):
    set_auth(server=server, ak="a", sk="s", **options)
    client, _ = get_client()
    return client.generate_presigned_url("get_object", Params={"Bucket": "bkt", "Key": "k"}).partition("?")[0]


@pytest.mark.parametrize(
    "server, url",
    [
        ("obs.cn-north-1.myhuaweicloud.com", "https://bkt.obs.cn-north-1.myhuaweicloud.com/k"),
        ("obs.eu-west-101.myhuaweicloud.eu", "https://bkt.obs.eu-west-101.myhuaweicloud.eu/k"),
        ("obs.cn-north-1.myhwclouds.com", "https://bkt.obs.cn-north-1.myhwclouds.com/k"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/bkt/k"),
        ("http://localhost:9000", "http://localhost:9000/bkt/k"),
        ("minio.example.com", "https://minio.example.com/bkt/k"),
        ("myhuaweicloud.com.example.com", "https://myhuaweicloud.com.example.com/bkt/k"),
    ],
)
def test_obs_domains_get_the_bucket_in_the_host_and_others_in_the_path(server, url):
    assert request_url(server) == url


@pytest.mark.parametrize(
    "server, path_style, url",
    [
        ("obs.cn-north-1.myhuaweicloud.com", True, "https://obs.cn-north-1.myhuaweicloud.com/bkt/k"),
        ("minio.example.com", False, "https://bkt.minio.example.com/k"),
    ],
)
def test_path_style_overrides_the_guess(server, path_style, url):
    assert request_url(server, path_style=path_style) == url


def test_without_an_endpoint_the_addressing_is_left_to_boto3():
    assert addressing_style(current_settings()) == "auto"


def test_checksums_are_sent_and_checked_only_where_required():
    set_auth(server="http://127.0.0.1:9", ak="a", sk="s")
    config = get_client()[0].meta.config
    for option in ("request_checksum_calculation", "response_checksum_validation"):
        assert getattr(config, option, "when_required") == "when_required"


def test_the_settings_reach_the_client():
    set_auth(server="https://obs.cn-north-1.myhuaweicloud.com", ak="a", sk="s", client_timeout=7)
    client, _ = get_client()
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (7, 7, 1024)
    assert client.meta.region_name == "cn-north-1"
    assert config.s3["payload_signing_enabled"] is False


def test_a_loopback_endpoint_is_reached_past_the_proxy_of_the_environment(scripted_s3, monkeypatch):
    with ScriptedServer(lambda request: Answer(502)).running() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        endpoint = scripted_s3(lambda request: Answer())
        get_client()[0].head_bucket(Bucket="bkt")
    assert [request.path for request in endpoint.requests] == ["/bkt"]
    assert proxy.requests == []


@pytest.mark.parametrize("host", ["127.8.8.8", "[::1]", "localhost", "LOCALHOST"])
def test_every_name_of_this_machine_is_loopback(host):
    set_auth(server=f"http://{host}:9000", ak="a", sk="s")
    assert get_client()[0].meta.config.proxies == {}


def test_another_endpoint_is_reached_through_the_proxy_of_the_environment(storage_at, monkeypatch):
    with ScriptedServer(lambda request: Answer()).running() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        storage_at("http://storage.example.com")
        get_client()[0].head_bucket(Bucket="bkt")
    assert [request.path for request in proxy.requests] == ["http://storage.example.com/bkt"]


def test_equal_settings_share_a_client_and_new_ones_make_a_new_one():
    set_auth(server="http://127.0.0.1:9", ak="a", sk="s")
    first, _ = get_client()
    assert get_client()[0] is first
    set_auth(retry=3)
    assert get_client()[0] is not first


def test_a_process_forked_while_a_client_is_built_builds_its_own():
    program = """
import os, signal
from moxing_shim import client
from moxing_shim.client import get_client
parent, _ = get_client()
with client._locks[os.getpid()]:    # as another thread would hold it that is building a client
    pid = os.fork()
    if not pid:
        signal.alarm(30)            # ends a child that waits for the lock
        os._exit(0 if get_client()[0] is not parent else 1)
assert os.waitpid(pid, 0)[1] == 0
assert get_client()[0] is parent
"""
    environment = dict(
        os.environ,
        S3_ENDPOINT="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="s",
        PYTHONPATH=os.pathsep.join(sys.path),
    )
    assert subprocess.call([sys.executable, "-c", program], env=environment) == 0


def test_waits_grow_up_to_a_limit_and_end_with_the_tries():
    set_auth(retry=20, retry_wait=0.1)
    settings = current_settings()
    for attempt, longest_s in enumerate([0.1, 0.17, 0.289, 0.4913], 1):
        delays = [retry_delay_s(attempt, settings) for _ in range(200)]
        assert longest_s / 2 <= min(delays) and max(delays) <= longest_s * 1.000001
        assert max(delays) - min(delays) > longest_s / 4  # threads that fail together do not come back together
    assert 7.5 <= retry_delay_s(19, settings) <= 15.0
    assert retry_delay_s(20, settings) is None
