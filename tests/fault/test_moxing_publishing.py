"""Files that are being written when something else happens: two writers, a killed one, a link in the way.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

from moxing_shim import file as mox_file
from moxing_shim.publishing import is_temporary, publishing
from moxing_shim.urls import LocalPath

WRITE_AND_HANG = """
import sys, time
from moxing_shim.publishing import publishing
from moxing_shim.urls import LocalPath
with publishing(LocalPath(sys.argv[1])) as stream:
    stream.write(b"half of it")
    stream.flush()
    print("writing", flush=True)
    time.sleep(600)
"""


def start_writing(path):
    """A process that is in the middle of writing `path`."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_HANG, str(path)],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        stdout=subprocess.PIPE,
    )
    assert child.stdout.readline() == b"writing\n"
    return child


def end(child):
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()


def temporary_files(folder):
    return [name for name in os.listdir(str(folder)) if is_temporary(name)]


def test_the_next_copy_of_a_file_takes_over_what_a_killed_process_left(tmp_path):
    end(start_writing(tmp_path / "a"))
    assert len(temporary_files(tmp_path)) == 1
    mox_file.write(str(tmp_path / "a"), "whole")
    assert os.listdir(str(tmp_path)) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_a_file_that_another_process_is_writing_is_left_to_it(tmp_path):
    child = start_writing(tmp_path / "a")
    try:
        mox_file.write(str(tmp_path / "a"), "whole")
        assert (tmp_path / "a").read_bytes() == b"whole"
        (name,) = temporary_files(tmp_path)
        assert (tmp_path / name).read_bytes() == b"half of it"
    finally:
        end(child)


def test_threads_that_write_the_same_file_never_mix(tmp_path):
    contents = [bytes(bytearray([number])) * 1000 for number in range(8)]
    start, failures = threading.Barrier(len(contents)), []

    def write(content):
        start.wait()
        try:
            for _ in range(300):
                mox_file.write(str(tmp_path / "a"), content, binary=True)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (tmp_path / "a").read_bytes() in contents
    assert os.listdir(str(tmp_path)) == ["a"]


@pytest.mark.parametrize("kind", ["link", "fifo", "hard link"])
def test_something_else_under_the_temporary_name_is_neither_followed_nor_changed(tmp_path, kind):
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.write_bytes(b"theirs")
    end(start_writing(folder / "a"))
    (name,) = temporary_files(folder)
    os.remove(str(folder / name))
    if kind == "link":
        os.symlink(str(elsewhere), str(folder / name))
    elif kind == "fifo":
        os.mkfifo(str(folder / name))
    else:
        os.link(str(elsewhere), str(folder / name))
    mox_file.write(str(folder / "a"), "whole")
    assert (folder / "a").read_bytes() == b"whole"
    assert elsewhere.read_bytes() == b"theirs"
    assert sorted(os.listdir(str(folder))) == sorted([name, "a"])


def test_what_is_half_written_is_neither_listed_nor_copied(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "b").write_bytes(b"whole")
    child = start_writing(source / "a")
    try:
        mox_file.copy_parallel(str(source), str(target))
        assert mox_file.list_directory(str(source)) == ["b"]
    finally:
        end(child)
    assert os.listdir(str(target)) == ["b"]


# permissions


def mode_of(path):
    return stat.S_IMODE(os.stat(str(path)).st_mode)


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600)])
def test_a_new_file_gets_what_the_umask_leaves(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        mox_file.write(str(tmp_path / "a"), "x")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "a") == mode


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o444])
def test_a_replaced_file_passes_its_permissions_on(tmp_path, mode):
    (tmp_path / "a").write_bytes(b"old")
    os.chmod(str(tmp_path / "a"), mode)
    with publishing(LocalPath(str(tmp_path / "a"))) as stream:
        (name,) = temporary_files(tmp_path)
        assert mode_of(tmp_path / name) == mode  # already while it is being written
        stream.write(b"new")
    assert mode_of(tmp_path / "a") == mode
    assert (tmp_path / "a").read_bytes() == b"new"
