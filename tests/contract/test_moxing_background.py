"""background_sync_copy: rounds that fail harm nobody, the last copy is made, no thread is left over (case 31).

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import subprocess
import sys
import threading
import time

import pytest

from moxing_shim import background, file

CODES = os.path.dirname(os.path.dirname(os.path.abspath(file.__file__)))
PATIENCE_S = 60


def wait_until(is_so):
    """Wait for what another thread does; fails when it never comes."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def names_of_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("moxing")]


def write(path, text):
    with open(str(path), "w") as stream:
        stream.write(text)


def test_a_round_that_fails_is_told_and_the_next_one_succeeds(bucket_rig, tmp_path, caplog):
    folder = tmp_path / "out"
    copy = file.background_sync_copy(str(folder), bucket_rig.url("out"), seconds=0.05)
    try:
        wait_until(lambda: caplog.messages)
        assert caplog.messages[0] == (
            "background_sync_copy: this round from {0} to {1} failed, the next one is in 0.05 s: nothing to copy: no "
            "such file or directory: {0}".format(folder, bucket_rig.url("out"))
        )
        folder.mkdir()
        write(folder / "a", "one")
        wait_until(lambda: bucket_rig.tree() == {"out/a": b"one"})
        write(folder / "a", "two, longer")
        wait_until(lambda: bucket_rig.tree() == {"out/a": b"two, longer"})
        assert copy.rounds > 0
    finally:
        copy.stop()
    assert names_of_threads() == []


def test_stop_makes_the_last_copy_and_a_second_stop_does_nothing(bucket_rig, tmp_path):
    write(tmp_path / "a", "one")
    copy = file.background_sync_copy(str(tmp_path), bucket_rig.url("out"), seconds=3600)
    assert bucket_rig.tree() == {}
    copy.stop()
    assert bucket_rig.tree() == {"out/a": b"one"} and names_of_threads() == []
    write(tmp_path / "a", "two")
    copy.stop()
    assert bucket_rig.tree() == {"out/a": b"one"}


def test_the_same_two_places_have_one_thread_with_the_newest_interval(tmp_path):
    places = str(tmp_path / "from"), str(tmp_path / "to")
    first = file.background_sync_copy(places[0], places[1], 3600)
    second = file.background_sync_copy(places[0], obs_dir=places[1], seconds=1800)
    assert len(names_of_threads()) == 1
    (tmp_path / "from").mkdir()
    first.stop()
    assert len(names_of_threads()) == 1
    second.stop()
    assert names_of_threads() == [] and background._running == {}


def test_a_last_copy_that_fails_is_an_error_in_the_log(tmp_path, caplog):
    gone = str(tmp_path / "gone")
    file.background_sync_copy(gone, str(tmp_path / "to"), 3600).stop()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "ERROR",
            "background_sync_copy: the last copy of {0} to {1} failed, what is new since the round before is only in "
            "{0}: nothing to copy: no such file or directory: {0}".format(gone, tmp_path / "to"),
        )
    ]


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_interval_that_is_none_is_refused_at_once(seconds, tmp_path):
    with pytest.raises(ValueError) as caught:
        file.background_sync_copy(str(tmp_path), "s3://bucket/x", seconds)
    assert str(caught.value) == f"background_sync_copy(seconds={seconds}): use a number above 0"


def test_a_url_without_a_bucket_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="names no bucket"):
        file.background_sync_copy(str(tmp_path), "s3://", 1)


PROGRAM = """
import logging, os, sys
from moxing_shim import file
logging.basicConfig(level=logging.WARNING)
os.makedirs('out')
file.background_sync_copy('out', sys.argv[1], seconds={seconds})
with open('out/last', 'w') as stream:
    stream.write('written at the very end')
{ending}
"""


@pytest.mark.parametrize("seconds", [3600, 0.001])
@pytest.mark.parametrize(
    ("ending", "exit_code"),
    [("", 0), ("sys.exit(3)", 3), ("raise SystemError('x')", 1), ("os.fork() or sys.exit(0)", 0)],
)
def test_what_was_written_last_is_in_the_bucket_when_the_program_has_ended(
    seconds, ending, exit_code, bucket_rig, tmp_path
):
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(seconds=seconds, ending=ending), bucket_rig.url("out")],
        cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=CODES, PYTHONWARNINGS="ignore"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    output, errors = child.communicate()
    assert child.returncode == exit_code
    assert bucket_rig.tree() == {"out/last": b"written at the very end"}
    assert "WARNING" not in errors and "ERROR" not in errors and output == ""
