"""Packing that is interrupted, killed or robbed of a worker leaves nothing that looks finished, and no
process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from tests.picture_folders import write_classes

DEADLINE_S = 30.0

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="child processes are read from /proc")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that take two workers several seconds at a large --resize."""
    return write_classes(tmp_path_factory.mktemp("images") / "in", {"a": 150, "b": 150})


def pack_command(images: Path, out: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "obs_layout", "pack", str(images), str(out), *flags]


@pytest.fixture
def packing(images: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A running pack into tmp_path/out that has written some images already."""
    command = pack_command(images, tmp_path / "out", "--resize=1024", "--workers=2")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: any(path.stat().st_size for path in tmp_path.glob("out/.pack-*/images.spool")))
        assert process.poll() is None
        yield process
        process.kill()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def worker_ids(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    is_worker = "multiprocessing.spawn"
    return [int(child) for child in children if is_worker in Path(f"/proc/{child}/cmdline").read_text()]


def is_gone(process_id: int) -> bool:
    status = Path(f"/proc/{process_id}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_ctrl_c_ends_it_with_130_and_leaves_nothing(packing: subprocess.Popen[str], tmp_path: Path) -> None:
    workers = worker_ids(packing)
    packing.send_signal(signal.SIGINT)
    _, errors = packing.communicate(timeout=DEADLINE_S)
    assert packing.returncode == 130
    assert errors.splitlines()[-1] == "obs_layout: interrupted; nothing unfinished stands under a final name."
    assert "Traceback" not in errors
    assert len(workers) == 2 and all(is_gone(worker) for worker in workers)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_pack_leaves_no_final_name_and_no_worker(packing: subprocess.Popen[str], tmp_path: Path) -> None:
    workers = worker_ids(packing)
    packing.kill()
    packing.wait(timeout=DEADLINE_S)
    assert len(workers) == 2
    wait_until(lambda: all(is_gone(worker) for worker in workers))
    assert all(path.name.startswith(".pack-") for path in (tmp_path / "out").iterdir())


def test_what_a_killed_pack_left_does_not_stop_the_next_one_and_is_pointed_out(
    packing: subprocess.Popen[str], images: Path, tmp_path: Path
) -> None:
    packing.kill()
    packing.wait(timeout=DEADLINE_S)
    (left_over,) = (tmp_path / "out").iterdir()
    command = pack_command(images, tmp_path / "out", "--resize=32", "--workers=1")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"WARNING: {left_over}: left over from an interrupted pack, unless one is running; delete it." in done.stderr


def test_a_worker_that_dies_is_an_error_and_leaves_nothing(packing: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(worker_ids(packing)[0], signal.SIGKILL)
    _, errors = packing.communicate(timeout=DEADLINE_S)
    assert packing.returncode == 1
    assert errors.splitlines()[-1] == (
        "obs_layout: a worker process ended unexpectedly, most likely for want of memory. Try fewer --workers."
    )
    assert list(tmp_path.iterdir()) == []
