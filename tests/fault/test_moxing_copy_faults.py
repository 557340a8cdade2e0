"""Copies from and to storage that lies, refuses or breaks: what arrives, and what the exception names.

Kept to Python 3.6: it runs on the parity engine too.
"""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from moxing_shim import file as mox_file
from moxing_shim.errors import MoxConnectionError, MoxFileDeniedRespException
from moxing_shim.settings import set_auth
from tests.scripted_server import DATA, Answer, get_data, listing, s3_error

pytest.importorskip("boto3")

EVIL = ["../up", "a/../../up", "/etc/abs", "a//b", "./dot", "C:x", "a\\..\\up", ".."]


def tree_of(names, refused=()):
    """A script that serves a listing of names below dir/, with DATA in each."""

    def script(request):
        if "list-type=2" in request.path:
            return listing({"dir/" + name: len(DATA) for name in sorted(names)})
        if any(request.path.endswith("/dir/" + name) for name in refused):
            return s3_error(403, "AccessDenied")
        if request.method == "HEAD":
            return s3_error(404, "NoSuchKey")
        return get_data(request)

    return script


def test_keys_that_would_leave_the_target_folder_are_refused_by_name(scripted_s3, tmp_path):
    scripted_s3(tree_of(EVIL + ["good"]))
    target = tmp_path / "deep" / "target"
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel("s3://bkt/dir", str(target))
    assert sorted(name for name, _ in caught.value.failures) == sorted(EVIL)
    for name in EVIL:
        assert f"the name {name!r} is refused: " in str(caught.value)
    found = [os.path.join(folder, name) for folder, _, names in os.walk(str(tmp_path)) for name in names]
    assert found == [str(target / "good")]


@pytest.mark.parametrize("name", ["../up", "/etc/abs", "C:x", "a\\b", "nul\0"])
def test_names_in_a_file_list_are_held_to_the_same_rule(tmp_path, name):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (tmp_path / "up").write_bytes(b"x")
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(str(source), str(target), file_list=[name])
    assert f"the name {name!r} is refused: " in str(caught.value)
    assert os.listdir(str(target)) == []


@pytest.mark.parametrize("threads", [0, 3])
def test_one_refused_object_is_named_and_all_others_arrive(scripted_s3, tmp_path, threads, caplog):
    scripted_s3(tree_of(["a", "b", "c", "d"], refused=["b"]))
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel("s3://bkt/dir", str(tmp_path), threads=threads)
    assert [name for name, _ in caught.value.failures] == ["b"]
    assert str(caught.value).startswith(
        f"1 of 4 files not copied from s3://bkt/dir to {tmp_path}: 'b': cannot read s3://bkt/dir/b: "
    )
    assert sorted(os.listdir(str(tmp_path))) == ["a", "c", "d"]
    assert any(record.getMessage().startswith("not copied: s3://bkt/dir/b: ") for record in caplog.records)


def refusing(status, code):
    """A script that refuses every PUT, and has no file to list."""
    return lambda request: s3_error(404, "NoSuchKey") if request.method == "HEAD" else s3_error(status, code)


@pytest.fixture
def many_files(tmp_path):
    """A folder of 400 files."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number:03}").write_bytes(b"")
    return str(folder)


@pytest.mark.parametrize("threads", [0, 4])
@pytest.mark.parametrize(
    "status, code", [(403, "InvalidAccessKeyId"), (403, "SignatureDoesNotMatch"), (404, "NoSuchBucket")]
)
def test_wrong_keys_or_a_missing_bucket_are_told_once_and_stop_the_copy(
    scripted_s3, many_files, threads, status, code, caplog
):
    server = scripted_s3(refusing(status, code))
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(many_files, "s3://bkt/dir", threads=threads)
    assert str(caught.value).startswith(
        f"1 files not copied from {many_files} to s3://bkt/dir; stopped, since none succeeded: '"
    )
    assert str(caught.value).count(f" answered {status} {code} (") == 1
    assert isinstance(caught.value, mox_file.MoxFileNotExistsException) is (code == "NoSuchBucket")
    assert len({request.path for request in server.of("PUT")}) <= max(1, threads * 4)
    assert [record.levelname for record in caplog.records if record.name == "moxing"] == ["ERROR"]


@pytest.mark.parametrize("threads", [0, 4])
def test_files_that_are_all_refused_stop_the_copy_after_a_hundred_and_are_told_once(
    scripted_s3, many_files, threads, caplog
):
    scripted_s3(refusing(403, "AccessDenied"))
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(many_files, "s3://bkt/dir", threads=threads)
    assert str(caught.value).startswith(
        f"100 files not copied from {many_files} to s3://bkt/dir; stopped, since none succeeded: '"
    )
    assert len(caught.value.failures) == 100
    assert str(caught.value).count(" answered 403 AccessDenied (") == 1
    assert "; the same for '" in str(caught.value)
    assert str(caught.value).endswith("; and 80 more, see .failures")
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == 100 and len([words for words in said if words.endswith(": the same")]) == 99


def test_an_endpoint_without_a_server_is_told_once(storage_at, many_files):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        storage_at(f"http://127.0.0.1:{unused.getsockname()[1]}")
        set_auth(retry=1)
        with pytest.raises(mox_file.MoxCopyException) as caught:
            mox_file.copy_parallel(many_files, "s3://bkt/dir")
    assert str(caught.value).count("the endpoint cannot be reached") == 1
    assert isinstance(caught.value.failures[0][1], MoxConnectionError)


@pytest.mark.parametrize("threads", [0, 1])
def test_storage_that_goes_away_for_good_stops_the_copy(scripted_s3, many_files, threads):
    stored = []

    def script(request):
        stored.append(request.path)
        if len(stored) > 5:
            return s3_error(403, "InvalidAccessKeyId")  # the keys of a session that has ended
        return Answer(headers={"ETag": '"' + hashlib.md5(request.body).hexdigest() + '"'})

    server = scripted_s3(script)
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(many_files, "s3://bkt/dir", threads=threads)
    assert "; stopped, since none succeeds any more: '005': " in str(caught.value)
    assert len(caught.value.failures) == 10
    assert len(server.requests) < 40


def test_a_listing_that_fails_half_way_raises_its_own_error(scripted_s3, tmp_path):
    def script(request):
        if "continuation-token" in request.path:
            return s3_error(403, "AccessDenied")
        if "list-type=2" in request.path:
            page = listing({"dir/a": len(DATA)}).body.replace(
                b"<IsTruncated>false</IsTruncated>",
                b"<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>",
            )
            return Answer(200, page)
        return get_data(request)

    scripted_s3(script)
    with pytest.raises(MoxFileDeniedRespException) as caught:
        mox_file.copy_parallel("s3://bkt/dir", str(tmp_path))
    assert str(caught.value).startswith("cannot list s3://bkt/dir: ")


def test_an_interrupted_copy_stops_and_leaves_only_whole_files(scripted_s3, tmp_path):
    server = scripted_s3(tree_of([f"{number:03}" for number in range(400)]))

    def interrupt(files_done, files_total, bytes_done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mox_file.copy_parallel("s3://bkt/dir", str(tmp_path), threads=2, progress=interrupt)
    assert all((tmp_path / name).read_bytes() == DATA for name in os.listdir(str(tmp_path)))
    assert len(server.of("GET")) < 100


def test_a_killed_copy_leaves_no_file_half_written_under_its_name(scripted_s3, tmp_path):
    def script(request):
        if "list-type=2" in request.path:
            return listing({"dir/slow": len(DATA)})
        return get_data(request)._replace(delay_s=0.2)

    server = scripted_s3(script)
    target = str(tmp_path / "target")
    program = f'from moxing_shim import file; file.copy_parallel("s3://bkt/dir", {target!r})'
    child = subprocess.Popen(
        [sys.executable, "-c", program], env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    )
    try:
        while child.poll() is None and not any("/dir/slow" in request.path for request in server.requests):
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert not (tmp_path / "target" / "slow").exists()
