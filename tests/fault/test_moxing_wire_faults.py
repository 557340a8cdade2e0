"""Copies over a bad network to a real server: what arrives is whole, or is told and leaves nothing behind.

Between the client and the server stands fault_proxy.py. Each copy is a tree of small objects and one object in parts.

Kept to Python 3.6, as all tests of moxing_shim are.
"""

import hashlib
import os

import pytest

from moxing_shim import file as mox_file
from moxing_shim.settings import set_auth
from tests.fault_proxy import Fault, FaultProxy, always, first_time, is_content, seldom
from tests.storage_rigs import put_tree

pytest.importorskip("boto3")

MIB = 1024 * 1024
THREADS = [4, 0]
LARGE_BYTES = 11 * MIB + 12345  # three parts of 5 MiB at most


@pytest.fixture
def proxy(s3_server, bucket, storage_at, monkeypatch):
    """A proxy in front of the server, to which the environment points; transfers of 8 MiB and more go in parts."""
    monkeypatch.setenv("MOX_FILE_PARTIAL_MAXIMUM_SIZE", str(8 * MIB))
    monkeypatch.setenv("MOX_FILE_LARGE_FILE_PART_SIZE", str(5 * MIB))
    with FaultProxy(s3_server.endpoint).running() as running:
        storage_at(running.url, s3_server.access_key, s3_server.secret_key)
        set_auth(retry=8, retry_wait=0, client_timeout=20)
        yield running


@pytest.fixture(params=["up", "down"])
def ends(request, make_rig):
    """(source, target) of an upload and of a download."""
    local, remote = make_rig("local"), make_rig("s3")
    return (local, remote) if request.param == "up" else (remote, local)


def fill(rig, small=20):
    """Put a tree with one large file into the rig; returns it."""
    tree = {f"{number % 3}/{number:03}": os.urandom(100 + 1000 * number) for number in range(small)}
    tree.update(empty=b"", large=os.urandom(LARGE_BYTES))
    put_tree(rig, tree)
    return tree


def digests(tree):
    return {name: hashlib.sha256(content).hexdigest() for name, content in tree.items()}


def unfinished_uploads(client, bucket):
    return client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def is_large(exchange):
    """True for the transfer of the large object, or of a part of it."""
    return is_content(exchange) and exchange.path.partition("?")[0].endswith("/large")


def is_small(exchange):
    """True for the transfer of any other object."""
    return is_content(exchange) and not is_large(exchange)


PASSING = {
    "every tenth connection is cut before the answer": seldom(0.1, Fault(hang_up_before=True)),
    "every tenth answer is lost": seldom(0.1, Fault(hang_up_after=True)),
    "a third of all requests is refused with SlowDown": seldom(0.3, Fault(refuse=True), lambda exchange: True),
    "every content is cut once in its middle": first_time(Fault(cut_body=0.5)),
    "every small content ends early once": first_time(Fault(short_body=True), is_small),
    "every content is damaged once on its way to the client": first_time(Fault(damage_body=True)),
    "every content is damaged once on its way to the server": first_time(Fault(damage_request=True)),
    "every content stalls for a moment": always(Fault(stall_s=0.05)),
    "every content comes slowly": always(Fault(pace_s=0.002)),
}


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("what", sorted(PASSING))
def test_a_tree_arrives_whole_although(proxy, ends, s3_client, bucket, what, threads):
    source, target = ends
    tree = fill(source)
    proxy.faults = PASSING[what]
    mox_file.copy_parallel(source.url(), target.url(), threads=threads, is_processing=False)
    assert digests(target.tree()) == digests(tree)
    assert unfinished_uploads(s3_client, bucket) == []
    assert proxy.harmed > 0


LASTING = {
    "up": {
        "no answer arrives": (
            Fault(hang_up_after=True),
            "the endpoint cannot be reached at {proxy} (Connection was closed before we received a valid response from "
            "endpoint URL: ",
        ),
        "every request is refused": (
            Fault(refuse=True),
            "{proxy} answered 503 SlowDown (Please reduce your request rate). The server is overloaded: use fewer "
            "threads, or more tries: AWS_MAX_ATTEMPTS (in Python: set_auth(retry=...))",
        ),
        "every part is damaged": (
            Fault(damage_request=True),
            "3 times the server stored other content than was sent as part ",
        ),
        "nothing is answered in time": (
            Fault(stall_s=1),
            "no answer in time at {proxy} (Read timeout on endpoint URL: ",
        ),
    },
    "down": {
        "every body is cut": (Fault(cut_body=0.1), "the connection broke in mid-body at {proxy} ("),
        "every body ends early": (
            Fault(short_body=True),
            "offered; this server, or a proxy on the way, does not serve ranges",
        ),
        "every request is refused": (
            Fault(refuse=True),
            "{proxy} answered 503 SlowDown (Please reduce your request rate). The server is overloaded: use fewer "
            "threads, or more tries: AWS_MAX_ATTEMPTS (in Python: set_auth(retry=...))",
        ),
        "every body is damaged": (
            Fault(damage_body=True),
            "3 times the content that arrived did not match its ETag ",
        ),
        "every body stalls": (Fault(stall_s=1), "no answer in time at {proxy} ("),
    },
}
LASTING_CASES = [(way, what) for way in sorted(LASTING) for what in sorted(LASTING[way])]


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("way, what", LASTING_CASES)
def test_a_large_object_that_cannot_pass_is_named_and_leaves_nothing(
    proxy, make_rig, s3_client, bucket, way, what, threads
):
    local, remote = make_rig("local"), make_rig("s3")
    source, target = (local, remote) if way == "up" else (remote, local)
    tree = fill(source, small=3)
    put_tree(target, {"large": b"before"})
    fault, reason = LASTING[way][what]
    proxy.faults = always(fault, is_large)
    set_auth(retry=2, client_timeout=0.5)
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(source.url(), target.url(), threads=threads, is_processing=False)
    assert str(caught.value).startswith(
        f"1 of 5 files not copied from {source.url()} to {target.url()}: 'large': cannot "
    )
    assert reason.format(proxy=proxy.url) in str(caught.value)
    assert digests(target.tree()) == digests(dict(tree, large=b"before"))
    assert unfinished_uploads(s3_client, bucket) == []


def test_what_a_bad_network_broke_off_is_completed_by_the_next_copy(proxy, ends):
    source, target = ends
    tree = fill(source)
    proxy.faults = seldom(0.5, Fault(refuse=True))
    set_auth(retry=1)
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(source.url(), target.url())
    arrived = target.tree()
    assert sorted(arrived) == sorted(set(tree) - {name for name, _ in caught.value.failures})
    assert arrived == {name: tree[name] for name in arrived}
    proxy.faults = seldom(0.3, Fault(refuse=True))
    set_auth(retry=8)
    mox_file.copy_parallel(source.url(), target.url(), skip_unchanged=True)
    assert digests(target.tree()) == digests(tree)
