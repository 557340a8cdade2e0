"""stat, walk, glob, scan_dir, mk_dir and rename: a bucket behaves as a folder does.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import stat
import time

import pytest

from moxing_shim import file as mox_file
from tests.storage_rigs import put_tree

TREE = {"a.txt": b"1", "b1.rec": b"22", "b2.rec": b"22", "d/e/f.txt": b"333", "d/g.txt": b"4", ".hidden": b""}


@pytest.fixture
def tree(rig):
    put_tree(rig, TREE)
    return rig


def relative(rig, urls):
    return [url[len(rig.url()) + 1 :] for url in urls]


def test_case_12_stat_tells_both_families_of_attributes(tree):
    status = mox_file.stat(tree.url("d/e/f.txt"))
    assert (status.length, status.st_size, status.is_directory) == (3, 3, False)
    assert stat.S_ISREG(status.st_mode) and status[stat.ST_SIZE] == 3
    assert status.st_mtime == status.mtime_nsec / 10**9 == status.st_mtime_ns / 10**9
    assert abs(status.st_mtime - time.time()) < 3600


def test_stat_of_a_directory(tree):
    status = mox_file.stat(src_url=tree.url("d"))
    assert status.is_directory is True and stat.S_ISDIR(status.st_mode)
    assert mox_file.stat(tree.url("d/")).is_directory is True


def test_stat_of_nothing_is_a_missing_file(tree):
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        mox_file.stat(tree.url("nothing"))
    assert isinstance(caught.value, FileNotFoundError) and tree.url("nothing") in str(caught.value)


def test_case_24_walk_gives_paths_as_the_root_was_spelt(tree):
    for root in (tree.url(), tree.url() + "/"):
        found = {path: (sorted(folders), sorted(files)) for path, folders, files in mox_file.walk(root)}
        assert found == {
            root: (["d"], [".hidden", "a.txt", "b1.rec", "b2.rec"]),
            os.path.join(root, "d"): (["e"], ["g.txt"]),
            os.path.join(root, "d", "e"): ([], ["f.txt"]),
        }


def test_walk_goes_up_or_leaves_out_as_os_walk_does(tree):
    up = [path for path, _, _ in mox_file.walk(tree.url(), topdown=False)]
    assert up == [tree.url("d/e"), tree.url("d"), tree.url()]
    seen = []
    for path, folders, _ in mox_file.walk(tree.url()):
        seen.append(path)
        folders[:] = [name for name in folders if name != "e"]
    assert seen == [tree.url(), tree.url("d")]


def test_walk_of_nothing_is_empty_and_tells_who_asks(tree):
    told = []
    assert list(mox_file.walk(tree.url("nothing"))) == []
    assert list(mox_file.walk(tree.url("nothing"), onerror=told.append)) == []
    assert len(told) == 1 and isinstance(told[0], FileNotFoundError)


@pytest.mark.parametrize(
    "pattern, found",
    [
        ("*.rec", ["b1.rec", "b2.rec"]),
        ("b[2-9].rec", ["b2.rec"]),
        ("b?.rec", ["b1.rec", "b2.rec"]),
        ("*", ["a.txt", "b1.rec", "b2.rec", "d"]),
        ("*/", ["d/"]),
        (".h*", [".hidden"]),
        ("*/*.txt", ["d/g.txt"]),
        ("d/*/f.txt", ["d/e/f.txt"]),
        ("**/*.txt", ["a.txt", "d/e/f.txt", "d/g.txt"]),
        ("d", ["d"]),
        ("a.txt", ["a.txt"]),
        ("a.txt/*", []),
        ("nothing*", []),
        ("nothing", []),
        ("nothing/*", []),
    ],
)
def test_case_23_glob_matches_names_part_by_part(tree, pattern, found):
    assert relative(tree, mox_file.glob(tree.url(pattern))) == found


def test_case_25_scan_dir_gives_entries_and_works_in_a_with_block(tree):
    with mox_file.scan_dir(tree.url()) as entries:
        found = {entry.name: entry for entry in entries}
    assert sorted(found) == [".hidden", "a.txt", "b1.rec", "b2.rec", "d"]
    for name, entry in found.items():
        assert entry.path == tree.url(name) == os.fspath(entry)
        assert entry.is_dir() == (name == "d") == (not entry.is_file())
        assert not entry.is_symlink()
    assert found["b1.rec"].stat().st_size == 2


def test_scan_dir_of_nothing_is_told_at_once(tree):
    with pytest.raises(mox_file.MoxFileNotExistsException):
        mox_file.scan_dir(tree.url("nothing"))


def test_case_9_mk_dir_needs_the_directory_above(tree):
    with pytest.raises(OSError) as caught:
        mox_file.mk_dir(tree.url("nothing/new"))
    assert "make_dirs makes both" in str(caught.value)
    mox_file.mk_dir(tree.url("d/e/new"))
    assert mox_file.is_directory(tree.url("d/e/new"))
    assert tree.tree("d/e") == {"f.txt": b"333", "new/": b""}


def test_mk_dir_leaves_a_directory_of_a_bucket_as_it_is(bucket_rig):
    bucket_rig.put("d/a", b"1")
    mox_file.mk_dir(bucket_rig.url("d"))
    assert bucket_rig.tree() == {"d/a": b"1"}


@pytest.mark.parametrize("there", [None, b"old"], ids=["absent", "file"])
def test_case_14_rename_moves_a_file_in_every_direction(rigs, there):
    source, target = rigs
    source.put("s", b"content")
    if there is not None:
        target.put("t", there)
    mox_file.rename(source.url("s"), target.url("t"))
    assert (source.tree().get("s"), target.tree()["t"]) == (None, b"content")


def test_case_14_rename_moves_a_directory_in_every_direction(rigs):
    source, target = rigs
    put_tree(source, {"s/a": b"1", "s/b/c": b"22", "other": b"3"})
    source.put_folder("s/empty")
    target.put("keep", b"4")
    mox_file.rename(source.url("s"), target.url("t"))
    assert source.tree() == {"other": b"3"}
    assert target.tree() == {"t/a": b"1", "t/b/c": b"22", "t/empty/": b"", "keep": b"4"}
    assert not mox_file.exists(source.url("s"))


def test_rename_of_nothing_is_a_missing_file(rigs):
    source, target = rigs
    target.put("t", b"old")
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        mox_file.rename(source.url("s"), target.url("t"))
    assert str(caught.value).startswith("nothing to rename: no such file or directory: ")
    assert target.tree() == {"t": b"old"}


def test_rename_to_the_same_name_changes_nothing(rig):
    rig.put("a", b"1")
    mox_file.rename(rig.url("a"), rig.url("a"))
    assert rig.tree() == {"a": b"1"}


def test_a_rename_that_fails_in_part_deletes_nothing(bucket_rig, tmp_path):
    put_tree(bucket_rig, {"s/a": b"1", "s/a/b": b"2", "s/c": b"3"})  # a disk cannot hold both a and a/b
    with pytest.raises(mox_file.MoxCopyException):
        mox_file.rename(bucket_rig.url("s"), str(tmp_path / "t"))
    assert bucket_rig.tree() == {"s/a": b"1", "s/a/b": b"2", "s/c": b"3"}


def test_rename_does_not_move_a_directory_into_itself(rig):
    rig.put("s/a", b"1")
    with pytest.raises((ValueError, OSError)):
        mox_file.rename(rig.url("s"), rig.url("s/t"))
    assert rig.tree() == {"s/a": b"1"}
