"""Copies that end before they are done: killed, interrupted, on a full disk, in a folder that may not be written.

Kept to Python 3.6: it runs on the parity engine too.
"""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from moxing_shim import file as mox_file
from moxing_shim.publishing import is_temporary
from tests.scripted_server import DATA, Answer, get_data, listing
from tests.storage_rigs import put_tree

pytest.importorskip("boto3")

# Tells of each file that is done; after the third it waits, so that the copy cannot be over before it is killed
COPY = """
import json, signal, sys
from moxing_shim import file
signal.signal(signal.SIGINT, signal.default_int_handler)    # a shell's background job ignores it
def tell(files_done, files_total, bytes_done):
    print(files_done, flush=True)
    if files_done == 3:
        sys.stdin.read()
arguments = json.loads(sys.argv[1])
try:
    file.copy_parallel(*arguments, threads=4, progress=tell)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def start(program, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(arguments)],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        **options,
    )


def wait_for_three_files(child):
    assert [child.stdout.readline() for _ in range(3)] == [b"1\n", b"2\n", b"3\n"]


def finish(child):
    """Wait for a child that ends by itself or was told to; returns what else it said."""
    said, _ = child.communicate()
    return said.decode("ascii").split()


def digests(tree):
    return {name: hashlib.sha256(content).hexdigest() for name, content in tree.items()}


def leftovers(tree):
    return [name for name in tree if is_temporary(name.rpartition("/")[2])]


@pytest.mark.parametrize("directions", ["local-s3", "s3-local", "local-local"])
def test_a_copy_that_was_killed_is_completed_by_the_next_one(make_rig, directions):
    source, target = (make_rig(scheme) for scheme in directions.split("-"))
    tree = {f"{number % 3}/{number:03}": os.urandom(1000 + number) for number in range(100)}
    put_tree(source, dict(tree, large=os.urandom(1024) * (17 * 1024)))
    child = start(COPY, source.url(), target.url())
    wait_for_three_files(child)
    child.send_signal(signal.SIGKILL)
    finish(child)
    arrived = target.tree()
    whole = source.tree()
    assert 3 <= len(arrived) < len(whole)
    for name in set(arrived) - set(leftovers(arrived)):
        assert arrived[name] == whole[name]
    mox_file.copy_parallel(source.url(), target.url(), skip_unchanged=True)
    assert digests(target.tree()) == digests(whole)


def tree_of(names):
    """A script that serves a listing of names below dir/, with DATA in each, and takes what is uploaded."""

    def script(request):
        if "list-type=2" in request.path:
            return listing({"dir/" + name: len(DATA) for name in sorted(names)})
        if request.method == "PUT":
            return Answer(200, headers={"ETag": '"' + hashlib.md5(request.body).hexdigest() + '"'})
        return get_data(request)._replace(delay_s=0.05)

    return script


@pytest.mark.parametrize("is_upload", [True, False])
def test_ctrl_c_starts_no_further_file_and_leaves_only_whole_ones(scripted_s3, tmp_path, is_upload):
    names = [f"{number:03}" for number in range(400)]
    folder = tmp_path / "folder"
    folder.mkdir()
    server = scripted_s3(tree_of(names))
    if is_upload:
        for name in names:
            (folder / name).write_bytes(DATA)
    ends = (str(folder), "s3://bkt/dir") if is_upload else ("s3://bkt/dir", str(folder))
    child = start(COPY, *ends)
    wait_for_three_files(child)
    child.send_signal(signal.SIGINT)
    assert finish(child) == ["interrupted"]
    assert child.returncode == 0
    assert len(server.of("PUT" if is_upload else "GET")) < 100
    if is_upload:
        assert all(request.body == DATA for request in server.of("PUT"))
    else:
        assert 3 <= len(os.listdir(str(folder))) < 100
        assert all((folder / name).read_bytes() == DATA for name in os.listdir(str(folder)))


# the disk


def copy_with_little_room(source, target, tmp_path):
    """Copy in a process that may write no file above 1 MiB; returns what it raised."""
    program = """
import json, sys
from moxing_shim import file
try:
    file.copy_parallel(*json.loads(sys.argv[1]))
except file.MoxCopyException as error:
    print(json.dumps({name: str(failure) for name, failure in error.failures}))
"""
    limit = (2**20, 2**20)
    child = start(program, source, target, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    said, _ = child.communicate()
    return json.loads(said.decode("ascii"))


@pytest.mark.parametrize("scheme", ["local", "s3"])
@pytest.mark.parametrize("size_mib", [2, 17])
def test_a_file_that_the_disk_has_no_room_for_is_named_and_leaves_nothing(make_rig, tmp_path, scheme, size_mib):
    source, target = make_rig(scheme), make_rig("local")
    put_tree(source, {"large": b"\0" * (size_mib * 2**20), "small": b"x"})
    put_tree(target, {"large": b"before"})
    failures = copy_with_little_room(source.url(), target.url(), tmp_path)
    assert failures == {"large": "[Errno 27] File too large: {!r}".format(target.url("large"))}
    assert target.tree() == {"large": b"before", "small": b"x"}


def test_a_full_device_is_named(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(OSError) as caught:
        mox_file.copy(str(tmp_path / "a"), "/dev/full")
    assert str(caught.value) == "[Errno 28] No space left on device: '/dev/full'"


@pytest.mark.skipif(os.geteuid() != 0, reason="device nodes are made by root, as which CI runs")
def test_a_full_disk_stops_the_copy_and_is_told_once(tmp_path):
    # The kernel's own full device, behind each name of the target
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for number in range(300):
        (source / str(number)).write_bytes(b"x" * 100)
        os.mknod(str(target / str(number)), 0o600 | 0o020000, os.stat("/dev/full").st_rdev)
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(str(source), str(target), threads=0)
    assert str(caught.value) == (
        "1 files not copied from {} to {}; stopped, since none succeeded: '0': [Errno 28] No space left on "
        "device: {!r}".format(source, target, str(target / "0"))
    )


@pytest.fixture
def open_folder():
    """A folder that every user may enter; pytest's own are closed to all but theirs."""
    path = tempfile.mkdtemp()
    os.chmod(path, 0o777)
    yield path
    shutil.rmtree(path)


def test_a_folder_that_may_not_be_written_fails_by_name_and_the_rest_arrives(open_folder):
    source, target = os.path.join(open_folder, "source"), os.path.join(open_folder, "target")
    for name in ("locked/a", "open/b"):
        os.makedirs(os.path.dirname(os.path.join(source, name)))
        with open(os.path.join(source, name), "wb") as stream:
            stream.write(b"x")
    os.makedirs(os.path.join(target, "locked"))
    os.chmod(target, 0o777)
    os.chmod(os.path.join(target, "locked"), 0o555)
    program = """
import json, os, sys
from moxing_shim import file, local_store
if os.geteuid() == 0:       # whom no permission stops
    os.setgid(65534)
    os.setuid(65534)
try:
    file.copy_parallel(*json.loads(sys.argv[1]))
except file.MoxCopyException as error:
    print(json.dumps({name: str(failure) for name, failure in error.failures}))
"""
    said, _ = start(program, source, target).communicate()
    assert json.loads(said.decode("ascii")) == {
        "locked/a": "[Errno 13] Permission denied: {!r}".format(os.path.join(target, "locked", "a"))
    }
    assert sorted(os.listdir(target)) == ["locked", "open"]
    assert os.listdir(os.path.join(target, "open")) == ["b"]
    assert os.listdir(os.path.join(target, "locked")) == []
