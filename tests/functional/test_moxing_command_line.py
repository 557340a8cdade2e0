"""The commands of `python -m moxing_shim`, as users and programs run them.

Kept to Python 3.6: it runs on the parity engine too.
"""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

from moxing_shim import command_progress, file
from tests.storage_rigs import put_tree

CODES = os.path.dirname(os.path.dirname(os.path.abspath(file.__file__)))
TREE = {"a.txt": b"one\n", "dir/b.bin": bytes(2048), "dir/deep/c": b"ccc"}


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "moxing_shim"] + list(arguments),
        env=dict(os.environ, PYTHONPATH=CODES, COLUMNS="100", PYTHONWARNINGS="ignore"),
        stdout=subprocess.PIPE,
        stderr=options.get("stderr", subprocess.PIPE),
        universal_newlines=True,
    )


def command(*arguments):
    """Run a command; returns (exit code, output, errors)."""
    child = start(*arguments)
    output, errors = child.communicate()
    return child.returncode, output, errors


@pytest.fixture
def tree(rig):
    put_tree(rig, TREE)
    return rig


def test_ls_names_what_is_inside(tree):
    assert command("ls", tree.url()) == (0, "a.txt\ndir/\n", "")
    assert command("ls", tree.url("dir/"), "-r") == (0, "b.bin\ndeep/c\n", "")
    assert command("ls", tree.url("a.txt")) == (0, "a.txt\n", "")


def test_ls_tells_sizes_and_dates(tree):
    date = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    exit_code, said, _ = command("ls", "-l", tree.url("dir"))
    assert exit_code == 0
    assert re.match(date + " {13}2048  b.bin\n {39}deep/\n$", said), said
    exit_code, said, _ = command("ls", "-lh", tree.url("dir"))
    assert re.match(date + " {5}2.0 KiB  b.bin\n", said), said


def test_ls_and_stat_tell_programs_in_json(tree):
    exit_code, said, errors = command("ls", "--json", tree.url())
    file_line, folder_line = map(json.loads, said.splitlines())
    assert (exit_code, errors) == (0, "")
    modified = file_line.pop("modified")
    assert file_line == {"url": tree.url("a.txt"), "type": "file", "size_bytes": 4}
    assert folder_line == {"url": tree.url("dir"), "type": "directory", "size_bytes": None, "modified": None}
    about = json.loads(command("stat", "--json", tree.url("a.txt"))[1])
    assert about.pop("etag") == (None if tree.scheme == "local" else "5bbf5a52328e7439ae6e719dfe712200")
    assert about == dict(file_line, modified=modified)


def test_stat_tells_people(tree):
    exit_code, said, errors = command("stat", tree.url("dir/b.bin"))
    lines = said.splitlines()
    assert (exit_code, errors) == (0, "")
    assert lines[:3] == [tree.url("dir/b.bin"), "  type      file", "  size      2048 bytes (2.0 KiB)"]
    assert lines[3].startswith("  modified  20") and len(lines) == (4 if tree.scheme == "local" else 5)
    assert command("stat", tree.url("dir"))[1] == "{}\n  type      directory\n".format(tree.url("dir"))


def test_cat_writes_the_bytes_of_all_files(tree):
    assert command("cat", tree.url("a.txt"), tree.url("dir/deep/c")) == (0, "one\nccc", "")


def test_cp_copies_a_file_and_with_r_what_is_in_a_directory(rigs):
    source, target = rigs
    put_tree(source, TREE)
    target.put_folder("")
    assert command("cp", source.url("a.txt"), target.url("file/named")) == (
        0,
        "copied: 1 file, 4 B, from {} to {}\n".format(source.url("a.txt"), target.url("file/named")),
        "",
    )
    assert target.tree() == {"file/named": b"one\n"}
    assert command("cp", "-r", "--threads=0", source.url(), target.url("all")) == (
        0,
        "copied: 3 files, 2.0 KiB, from {} to {}\n".format(source.url(), target.url("all")),
        "",
    )
    assert target.tree("all") == TREE


def test_cp_and_sync_tell_programs_in_json_and_nobody_when_quiet(tree, tmp_path):
    out = str(tmp_path / "out")
    exit_code, said, errors = command("cp", "-r", "--json", tree.url(), out)
    summary = json.loads(said)
    assert (exit_code, errors) == (0, "") and summary.pop("seconds") >= 0
    assert summary == {"source": tree.url(), "target": out, "files": 3, "bytes": 2055}
    assert command("sync", "--quiet", tree.url(), out) == (0, "", "")


def test_sync_copies_what_changed_and_deletes_nothing(tree, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "own").write_bytes(b"kept")
    out = str(tmp_path / "out")
    assert command("sync", tree.url(), out)[0] == 0
    old = os.stat(os.path.join(out, "dir", "b.bin")).st_ino
    tree.put("a.txt", b"changed\n")
    assert command("sync", tree.url(), out) == (
        0,
        f"in step: 3 files, 2.0 KiB, from {tree.url()} to {out}\n",
        "",
    )
    assert os.stat(os.path.join(out, "dir", "b.bin")).st_ino == old
    with open(os.path.join(out, "a.txt")) as stream:
        assert stream.read() == "changed\n"
    assert sorted(os.listdir(out)) == ["a.txt", "dir", "own"]


def test_rm_deletes_a_file_and_a_directory_only_when_that_is_meant(tree):
    assert command("rm", tree.url("a.txt")) == (0, "deleted: {}\n".format(tree.url("a.txt")), "")
    assert command("rm", tree.url("dir")) == (
        1,
        "",
        "moxing_shim rm: {} is a directory; -r deletes it and all below it\n".format(tree.url("dir")),
    )
    assert sorted(tree.tree()) == ["dir/b.bin", "dir/deep/c"]
    assert command("rm", "-r", "--quiet", tree.url("dir/")) == (0, "", "")
    assert [name for name in tree.tree() if name] == []


def test_rm_refuses_a_whole_bucket(bucket_rig):
    bucket_rig.put("a", b"a")
    for url in ("s3://" + bucket_rig.bucket, "obs://" + bucket_rig.bucket + "/"):
        assert command("rm", "-r", url) == (
            1,
            "",
            f"moxing_shim rm: {url} is a whole bucket, which is not deleted here; name a folder in it\n",
        )
    assert bucket_rig.tree() == {"a": b"a"}


@pytest.mark.parametrize("name", ["ls", "stat", "cat", "rm", "cp"])
def test_what_is_not_there_is_told_in_one_sentence(name, rig, tmp_path):
    url = rig.url("gone")
    exit_code, said, errors = command(name, url, *[str(tmp_path)] * (name == "cp"))
    shown = repr(url) if name == "cat" and rig.scheme == "local" else url
    assert (exit_code, said, errors.count("\n")) == (1, "", 1)
    if name == "cat" and rig.scheme != "local":
        assert errors.startswith(f"moxing_shim cat: cannot read {url}: ")
    else:
        assert errors == f"moxing_shim {name}: no such file or directory: {shown}\n"


def test_a_copy_that_fails_for_some_files_names_each_once(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / name).write_text(name)
    (tmp_path / "out" / "b").mkdir(parents=True)
    exit_code, said, errors = command("cp", "-r", str(tmp_path / "in"), str(tmp_path / "out"))
    assert (exit_code, said) == (1, "")
    assert errors == (
        "moxing_shim cp: cannot write the file {!r}: a directory has that name; name the file in it\n".format(
            str(tmp_path / "out" / "b")
        )
    )
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["a", "b", "c"]


def test_an_endpoint_that_is_not_there_is_told_in_one_sentence(bucket_rig):
    exit_code, said, errors = command("ls", "--endpoint-url", "http://127.0.0.1:9", bucket_rig.url())
    assert (exit_code, said, errors.count("\n")) == (1, "", 1)
    assert "the endpoint cannot be reached at http://127.0.0.1:9" in errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lss"], "there is no command 'lss'; did you mean ls?"),
        (["download"], "there is no command 'download'; did you mean cp?"),
        (["qqqq"], "there is no command 'qqqq'; there are run, ls, stat, cp, sync, rm, cat"),
        ([], "which command? There are run, ls, stat, cp, sync, rm, cat; --help explains them"),
        (["ls", "s3://"], "argument url: 's3://' names no bucket; write s3://bucket/key"),
        (["ls", "gs://x/y"], "argument url: 'gs://x/y': only s3:// and obs:// URLs and local paths are understood"),
        (["cp", "a", "b", "-j", "-1"], "argument -j/--threads: '-1': use a number from 0 to 128"),
        (["cp", "a", "b", "-j", "1000"], "argument -j/--threads: '1000': use a number from 0 to 128"),
    ],
)
def test_a_wrong_command_line_is_2_and_says_what_would_be_right(arguments, sentence):
    exit_code, said, errors = command(*arguments)
    assert (exit_code, said) == (2, "")
    assert errors.splitlines()[-1].partition("error: ")[2] == sentence


@pytest.mark.parametrize("name", ["ls", "stat", "cp", "sync", "rm", "cat"])
def test_each_command_explains_itself_with_examples_and_exit_codes(name):
    exit_code, said, errors = command(name, "--help")
    assert (exit_code, errors) == (0, "")
    assert f"examples:\n  python -m moxing_shim {name} " in said and "  130  interrupted (Ctrl-C)" in said
    if name != "ls":
        assert command(name, "-h") == (0, said, "")


def test_a_directory_needs_r_to_be_copied(tree, tmp_path):
    assert command("cp", tree.url("dir"), str(tmp_path / "out")) == (
        1,
        "",
        "moxing_shim cp: {} is a directory; -r copies what is in it\n".format(tree.url("dir")),
    )
    assert not (tmp_path / "out").exists()


def test_a_reader_that_has_enough_ends_the_command_without_a_word(tmp_path):
    for number in range(5000):
        (tmp_path / f"a_name_that_fills_the_pipe_sooner_{number}").touch()
    child = start("ls", "--json", str(tmp_path))
    child.stdout.readline()
    child.stdout.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert (child.wait(), errors) == (141, "")


def test_an_interrupted_command_says_so_and_ends_with_130(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    child = start("cat", str(tmp_path / "pipe"))
    writer = os.open(str(tmp_path / "pipe"), os.O_WRONLY)  # returns when the command reads
    child.send_signal(signal.SIGINT)
    errors = child.communicate()[1]
    os.close(writer)
    assert (child.returncode, errors) == (
        130,
        "moxing_shim cat: interrupted; files that were complete by then are kept\n",
    )


def test_a_terminal_is_left_without_a_line_of_progress(tree, tmp_path):
    ours, theirs = pty.openpty()
    child = start("cp", "-r", tree.url(), str(tmp_path / "out"), stderr=theirs)
    said = child.communicate()[0]
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    assert child.returncode == 0 and said.startswith("copied: 3 files") and shown.endswith(b"\r\x1b[K")


class Screen(io.StringIO):
    """What is written to standard error."""

    def __init__(self, is_terminal):
        super().__init__()
        self.isatty = lambda: is_terminal


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def steps(progress, clock):
    for files, total in ((1, None), (2, None), (30, 60), (60, 60)):
        clock.now_s += 15 if files != 2 else 0.05
        progress(files, total, files * 1024 * 1024)


def test_progress_changes_one_line_on_a_terminal():
    clock, screen = Clock(), Screen(True)
    with command_progress.Progress(stream=screen, clock=clock) as progress:
        steps(progress, clock)
    assert screen.getvalue().split("\r\x1b[K") == [
        "",
        "1/? files, 1.0 MiB, 68.3 KiB/s",
        "30/60 files, 30.0 MiB, 1022.3 KiB/s, 31 s left",
        "60/60 files, 60.0 MiB, 1.3 MiB/s",
        "",
    ]
    assert (progress.files, progress.bytes) == (60, 60 * 1024 * 1024)


def test_progress_writes_a_line_now_and_then_to_a_file_and_none_when_quiet():
    clock, screen = Clock(), Screen(False)
    with command_progress.Progress(stream=screen, clock=clock) as progress:
        steps(progress, clock)
    assert len(screen.getvalue().splitlines()) == 3 and "\x1b" not in screen.getvalue()
    quiet = Screen(True)
    with command_progress.Progress(is_quiet=True, stream=quiet, clock=clock) as progress:
        steps(progress, clock)
    assert quiet.getvalue() == ""


@pytest.mark.parametrize(
    ("left", "text"), [(59, "1 min 0 s left"), (3599, "1 h 0 min left"), (10, "11 s left"), (7384, "2 h 3 min left")]
)
def test_the_time_that_is_left_is_told_in_words(left, text):
    assert command_progress.progress_line(1, left + 1, 0, 1.0).endswith(text)
