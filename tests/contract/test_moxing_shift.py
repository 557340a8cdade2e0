"""shift('os', 'mox'): Python's own functions take URLs, and stay what they were for everything else.

Kept to Python 3.6: it runs on the parity engine too.
"""

import glob
import inspect
import os
import pathlib
import pickle
import shutil
import threading

import pytest

from moxing_shim import file, shifting

NAMES = [f"{module.__name__}.{name}" for module, name, _ in shifting.SHIFTED]


@pytest.fixture
def shifted():
    file.shift("os", "mox")
    yield
    file.unshift()


def functions():
    return [getattr(module, name) for module, name, _ in shifting.SHIFTED]


def test_the_sixteen_functions_of_the_documentation_are_shifted():
    assert sorted(NAMES) == sorted(
        ["builtins.open", "glob.glob", "shutil.copyfile", "shutil.copytree", "shutil.rmtree"]
        + ["os." + name for name in ["listdir", "makedirs", "mkdir", "remove", "rename", "scandir", "stat", "walk"]]
        + [os.path.__name__ + "." + name for name in ("exists", "getsize", "isdir")]
    )


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_a_shifted_function_has_the_signature_the_name_and_the_words_of_the_standard_one(number):
    standard = functions()[number]
    try:
        signature = inspect.signature(standard)
    except ValueError:  # os.scandir before Python 3.7
        signature = inspect.signature(os.listdir)
    file.shift("os", "mox")
    try:
        shifted = functions()[number]
        assert shifted is not standard and shifted.__wrapped__ is standard
        assert inspect.signature(shifted) == signature
        assert (shifted.__name__, shifted.__doc__) == (standard.__name__, standard.__doc__)
        assert pickle.loads(pickle.dumps(shifted)) is shifted
        assert repr(shifted) == f"<{NAMES[number]}, which also takes s3:// and obs:// URLs>"
    finally:
        file.unshift()


def test_unshift_restores_exactly_what_was_there_however_often_either_is_called():
    abilities = [set(getattr(os, name)) for name in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks")]
    before = functions()
    for _ in range(2):
        file.shift("os", "mox")
    once = functions()
    file.shift("os", "mox")
    assert functions() == once and not set(map(id, once)) & set(map(id, before))
    assert os.stat in os.supports_dir_fd and os.listdir in os.supports_fd and os.scandir not in os.supports_dir_fd
    file.shift("mox", "os")
    file.unshift()
    assert all(now is then for now, then in zip(functions(), before))
    assert abilities == [
        set(getattr(os, name)) for name in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks")
    ]


def test_many_threads_that_shift_at_once_shift_once():
    before = functions()
    gate = threading.Barrier(8)
    found = []

    def race():
        gate.wait()
        file.shift("os", "mox")
        found.append(functions())

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert all(one is two for other in found for one, two in zip(other, found[0]))
        assert all(shifted.__wrapped__ is standard for shifted, standard in zip(found[0], before))
    finally:
        file.unshift()


def test_a_function_that_somebody_else_replaced_meanwhile_is_left_to_them(caplog):
    standard = os.path.getsize
    file.shift("os", "mox")

    def theirs(filename):
        return 7

    os.path.getsize = theirs
    try:
        file.unshift()
        assert os.path.getsize is theirs
        assert caplog.messages == [
            f"unshift: {os.path.__name__}.getsize was replaced by somebody else after shift; it stays as it is"
        ]
    finally:
        os.path.getsize = standard


@pytest.mark.parametrize("pair", [("mox", "mox"), ("os", "os"), ("io", "mox")])
def test_only_the_documented_pair_is_taken(pair):
    with pytest.raises(ValueError) as caught:
        file.shift(*pair)
    assert str(caught.value) == (
        "shift({!r}, {!r}): only shift('os', 'mox') and, to undo it, shift('mox', 'os') are known".format(*pair)
    )


def test_local_calls_work_with_all_that_the_standard_functions_take(shifted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("x/y", 0o755, exist_ok=True)
    os.makedirs(name=tmp_path / "x" / "y", exist_ok=True)
    with open(file="x/f", mode="w", buffering=1, encoding="latin-1", errors="strict", newline="") as stream:
        stream.write("\xe9\r\n")
        assert os.stat(stream.fileno()).st_size == os.stat("x/f").st_size == os.path.getsize(b"x/f")
    with open("x/f", "rb", 0) as stream:
        assert stream.read() == b"\xe9\r\n"
    with open(os.open("x/f", os.O_RDONLY), closefd=True, encoding="latin-1") as stream:
        assert stream.read() == "\xe9\n"
    open("x/opened", "w", opener=lambda path, flags: os.open(path, flags, 0o600)).close()
    assert os.listdir() == os.listdir(None) == ["x"] and os.listdir(b"x/y") == []
    with os.scandir() as found:
        assert [type(entry).__module__ for entry in found] == ["posix"]
    assert [name for name, _, _ in os.walk("x", topdown=False, onerror=None, followlinks=True)] == ["x/y", "x"]
    folder = os.open("x", os.O_RDONLY)
    try:
        os.mkdir("made", 0o700, dir_fd=folder)
        assert os.stat("made", dir_fd=folder, follow_symlinks=False).st_mode & 0o777 == 0o700
        os.rename("opened", "renamed", src_dir_fd=folder, dst_dir_fd=folder)
        os.remove("renamed", dir_fd=folder)
        assert sorted(os.listdir(folder)) == ["f", "made", "y"]
    finally:
        os.close(folder)
    os.symlink("f", "x/link")
    assert shutil.copyfile("x/link", "copied", follow_symlinks=False) == "copied" and os.path.islink("copied")
    assert shutil.copytree("x", "z", symlinks=True, ignore=shutil.ignore_patterns("f")) == "z"
    assert sorted(glob.glob("z/**", recursive=True)) == ["z/", "z/link", "z/made", "z/y"]
    shutil.rmtree("z", ignore_errors=True, onerror=None)
    shutil.rmtree("z", True)
    assert not os.path.exists("z") and os.path.isdir(pathlib.Path("x")) and os.path.exists(folder) is False


@pytest.mark.parametrize(
    "call",
    [
        lambda: open("gone"),  # noqa: SIM115
        lambda: open(),  # noqa: SIM115
        lambda: os.listdir("gone", 1),
        lambda: os.makedirs("."),
        lambda: os.stat("gone", no_such_option=1),
        lambda: os.rename("gone", "there"),
        lambda: shutil.rmtree("gone"),
        lambda: os.path.getsize("gone"),
        lambda: open("x", "no mode"),  # noqa: SIM115
    ],
)
def test_local_mistakes_raise_what_they_always_raised(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    for turn in ("standard", "shifted"):
        if turn == "shifted":
            file.shift("os", "mox")
        try:
            with pytest.raises((OSError, TypeError, ValueError)) as caught:
                call()
            said.append((caught.type, str(caught.value)))
        finally:
            file.unshift()
    assert said[0] == said[1]


def test_a_class_may_keep_a_shifted_function_as_pathlib_did(shifted, tmp_path):
    class Accessor:
        stat, listdir, open = os.stat, os.listdir, open

    assert Accessor().listdir(str(tmp_path)) == []
    assert Accessor().stat(str(tmp_path)).st_mode == os.stat(str(tmp_path)).st_mode
