"""What the shifted functions do with a URL (moxing-file-api, case 28), and which builtin errors they raise.

Kept to Python 3.6: it runs on the parity engine too.
"""

import errno
import glob
import os
import pathlib
import shutil

import pytest

from moxing_shim import file
from tests.storage_rigs import put_tree

TREE = {"a.txt": b"one\r\ntwo", "dir/b.txt": b"bb", "dir/deep/c.txt": b"ccc"}


@pytest.fixture(autouse=True)
def shifted():
    file.shift("os", "mox")
    yield
    file.unshift()


@pytest.fixture
def url(bucket_rig):
    """The URL of a name in a folder of a bucket that holds a small tree."""
    put_tree(bucket_rig, TREE)
    return bucket_rig.url


def test_open_reads_writes_and_takes_the_options_of_text(url, bucket_rig):
    with open(url("a.txt"), encoding="utf-8", newline="") as stream:
        assert stream.read() == "one\r\ntwo"
    with open(url("a.txt"), "rb", 0) as stream:
        assert stream.readline() == b"one\r\n"
    with open(url("new/d.txt"), mode="w", encoding="latin-1", newline="\r\n") as stream:
        stream.write("\xe9\n")
    assert bucket_rig.tree("new") == {"d.txt": b"\xe9\r\n"}


def test_open_for_a_free_name_refuses_one_that_is_taken(url, bucket_rig):
    with open(url("free"), "x") as stream:
        stream.write("mine")
    with pytest.raises(FileExistsError) as caught:
        open(url("free"), "xb")  # noqa: SIM115
    assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, url("free"))
    assert bucket_rig.tree()["free"] == b"mine"


def test_questions_about_what_is_there(url):
    assert os.path.exists(url("a.txt")) and os.path.exists(url("dir")) and not os.path.exists(url("gone"))
    assert os.path.isdir(url("dir")) and not os.path.isdir(url("a.txt"))
    assert os.path.getsize(url("dir/b.txt")) == 2
    assert sorted(os.listdir(url())) == ["a.txt", "dir"]
    assert os.listdir(path=url("dir/deep")) == ["c.txt"]


def test_bytes_path_likes_and_the_folded_urls_of_pathlib_are_taken(url):
    name = url("dir")
    assert os.listdir(os.fsencode(name)) == [b"b.txt", b"deep"]
    assert os.listdir(pathlib.PurePosixPath(name)) == ["b.txt", "deep"]  # obs:/bucket/...
    with open(pathlib.PurePosixPath(name) / "b.txt") as stream:
        assert stream.read() == "bb"


def test_folders_are_made_and_making_them_again_fails_only_when_that_is_asked_for(url, bucket_rig):
    os.makedirs(url("m/n"))
    os.makedirs(url("m/n"))  # as in moxing
    os.makedirs(url("m/n"), 0o777, exist_ok=True)
    with pytest.raises(FileExistsError) as caught:
        os.makedirs(url("m/n"), exist_ok=False)
    assert caught.value.errno == errno.EEXIST
    assert bucket_rig.tree("m") == {"n/": b""}


def test_a_file_is_removed_and_a_directory_is_not(url, bucket_rig):
    os.remove(url("a.txt"))
    os.remove(url("dir"))
    os.remove(url("gone"))  # as in moxing
    assert sorted(bucket_rig.tree()) == ["dir/b.txt", "dir/deep/c.txt"]


def test_copyfile_copies_between_a_disk_and_a_bucket_and_returns_the_target(url, bucket_rig, tmp_path):
    local = str(tmp_path / "local")
    assert shutil.copyfile(url("a.txt"), local) == local
    assert shutil.copyfile(src=local, dst=url("back"), follow_symlinks=True) == url("back")
    assert bucket_rig.tree()["back"] == TREE["a.txt"]


def test_copytree_merges_and_leaves_out_what_is_to_be_ignored(url, bucket_rig, tmp_path):
    local = str(tmp_path / "local")
    assert shutil.copytree(url(), local) == local
    with open(local + "/own", "w") as stream:
        stream.write("kept")
    shutil.copytree(url("dir"), local)
    assert sorted(os.listdir(local)) == ["a.txt", "b.txt", "deep", "dir", "own"]
    asked = []

    def ignore(folder, names):
        asked.append((folder, names))
        return ["own", "deep"]

    shutil.copytree(local, url("up"), False, ignore)
    assert sorted(bucket_rig.tree("up")) == ["a.txt", "b.txt", "dir/b.txt"]
    assert asked == [(local, ["a.txt", "b.txt", "own", "deep", "dir"]), (local + "/dir", ["b.txt", "deep"])]
    shutil.copytree(url("dir"), str(tmp_path / "less"), ignore=shutil.ignore_patterns("b.*"))
    assert os.listdir(str(tmp_path / "less")) == ["deep"]


def test_copytree_with_a_function_of_its_own_is_refused(url, tmp_path):
    with pytest.raises(NotImplementedError) as caught:
        shutil.copytree(str(tmp_path), url("up"), copy_function=print)
    assert str(caught.value) == (
        "copytree({!r}, {!r}): copy_function cannot be another one where a bucket is concerned; copy the files "
        "one by one".format(str(tmp_path), url("up"))
    )


def test_rmtree_deletes_a_directory_and_never_a_file(url, bucket_rig):
    bucket_rig.put("dir", b"a file of the same name")
    shutil.rmtree(url("dir"))
    assert sorted(bucket_rig.tree()) == ["a.txt", "dir"]
    with pytest.raises(NotADirectoryError) as caught:
        shutil.rmtree(url("a.txt"))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOTDIR, url("a.txt"))
    assert sorted(bucket_rig.tree()) == ["a.txt", "dir"]


def test_rmtree_of_nothing_raises_ignores_or_tells_as_it_was_asked(url):
    with pytest.raises(FileNotFoundError):
        shutil.rmtree(url("gone"))
    shutil.rmtree(url("gone"), ignore_errors=True)
    told = []
    shutil.rmtree(url("gone"), onerror=lambda function, path, info: told.append((path, info[0])))
    assert told == [(url("gone"), FileNotFoundError)]


def test_rmtree_does_not_empty_a_bucket(url, bucket_rig):
    with pytest.raises(ValueError, match="would empty the whole bucket"):
        shutil.rmtree("s3://" + bucket_rig.bucket)
    assert sorted(bucket_rig.tree()) == sorted(TREE)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda url: open(url("gone")), FileNotFoundError),  # noqa: SIM115
        (lambda url: os.listdir(url("gone")), FileNotFoundError),
        (lambda url: os.listdir(url("a.txt")), NotADirectoryError),
        (lambda url: os.path.getsize(url("gone")), FileNotFoundError),
        (lambda url: shutil.copyfile(url("gone"), url("x")), FileNotFoundError),
        (lambda url: shutil.copyfile(url("dir"), url("x")), IsADirectoryError),
        (lambda url: shutil.copytree(url("gone"), url("x")), FileNotFoundError),
        (lambda url: os.listdir(url("a.txt"), "too much"), TypeError),
        (lambda url: os.path.exists(url("a.txt"), no_such=1), TypeError),
    ],
)
def test_what_goes_wrong_is_the_builtin_exception_that_callers_expect(call, kind, url):
    with pytest.raises(kind):
        call(url)


def test_walk_glob_scandir_stat_mkdir_and_rename_reach_moxing(url, bucket_rig):
    assert [(where, sorted(files)) for where, _, files in os.walk(url("dir"))] == [
        (url("dir"), ["b.txt"]),
        (url("dir/deep"), ["c.txt"]),
    ]
    assert [where for where, _, _ in os.walk(os.fsencode(url("dir/deep")))] == [os.fsencode(url("dir/deep"))]
    assert glob.glob(url("*.txt"), recursive=False) == [url("a.txt")]
    assert glob.glob(os.fsencode(url("*.txt"))) == [os.fsencode(url("a.txt"))]
    with os.scandir(url()) as found:
        assert sorted((entry.name, entry.is_dir()) for entry in found) == [("a.txt", False), ("dir", True)]
    assert os.stat(url("a.txt")).st_size == 8
    assert os.path.isfile(url("a.txt")) and not os.path.isfile(url("dir")) and not os.path.isfile(url("gone"))
    os.mkdir(url("made"), 0o755)
    assert os.path.isdir(url("made"))
    os.rename(url("a.txt"), url("b.txt"))
    assert "a.txt" not in bucket_rig.tree() and bucket_rig.tree()["b.txt"] == TREE["a.txt"]
    with pytest.raises(OSError):
        os.mkdir(url("no/parent"))
