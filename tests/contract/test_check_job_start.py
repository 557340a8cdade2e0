"""A boot file is started as the platform starts it, up to its command line, and can do nothing on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelarts_local.check.job.source import read_job
from modelarts_local.check.job.start import Outcome, find_refused_start, read_outcome, start
from modelarts_local.check.job.submission import Submission

PLAIN = Submission()
PARSE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('--data_url')
parser.parse_known_args()
"""


def start_job(folder: Path, boot: str, settings: Submission = PLAIN, limit_s: int = 20) -> Outcome:
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(boot)
    return start(read_job(str(folder), str(folder), "train.py"), settings, limit_s)


def seen_by_job(folder: Path, expression: str, settings: Submission = PLAIN) -> str:
    """Return what an expression is in a started job, which tells it as an error of its command line."""
    boot = f"import argparse, os, sys\nargparse.ArgumentParser().error(str({expression}))"
    outcome = start_job(folder, boot, settings)
    assert outcome.name == "refused", outcome
    return outcome.message


def test_a_job_that_comes_to_its_command_line_is_stopped_there(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    assert start_job(tmp_path / "codes", f"{PARSE}\nopen({str(marker)!r}, 'w')").name == "parsed"
    assert not marker.exists()


def test_the_command_line_is_the_platforms(tmp_path: Path) -> None:
    settings = Submission(parameters=[("epochs", "3"), ("lr", "a b")])
    assert seen_by_job(tmp_path / "codes", "sys.argv", settings) == str(
        [
            "code_folder_of_another_name/train.py",
            "--data_url=s3://bucket/data/",
            "--train_url=s3://bucket/output/V0001/",
            "--num_gpus=1",
            "--epochs=3",
            "--lr=a b",
            "--init_method=tcp://job-0:6666",
        ]
    )


def test_the_job_stands_in_the_parent_of_a_code_folder_of_another_name(tmp_path: Path) -> None:
    folder = "os.path.dirname(os.path.abspath(__file__))"
    seen = seen_by_job(tmp_path / "codes", f"({folder} == sys.path[0], os.path.dirname({folder}) == os.getcwd())")
    assert seen == "(True, True)"
    assert "codes" not in seen_by_job(tmp_path / "codes", "os.listdir('.')")
    assert seen_by_job(tmp_path / "codes", "os.environ['PYTHONPATH'] == os.getcwd()") == "True"


def test_the_job_gets_no_key_and_nothing_else_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the user")
    monkeypatch.setenv("MY_TOKEN", "of the user")
    assert "of the user" not in seen_by_job(tmp_path / "codes", "dict(os.environ)")
    assert seen_by_job(tmp_path / "codes", "os.path.expanduser('~') == os.getcwd()") == "True"


@pytest.mark.parametrize(
    "act",
    [
        "open('/tmp/left-by-a-job', 'w')",
        "os.mkdir('/tmp/left-by-a-job')",
        "os.system('true')",
        "subprocess.run(['true'])",
        "os.fork()",
        "socket.create_connection(('127.0.0.1', 9))",
        "os.kill(os.getppid(), 15)",
        "ctypes.CDLL('./code_folder_of_another_name/native.so')",
    ],
)
def test_what_a_job_does_before_its_command_line_is_refused(act: str, tmp_path: Path) -> None:
    boot = f"import ctypes, os, socket, subprocess\ntry:\n    {act}\nexcept Exception:\n    pass\n{PARSE}"
    assert start_job(tmp_path / "codes", boot).name == "busy"
    assert not os.path.exists("/tmp/left-by-a-job")


def test_a_job_that_uses_the_engine_first_trains_nothing(tmp_path: Path) -> None:
    boot = """
import mxnet as mx
import moxing.mxnet as mox
from mxnet.gluon import nn
import horovod.mxnet as hvd


@mx.init.register
class Small(mx.init.Initializer):
    def _init_weight(self, name, array):
        array[:] = 0


class Block(nn.HybridBlock):
    pass


mx.random.seed(1)
with mx.autograd.record():
    loss = Block()
for batch in mx.io.NDArrayIter(None):
    raise SystemExit(1)
assert mx.__version__ == '1.2.1' and Small.__name__ == 'Small'
"""
    assert start_job(tmp_path / "codes", boot + PARSE) == Outcome("parsed")


def test_a_job_that_never_comes_to_its_command_line_is_ended(tmp_path: Path) -> None:
    assert start_job(tmp_path / "codes", "while True:\n    pass", limit_s=1) == Outcome("silent")
    assert start_job(tmp_path / "codes", "import time\ntime.sleep(3600)", limit_s=1) == Outcome("silent")


def test_a_job_that_takes_all_memory_is_ended(tmp_path: Path) -> None:
    outcome = start_job(tmp_path / "codes", "x = bytearray(8 * 1024 ** 3)")
    assert (outcome.name, outcome.kind) == ("failed", "MemoryError")


def test_a_job_without_argparse_is_left_to_reading(tmp_path: Path) -> None:
    assert start_job(tmp_path / "codes", "import sys\nprint(sys.argv)").name == "ended"


def test_a_parser_without_data_url_is_let_pass(tmp_path: Path) -> None:
    first = "import argparse\nrest = argparse.ArgumentParser().parse_known_args()[1]\nassert len(rest) == 4\n"
    assert start_job(tmp_path / "codes", first + PARSE).name == "parsed"


def test_large_files_and_links_of_the_code_folder_are_not_copied(tmp_path: Path) -> None:
    folder = tmp_path / "codes"
    folder.mkdir()
    with open(folder / "weights.params", "wb") as stream:
        stream.truncate(200 * 1024 * 1024)
    (folder / "root").symlink_to("/")
    (folder / "small.txt").write_text("1")
    assert seen_by_job(folder, "sorted(os.listdir(sys.path[0]))") == "['small.txt', 'train.py']"


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b"1", b"{}", b'{"outcome": "failed", "line": "x"}', b"[" * 100000, b"\xff"]
)
def test_what_a_job_says_in_the_place_of_its_watcher_is_no_outcome(said: bytes) -> None:
    assert read_outcome(said) == Outcome("silent")


def test_a_job_that_speaks_for_its_watcher_is_told_of_nothing(tmp_path: Path) -> None:
    lie = b'{"outcome": "failed", "is_own": true, "kind": "NameError", "file": "../gone.py", "line": 1}'
    write = "for number in range(3, 64):\n    try: os.write(number, LIE)\n    except OSError: pass\n"
    folder = tmp_path / "codes"
    assert start_job(folder, f"import os\nLIE = {lie!r}\n{write}os._exit(0)").is_own
    job = read_job(str(folder), str(folder), "train.py")
    assert find_refused_start(job, PLAIN, []) == []


def test_names_that_come_by_star_are_not_missed(tmp_path: Path) -> None:
    outcome = start_job(tmp_path / "codes", "from mxnet.gluon.nn import *\nDense(1)" + PARSE)
    assert (outcome.name, outcome.kind, outcome.is_own) == ("failed", "NameError", True)
    job = read_job(str(tmp_path / "codes"), "codes", "train.py")
    assert find_refused_start(job, PLAIN, []) == []
