"""Which place a url names, and which object keys may become file names.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import pathlib

import pytest

from moxing_shim.errors import MoxUnsafeKeyException
from moxing_shim.urls import LocalPath, ObjectUrl, check_relative_name, is_inside, is_same, parse


@pytest.mark.parametrize(
    "url, place",
    [
        ("s3://b/k", ObjectUrl("s3", "b", "k")),
        ("obs://b/dir/k", ObjectUrl("obs", "b", "dir/k")),
        ("s3://b", ObjectUrl("s3", "b", "")),
        ("s3://b/", ObjectUrl("s3", "b", "")),
        ("s3://b/dir/", ObjectUrl("s3", "b", "dir/")),
        ("s3://b/a b?c#d%20", ObjectUrl("s3", "b", "a b?c#d%20")),
        ("s3://b//k", ObjectUrl("s3", "b", "/k")),
        ("obs:/b/k", ObjectUrl("obs", "b", "k")),
        (pathlib.PurePosixPath("obs://b/k"), ObjectUrl("obs", "b", "k")),
        (b"s3://b/k", ObjectUrl("s3", "b", "k")),
        ("/cache/data", LocalPath("/cache/data")),
        ("data/", LocalPath("data/")),
        ("s3/b", LocalPath("s3/b")),
        (pathlib.PurePosixPath("/cache"), LocalPath("/cache")),
    ],
)
def test_a_url_names_a_place(url, place):
    assert parse(url) == place


@pytest.mark.parametrize(
    "url, message",
    [
        ("s3://", "'s3://' names no bucket; write s3://bucket/key"),
        ("obs:///k", "'obs:///k' names no bucket; write obs://bucket/key"),
        ("http://host/k", "'http://host/k': only s3:// and obs:// URLs and local paths are understood"),
        ("file:///tmp", "'file:///tmp': only s3:// and obs:// URLs and local paths are understood"),
    ],
)
def test_a_url_that_names_no_place_is_refused(url, message):
    with pytest.raises(ValueError) as caught:
        parse(url)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "url, prefix, basename",
    [
        ("s3://b", "", ""),
        ("s3://b/d", "d/", "d"),
        ("s3://b/d/", "d/", "d"),
        ("s3://b/c/d", "c/d/", "d"),
    ],
)
def test_a_key_as_a_directory(url, prefix, basename):
    place = parse(url)
    assert (place.prefix, place.basename) == (prefix, basename)
    assert str(place.join("x/y")) == f"s3://b/{prefix}x/y"


def test_a_path_is_joined_with_the_separator_of_the_machine():
    assert parse("dir").join("x/y").path == os.path.join("dir", "x", "y")
    assert parse("dir/").basename == "dir"


@pytest.mark.parametrize(
    "inner, outer, expected",
    [
        ("s3://b/d", "s3://b/d/", True),
        ("obs://b/d/x", "s3://b/d", True),
        ("s3://b/x", "s3://b", True),
        ("s3://b/dx", "s3://b/d", False),
        ("s3://c/d", "s3://b/d", False),
        ("s3://b/d", "/d", False),
        ("/d/x", "/d", True),
        ("/d/", "/d", True),
        ("/dx", "/d", False),
        ("/x", "/", True),
    ],
)
def test_which_place_lies_in_which(inner, outer, expected):
    assert is_inside(parse(inner), parse(outer)) is expected


@pytest.mark.parametrize(
    "one, other, expected",
    [
        ("s3://b/d", "obs://b/d", True),
        ("s3://b/d", "s3://b/d/", False),
        ("s3://b/d", "/d", False),
        ("/d/x", "/d/../d/x", True),
        ("/d/x", "/d", False),
    ],
)
def test_which_places_are_the_same(one, other, expected):
    assert is_same(parse(one), parse(other)) is expected


def test_a_link_to_a_folder_is_that_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert is_inside(parse(tmp_path / "link" / "x"), parse(tmp_path / "real"))


@pytest.mark.parametrize("name", ["a", "a/b.c", "..a", "a..", ".hidden", "ü", "a b", "ab:c"])
def test_ordinary_names_pass(name):
    check_relative_name(name)


@pytest.mark.parametrize(
    "name, reason",
    [
        ("../a", "it has a '.' or '..' part"),
        ("a/..", "it has a '.' or '..' part"),
        ("a/./b", "it has a '.' or '..' part"),
        ("/a", "it is absolute or has an empty part"),
        ("a//b", "it is absolute or has an empty part"),
        ("", "it is absolute or has an empty part"),
        ("a\0b", "it contains a NUL character"),
        ("a\\b", "it contains a backslash"),
        ("..\\a", "it contains a backslash"),
        ("c:a", "it starts with a drive letter"),
    ],
)
def test_names_that_could_leave_the_folder_are_refused_with_the_reason(name, reason):
    with pytest.raises(MoxUnsafeKeyException) as caught:
        check_relative_name(name)
    assert str(caught.value) == (
        f"the name {name!r} is refused: {reason}, so it could be written outside the target folder; rename the object"
    )
