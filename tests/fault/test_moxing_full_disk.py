"""Copies onto a disk that is too small for them: a real file system of a few MiB.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import subprocess

import pytest

from moxing_shim import file as mox_file
from tests.storage_rigs import FolderRig, put_tree

pytest.importorskip("boto3")

MIB = 1024 * 1024
DISK_MIB = 8


@pytest.fixture
def small_disk(tmp_path):
    """A FolderRig on a file system of 8 MiB of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(path)]
    try:
        refused = subprocess.call(mount, stderr=subprocess.DEVNULL)
    except OSError:
        refused = True
    if refused:
        pytest.skip("mounting a file system needs the right to (CAP_SYS_ADMIN), which CI has")
    yield FolderRig(path)
    subprocess.check_call(["umount", str(path)])


@pytest.mark.parametrize("scheme", ["local", "s3"])
@pytest.mark.parametrize("threads", [4, 0])
@pytest.mark.parametrize("large_mib", [9, 17])  # in one request, and in parts
def test_what_does_not_fit_is_named_and_takes_no_room(make_rig, small_disk, scheme, threads, large_mib):
    source = make_rig(scheme)
    small = {f"{number:02}": os.urandom(1000) for number in range(20)}
    put_tree(source, dict(small, large=os.urandom(1024) * (large_mib * 1024)))
    put_tree(small_disk, {"large": b"before"})
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(source.url(), small_disk.url(), threads=threads)
    arrived = small_disk.tree()
    # while the large file fills the disk, another thread may find no room for its small one
    missing = sorted(set(small) - set(arrived))
    assert threads or not missing
    message = str(caught.value)
    assert message.startswith(f"{1 + len(missing)} of 21 files not copied from {source.url()} to {small_disk.url()}: ")
    assert all(f"{name!r}" in message for name in ["large", *missing])
    assert "[Errno 28] No space left on device" in message
    assert arrived == dict({name: small[name] for name in small if name not in missing}, large=b"before")


def test_a_disk_that_fills_up_stops_the_copy_and_keeps_only_whole_files(make_rig, small_disk):
    source = make_rig("local")
    tree = {f"{number:03}": os.urandom(MIB // 8) for number in range(200)}
    put_tree(source, tree)
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(source.url(), small_disk.url(), threads=0)
    assert "; stopped, since none succeeds any more: '0" in str(caught.value)
    assert str(caught.value).count("[Errno 28] No space left on device: ") == 1
    arrived = small_disk.tree()
    assert 50 < len(arrived) <= DISK_MIB * 8
    assert arrived == {name: tree[name] for name in arrived}
