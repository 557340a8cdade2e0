"""What rename does when something is in the way: it loses nothing.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import socket

import pytest

from moxing_shim import file as mox_file
from tests.storage_rigs import put_tree


def test_a_file_goes_into_a_directory_that_is_named_with_a_slash(rigs):
    source, target = rigs
    source.put("s", b"1")
    target.put("t/old", b"2")
    mox_file.rename(source.url("s"), target.url("t/"))
    assert "s" not in source.tree()
    assert target.tree("t") == {"old": b"2", "s": b"1"}


def test_a_directory_takes_the_place_of_an_empty_one(rigs):
    source, target = rigs
    source.put("s/a", b"1")
    target.put_folder("t")
    mox_file.rename(source.url("s"), target.url("t"))
    assert target.tree("t") == {"a": b"1"}
    assert not mox_file.exists(source.url("s"))


def test_an_empty_directory_is_moved_too(rigs):
    source, target = rigs
    source.put_folder("s")
    target.put_folder("")
    mox_file.rename(source.url("s"), target.url("t"))
    assert mox_file.is_directory(target.url("t"))
    assert not mox_file.exists(source.url("s"))


def test_a_directory_is_not_mixed_with_another_one(rigs):
    source, target = rigs
    source.put("s/a", b"1")
    target.put("t/a", b"old")
    with pytest.raises(OSError) as caught:
        mox_file.rename(source.url("s"), target.url("t"))
    if (source.scheme, target.scheme) != ("local", "local"):
        assert str(caught.value) == (
            "cannot rename {} to {}: there is a directory that is not empty. To join the two, use copy_parallel and "
            "then remove".format(source.url("s"), target.url("t"))
        )
    assert source.tree("s") == {"a": b"1"}
    assert target.tree("t") == {"a": b"old"}


def test_a_directory_does_not_replace_a_file(rigs):
    source, target = rigs
    source.put("s/a", b"1")
    target.put("t", b"old")
    with pytest.raises(OSError) as caught:
        mox_file.rename(source.url("s"), target.url("t"))
    if (source.scheme, target.scheme) != ("local", "local"):
        assert str(caught.value) == "cannot rename a directory to {}: that is a file".format(target.url("t"))
    assert source.tree("s") == {"a": b"1"}
    assert target.tree()["t"] == b"old"


@pytest.mark.parametrize("one, other", [("d", "d/sub"), ("d/sub", "d"), ("d/sub", "d/")])
def test_a_directory_is_not_moved_into_or_onto_one_around_it(rig, one, other):
    tree = {"d/a": b"1", "d/sub/a": b"2", "d/sub/sub/a": b"3"}
    put_tree(rig, tree)
    with pytest.raises((ValueError, OSError)):
        mox_file.rename(rig.url(one), rig.url(other))
    assert rig.tree() == tree


@pytest.mark.parametrize("one, other", [("d", "d"), ("d/", "d"), ("d", "d/")])
def test_a_directory_renamed_to_itself_stays(rig, one, other):
    rig.put("d/a", b"1")
    mox_file.rename(rig.url(one), rig.url(other))
    assert rig.tree() == {"d/a": b"1"}


def test_an_object_renamed_to_itself_by_the_other_scheme_stays(bucket_rig):
    bucket_rig.put("a", b"1")
    mox_file.rename(bucket_rig.url("a"), bucket_rig.url("a").replace("obs://", "s3://"))
    assert bucket_rig.tree() == {"a": b"1"}


def test_the_file_is_preferred_when_a_directory_has_its_name(bucket_rig, tmp_path):
    put_tree(bucket_rig, {"a": b"1", "a/b": b"2"})
    mox_file.rename(bucket_rig.url("a"), str(tmp_path / "t"))
    assert (tmp_path / "t").read_bytes() == b"1"
    assert bucket_rig.tree() == {"a/b": b"2"}


def test_a_file_whose_name_is_also_a_directory_is_moved_between_buckets_with_it(bucket_rig):
    put_tree(bucket_rig, {"s/a": b"1", "s/a/b": b"2"})
    bucket_rig.put_folder("s/a")
    mox_file.rename(bucket_rig.url("s"), bucket_rig.url("t"))
    left = bucket_rig.tree()
    left.pop("t/a/", None)  # a directory with something in it needs no marker
    assert left == {"t/a": b"1", "t/a/b": b"2"}


@pytest.mark.bulk
def test_more_files_than_one_request_deletes_are_moved(bucket_rig, tmp_path):
    for number in range(1005):
        (tmp_path / "s" / str(number)).parent.mkdir(exist_ok=True)
        (tmp_path / "s" / str(number)).write_bytes(b"")
    mox_file.rename(str(tmp_path / "s"), bucket_rig.url("s"))
    mox_file.rename(bucket_rig.url("s"), bucket_rig.url("t"))
    assert sorted(bucket_rig.tree()) == sorted(f"t/{number}" for number in range(1005))
    assert os.listdir(str(tmp_path)) == []


def test_a_link_inside_the_folder_is_followed_and_goes_with_it(bucket_rig, tmp_path):
    (tmp_path / "s" / "real").mkdir(parents=True)
    (tmp_path / "s" / "real" / "x").write_bytes(b"1")
    (tmp_path / "s" / "link").symlink_to("real")
    (tmp_path / "s" / "x").symlink_to("real/x")
    mox_file.rename(str(tmp_path / "s"), bucket_rig.url("t"))
    assert bucket_rig.tree("t") == {"real/x": b"1", "link/x": b"1", "x": b"1"}
    assert os.listdir(str(tmp_path)) == []


def test_of_a_link_to_a_folder_only_the_link_is_deleted(bucket_rig, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "x").write_bytes(b"1")
    (tmp_path / "link").symlink_to("s")
    mox_file.rename(str(tmp_path / "link"), bucket_rig.url("t"))
    assert bucket_rig.tree("t") == {"x": b"1"}
    assert os.listdir(str(tmp_path)) == ["s"]
    assert (tmp_path / "s" / "x").read_bytes() == b"1"


def test_a_link_out_of_the_folder_keeps_all_of_it(bucket_rig, tmp_path):
    (tmp_path / "private").write_bytes(b"secret")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "x").write_bytes(b"1")
    (tmp_path / "s" / "link").symlink_to(tmp_path / "private")
    with pytest.raises(mox_file.MoxCopyException):
        mox_file.rename(str(tmp_path / "s"), bucket_rig.url("t"))
    assert sorted(os.listdir(str(tmp_path / "s"))) == ["link", "x"]
    assert (tmp_path / "private").read_bytes() == b"secret"


def test_what_cannot_be_copied_is_not_deleted_and_told(bucket_rig, tmp_path, monkeypatch):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "x").write_bytes(b"1")
    monkeypatch.chdir(str(tmp_path))  # the name of a socket has at most some 100 characters
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s/door")
        with pytest.raises(mox_file.MoxFileException) as caught:
            mox_file.rename("s", bucket_rig.url("t"))
    assert str(caught.value) == (
        "s was copied to {}, and what was copied is deleted. The rest stays: 'door'".format(bucket_rig.url("t"))
    )
    assert bucket_rig.tree("t") == {"x": b"1"}
    assert os.listdir(str(tmp_path / "s")) == ["door"]


def test_a_directory_moves_to_another_file_system(tmp_path):
    other = "/dev/shm"
    if not os.path.isdir(other) or os.stat(other).st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm; every Linux container has one")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "x").write_bytes(b"1")
    target = os.path.join(other, f"moxing-rename-{os.getpid()}")
    try:
        mox_file.rename(str(tmp_path / "s"), target)
        assert mox_file.read(os.path.join(target, "x")) == "1"
        assert os.listdir(str(tmp_path)) == []
    finally:
        mox_file.remove(target, recursive=True)
