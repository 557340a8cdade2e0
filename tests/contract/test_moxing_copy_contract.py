"""Copying between folders and buckets, in all four directions, as moxing.file promises it.

"Case n" is the number of the conformance case in the moxing-file-api specification.

Kept to Python 3.6: it runs on the parity engine too.
"""

import logging
import os
import threading

import pytest

from moxing_shim import file as mox_file
from tests.storage_rigs import FolderRig, put_tree

TREE = {
    "train/1.jpg": b"one",
    "train/deep/2.jpg": b"two",
    "eval/2.jpg": b"three",
    "top.txt": b"",
    "umläut.txt": b"u",
}


# copy


def test_case_15_copy_in_every_direction(rigs):
    source, target = rigs
    source.put("a.bin", b"\x00\xff" * 1000)
    mox_file.copy(source.url("a.bin"), target.url("new/b.bin"))
    assert target.tree() == {"new/b.bin": b"\x00\xff" * 1000}


def test_copy_replaces_the_target_and_keeps_the_source(rigs):
    source, target = rigs
    source.put("a", b"new")
    target.put("a", b"old content")
    mox_file.copy(source.url("a"), target.url("a"))
    assert target.tree() == {"a": b"new"}
    assert source.tree() == {"a": b"new"}


def test_copy_to_a_name_with_a_slash_puts_the_file_inside(rigs):
    source, target = rigs
    source.put("sub/a", b"x")
    mox_file.copy(source.url("sub/a"), target.url("dir") + "/")
    assert target.tree() == {"dir/a": b"x"}


def test_copy_onto_itself_changes_nothing(rig):
    rig.put("a", b"x")
    mox_file.copy(rig.url("a"), rig.url("a"))
    assert rig.tree() == {"a": b"x"}


def test_copy_onto_the_folder_around_the_source_says_so(make_rig):
    rig = make_rig("local")
    rig.put("dir/a", b"x")
    with pytest.raises(mox_file.MoxFileNameDuplicateException):
        mox_file.copy(rig.url("dir/a"), rig.url("dir"))


def test_case_16_copy_of_a_directory_raises(rigs):
    source, target = rigs
    source.put("dir/a", b"x")
    with pytest.raises(mox_file.MoxFileRespException) as caught:
        mox_file.copy(source.url("dir"), target.url("dir"))
    assert isinstance(caught.value, IsADirectoryError)
    url = source.url("dir")
    assert str(caught.value) == f"copy takes one file, and {url} is a directory; use copy_parallel"
    assert target.tree() == {}


@pytest.mark.parametrize("scheme", ["local", "s3"])
def test_copy_onto_a_local_directory_says_so(make_rig, scheme):
    source, target = make_rig(scheme), make_rig("local")
    source.put("a", b"x")
    target.put("dir/b", b"y")
    with pytest.raises(mox_file.MoxFileNameDuplicateException) as caught:
        mox_file.copy(source.url("a"), target.url("dir"))
    assert str(caught.value) == (
        f"cannot write the file {target.url('dir')!r}: a directory has that name; name the file in it"
    )


@pytest.mark.parametrize("threads", [0, 4])
def test_large_files_arrive_whole_in_every_direction(rigs, threads):
    source, target = rigs
    data = os.urandom(1024) * (17 * 1024)  # 17 MiB: above the size at which transfers go in parts
    source.put("large.bin", data)
    mox_file.copy_parallel(source.url("large.bin"), target.url("copy.bin"), threads=threads, is_processing=False)
    assert target.tree() == {"copy.bin": data}


# copy_parallel


@pytest.mark.parametrize("slash", ["", "/"])
def test_case_17_contents_land_directly_in_the_target(rigs, slash):
    source, target = rigs
    put_tree(source, TREE)
    mox_file.copy_parallel(source.url() + slash, target.url("deep/target") + slash)
    assert target.tree("deep/target") == TREE


def test_copy_parallel_twice_gives_the_same_tree(rigs):
    source, target = rigs
    put_tree(source, TREE)
    for _ in range(2):
        mox_file.copy_parallel(source.url(), target.url("t"))
    assert target.tree("t") == TREE


def test_copy_parallel_replaces_merges_and_never_deletes(rigs):
    source, target = rigs
    put_tree(source, {"a": b"new", "sub/b": b"b"})
    put_tree(target, {"a": b"old content", "kept": b"k", "sub/kept": b"k"})
    mox_file.copy_parallel(source.url(), target.url())
    assert target.tree() == {"a": b"new", "sub/b": b"b", "kept": b"k", "sub/kept": b"k"}
    assert source.tree() == {"a": b"new", "sub/b": b"b"}


def test_case_18_a_file_list_copies_only_its_files(rigs):
    source, target = rigs
    put_tree(source, TREE)
    wanted = ["train/1.jpg", "eval/2.jpg"]
    mox_file.copy_parallel(src_url=source.url(), dst_url=target.url(), file_list=wanted)
    assert target.tree() == {"train/1.jpg": b"one", "eval/2.jpg": b"three"}


def test_a_missing_name_in_the_file_list_fails_by_name_and_the_others_arrive(rigs):
    source, target = rigs
    put_tree(source, TREE)
    with pytest.raises(mox_file.MoxFileNotExistsException) as caught:
        mox_file.copy_parallel(source.url(), target.url(), file_list=["train/1.jpg", "absent.jpg"])
    assert [name for name, _ in caught.value.failures] == ["absent.jpg"]
    assert str(caught.value).startswith(
        f"1 of 2 files not copied from {source.url()} to {target.url()}: 'absent.jpg': "
    )
    assert target.tree() == {"train/1.jpg": b"one"}


def test_a_string_as_file_list_is_refused(rig):
    with pytest.raises(TypeError) as caught:
        mox_file.copy_parallel(rig.url(), rig.url("x"), file_list="a.jpg")
    assert str(caught.value) == "copy_parallel(file_list='a.jpg'): pass a list of names, ['a.jpg']"


def test_negative_threads_are_refused(rig):
    with pytest.raises(ValueError) as caught:
        mox_file.copy_parallel(rig.url(), rig.url("x"), threads=-1)
    assert str(caught.value) == "copy_parallel(threads=-1): use 0 for one file after the other, or 1 to 128"


def test_case_19_no_threads_means_serial_in_the_calling_thread(rigs):
    source, target = rigs
    put_tree(source, TREE)
    pools, callers = set(), set()

    def note(files_done, files_total, bytes_done):
        callers.add(threading.current_thread())
        pools.update(
            thread.name for thread in threading.enumerate() if thread.name.startswith(("moxing", "ThreadPoolExecutor"))
        )

    mox_file.copy_parallel(source.url(), target.url(), threads=0, is_processing=False, progress=note)
    assert target.tree() == TREE
    assert callers == {threading.current_thread()}
    assert pools == set()


def test_progress_counts_files_and_bytes_in_the_calling_thread(rigs):
    source, target = rigs
    put_tree(source, {"a": b"1", "b": b"22", "c": b"333"})
    calls = []
    mox_file.copy_parallel(
        source.url(),
        target.url(),
        threads=2,
        progress=lambda *counts: calls.append((threading.current_thread(), counts)),
    )
    assert {thread for thread, _ in calls} == {threading.current_thread()}
    assert [counts[0] for _, counts in calls] == [1, 2, 3]
    assert calls[-1][1] == (3, 3, 6)


def test_case_20_a_single_file_goes_to_the_exact_name(rigs):
    source, target = rigs
    source.put("a.tar", b"x")
    mox_file.copy_parallel(source.url("a.tar"), target.url("dir/b.tar"))
    assert target.tree() == {"dir/b.tar": b"x"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_case_20_a_single_file_goes_into_an_existing_directory(rigs, slash):
    source, target = rigs
    source.put("a.tar", b"x")
    target.put("dir/there", b"y")
    mox_file.copy_parallel(source.url("a.tar"), target.url("dir") + slash)
    assert target.tree() == {"dir/a.tar": b"x", "dir/there": b"y"}


def test_case_21_an_empty_source_is_logged_and_the_target_exists(rigs, caplog):
    source, target = rigs
    source.put_folder("empty")
    caplog.set_level(logging.INFO, logger="moxing")
    mox_file.copy_parallel(source.url("empty"), target.url("t"))
    assert mox_file.is_directory(target.url("t"))
    assert target.tree("t") == {}
    messages = [record.getMessage() for record in caplog.records if record.name == "moxing"]
    assert messages == [f"No files to copy: {source.url('empty')}"]


def test_empty_directories_are_copied(rigs):
    source, target = rigs
    source.put("a", b"x")
    source.put_folder("empty/inside")
    mox_file.copy_parallel(source.url(), target.url())
    assert target.tree() == {"a": b"x", "empty/inside/": b""}


def test_case_22_a_file_and_a_directory_of_one_name_cannot_be_downloaded(make_rig):
    source, target = make_rig("s3"), make_rig("local")
    put_tree(source, {"a": b"file", "a-b": b"between", "a/b": b"below", "c": b"other"})
    with pytest.raises(mox_file.MoxFileNameDuplicateException) as caught:
        mox_file.copy_parallel(source.url(), target.url())
    assert isinstance(caught.value, FileExistsError)
    assert [name for name, _ in caught.value.failures] == ["a/b"]
    assert str(caught.value).endswith(
        "'a' is a file and a directory in the source; a disk cannot hold both, so 'a/b' is left out: rename one of them"
    )
    assert target.tree() == {"a": b"file", "a-b": b"between", "c": b"other"}


def test_a_file_and_a_directory_of_one_name_live_side_by_side_in_a_bucket(make_rig):
    source, target = make_rig("s3"), make_rig("obs")
    put_tree(source, {"a": b"file", "a/b": b"below"})
    mox_file.copy_parallel(source.url(), target.url())
    assert target.tree() == {"a": b"file", "a/b": b"below"}


def test_the_same_directory_at_both_ends_is_nothing_to_copy(rig):
    rig.put("a", b"x")
    mox_file.copy_parallel(rig.url(), rig.url() + "/")
    assert rig.tree() == {"a": b"x"}


def test_copying_a_directory_into_itself_is_refused(rig):
    rig.put("a", b"x")
    with pytest.raises(ValueError) as caught:
        mox_file.copy_parallel(rig.url(), rig.url("sub"))
    inside = rig.url("sub")
    assert str(caught.value) == (
        f"cannot copy {rig.url()} into {inside}, which lies inside it: the copy would copy itself for ever"
    )
    assert rig.tree() == {"a": b"x"}


def test_copying_a_directory_onto_a_local_file_is_refused(make_rig):
    source, target = make_rig("s3"), make_rig("local")
    source.put("dir/a", b"x")
    target.put("t", b"file")
    with pytest.raises(mox_file.MoxFileNameDuplicateException) as caught:
        mox_file.copy_parallel(source.url("dir"), target.url("t"))
    assert str(caught.value) == "cannot copy a directory to {}: that is a file".format(target.url("t"))
    assert target.tree() == {"t": b"file"}


def test_progress_is_logged_per_thousand_files(tmp_path, caplog):
    source = FolderRig(tmp_path / "source")
    put_tree(source, {str(n): b"" for n in range(1001)})
    caplog.set_level(logging.INFO, logger="moxing")
    mox_file.copy_parallel(source.url(), str(tmp_path / "target"), threads=4)
    progress, end = [record.getMessage() for record in caplog.records]
    # the total is known when the listing has come to its end, which copying may be quicker than
    assert progress.replace("1000/?", "1000/1001") == "1000/1001 files copied to %s" % (tmp_path / "target")
    assert end == "1001 files copied from {} to {}".format(tmp_path / "source", tmp_path / "target")
