"""Symbolic links in what is copied and where it is copied to: they do not leave the tree.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os

import pytest

from moxing_shim import file as mox_file
from moxing_shim.errors import MoxUnsafeKeyException
from tests.storage_rigs import put_tree

TO_EVERYWHERE = pytest.mark.parametrize("scheme", ["local", "s3"])


@pytest.fixture
def elsewhere(make_rig):
    """A folder outside of everything that is copied."""
    rig = make_rig("local")
    rig.put("secret", b"theirs")
    return rig


def failures_of(source, target, **options):
    """{name: message} of a copy that fails."""
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(source, target, **options)
    return {name: str(error) for name, error in caught.value.failures}


# what is read


@TO_EVERYWHERE
def test_links_inside_the_source_are_followed_and_loops_are_left_out(make_rig, scheme, caplog):
    source, target = make_rig("local"), make_rig(scheme)
    put_tree(source, {"sub/a": b"x", "b": b"y"})
    os.symlink("sub", source.url("folder link"))
    os.symlink(source.url("b"), source.url("sub/file link"))
    os.symlink(source.url(), source.url("sub/loop"))
    os.mkfifo(source.url("pipe"))
    mox_file.copy_parallel(source.url(), target.url())
    assert target.tree() == {
        "b": b"y",
        "sub/a": b"x",
        "sub/file link": b"y",
        "folder link/a": b"x",
        "folder link/file link": b"y",
    }
    assert sorted(record.getMessage() for record in caplog.records if record.name == "moxing") == [
        "{} is a link to a folder around it; left out".format(source.url("folder link/loop")),
        "{} is a socket, pipe or device; left out".format(source.url("pipe")),
        "{} is a link to a folder around it; left out".format(source.url("sub/loop")),
    ]


@TO_EVERYWHERE
def test_links_out_of_the_source_are_not_followed_and_fail_by_name(make_rig, elsewhere, scheme):
    source, target = make_rig("local"), make_rig(scheme)
    source.put("sub/a", b"x")
    os.symlink(elsewhere.url(), source.url("sub/folder"))
    os.symlink(elsewhere.url("secret"), source.url("sub/file"))
    os.symlink("/nowhere/at/all", source.url("sub/dangling"))
    os.symlink("..", source.url("above"))
    failures = failures_of(source.url(), target.url())
    assert sorted(failures) == ["above", "sub/dangling", "sub/file", "sub/folder"]
    assert failures["sub/file"] == (
        "'sub/file' leads to {!r}, out of {!r}; links are not followed out of the folder that is copied: "
        "copy that place by itself, or put its files here".format(elsewhere.url("secret"), source.url())
    )
    assert target.tree() == {"sub/a": b"x"}


def test_a_link_to_nothing_inside_the_source_fails_by_name(make_rig):
    source, target = make_rig("local"), make_rig("s3")
    source.put("a", b"x")
    os.symlink("gone", source.url("dangling"))
    failures = failures_of(source.url(), target.url())
    assert list(failures) == ["dangling"]
    assert target.tree() == {"a": b"x"}


@TO_EVERYWHERE
def test_a_name_in_a_file_list_leads_out_through_a_link_no_more_than_a_tree_does(make_rig, elsewhere, scheme):
    source, target = make_rig("local"), make_rig(scheme)
    source.put("a", b"x")
    os.symlink(elsewhere.url(), source.url("folder"))
    failures = failures_of(source.url(), target.url(), file_list=["a", "folder/secret"])
    assert list(failures) == ["folder/secret"]
    assert target.tree() == {"a": b"x"}


@TO_EVERYWHERE
def test_the_source_itself_may_be_a_link(make_rig, elsewhere, tmp_path, scheme):
    target = make_rig(scheme)
    os.symlink(elsewhere.url(), str(tmp_path / "link"))
    mox_file.copy_parallel(str(tmp_path / "link"), target.url())
    mox_file.copy_parallel(str(tmp_path / "link" / "secret"), target.url("copy"))
    assert target.tree() == {"secret": b"theirs", "copy": b"theirs"}


# what is written


@TO_EVERYWHERE
@pytest.mark.parametrize("threads", [0, 4])
def test_a_link_in_the_target_leads_nothing_out_of_it(make_rig, elsewhere, scheme, threads):
    source, target = make_rig(scheme), make_rig("local")
    put_tree(source, {"a": b"x", "folder/deep/b": b"mine", "folder/secret": b"mine", "file": b"mine"})
    source.put_folder("folder/empty")
    target.put_folder("")
    os.symlink(elsewhere.url(), target.url("folder"))
    os.symlink(elsewhere.url("secret"), target.url("file"))
    with pytest.raises(mox_file.MoxCopyException) as caught:
        mox_file.copy_parallel(source.url(), target.url(), threads=threads)
    failures = dict(caught.value.failures)
    assert sorted(failures) == ["file", "folder/deep/b", "folder/empty", "folder/secret"]
    assert all(isinstance(error, MoxUnsafeKeyException) for error in failures.values())
    assert str(failures["folder/deep/b"]) == (
        "{!r} is a link that leads out of the target folder {!r}, to {!r}; nothing is written through it: "
        "remove the link, or name that place as the target".format(target.url("folder"), target.url(), elsewhere.url())
    )
    assert elsewhere.tree() == {"secret": b"theirs"}
    with open(target.url("a"), "rb") as stream:
        assert stream.read() == b"x"


@TO_EVERYWHERE
def test_a_link_to_nothing_outside_creates_nothing_there(make_rig, elsewhere, scheme):
    source, target = make_rig(scheme), make_rig("local")
    put_tree(source, {"new/a": b"x"})
    target.put_folder("")
    os.symlink(elsewhere.url("not yet"), target.url("new"))
    assert list(failures_of(source.url(), target.url())) == ["new/a"]
    assert list(failures_of(source.url(), target.url(), file_list=["new/a"])) == ["new/a"]
    assert elsewhere.tree() == {"secret": b"theirs"}


@TO_EVERYWHERE
def test_links_inside_the_target_are_written_through(make_rig, scheme):
    source, target = make_rig(scheme), make_rig("local")
    put_tree(source, {"folder/a": b"new", "file": b"new"})
    put_tree(target, {"real/a": b"old", "real file": b"old"})
    os.symlink("real", target.url("folder"))
    os.symlink("real file", target.url("file"))
    mox_file.copy_parallel(source.url(), target.url())
    assert os.path.islink(target.url("file"))
    assert target.tree() == {"real/a": b"new", "real file": b"new", "file": b"new"}


@TO_EVERYWHERE
def test_the_target_itself_may_be_a_link(make_rig, elsewhere, tmp_path, scheme):
    source = make_rig(scheme)
    put_tree(source, {"sub/a": b"x"})
    os.symlink(elsewhere.url(), str(tmp_path / "link"))
    mox_file.copy_parallel(source.url(), str(tmp_path / "link"))
    mox_file.copy(source.url("sub/a"), str(tmp_path / "link" / "b"))
    assert elsewhere.tree() == {"secret": b"theirs", "sub/a": b"x", "b": b"x"}
