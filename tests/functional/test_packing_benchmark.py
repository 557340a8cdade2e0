"""The benchmark that packs beside MXNet's im2rec: what it measures, prints and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import packing

MEBIBYTES_HELD = 100
WORKER = f"""
import time
held = bytearray({MEBIBYTES_HELD} << 20)
while time.process_time() < 0.5:
    pass
"""


def test_memory_and_cpu_time_of_child_processes_count(tmp_path: Path) -> None:
    worker = f"import subprocess, sys; subprocess.check_call([sys.executable, '-c', {WORKER!r}])"
    # in a process of its own, as the benchmark is: a forked process's peak begins with that of the one it came from,
    # and the one that runs the tests is large
    program = (
        "import json, sys; from pathlib import Path; from benchmarks import packing;"
        "print(json.dumps(packing._run([sys.executable, '-c', sys.argv[1]], Path(sys.argv[2]))))"
    )
    printed = subprocess.check_output([sys.executable, "-c", program, worker, str(tmp_path / "log")], cwd=packing.ROOT)
    _, cpu_s, peak_mebibytes = json.loads(printed)
    assert cpu_s >= 0.5
    assert MEBIBYTES_HELD < peak_mebibytes < 2 * MEBIBYTES_HELD


def test_packing_with_obs_layout_counts_images_and_bytes(drawn_images: Path, tmp_path: Path) -> None:
    usage = packing.pack_with_obs_layout(drawn_images, tmp_path)
    assert usage.images == 45
    assert usage.record_bytes == sum(path.stat().st_size for path in tmp_path.glob("mxnet_format/*.rec")) > 0
    assert usage.images_per_s == usage.images / usage.wall_s


def test_a_program_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(packing.BenchmarkFailed) as failed:
        packing.pack_with_obs_layout(tmp_path / "gone", tmp_path)
    assert str(failed.value).startswith("`-m obs_layout pack ...` ended with wait status 256:\nobs_layout: ")


def test_the_table_shows_medians_and_ours_divided_by_the_peers() -> None:
    ours = {"wall_s": 5.0, "cpu_s": 8.0, "peak_mebibytes": 50, "images_per_s": 20, "images": 100, "record_bytes": 4000}
    peer = {**ours, "wall_s": 10.0, "images_per_s": 10}
    result = {
        "medians": {"obs_layout": ours, "im2rec": peer},
        "ratios": {key: ours[key] / peer[key] for key in ours},
        "runs": {"im2rec": [{}, {}, {}]},
        "data": "pictures",
        "machine": {"cores": 2},
    }
    lines = packing.as_table(result).splitlines()
    assert lines[1].split() == ["wall", "time,", "s", "5.0", "10.0", "0.50"]
    assert lines[-2:] == [
        "Median of 3 by each, in turn; ratio: obs_layout / im2rec. Images: pictures.",
        "Machine: cores 2",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-folder"], "'no-such-folder' is not a folder, and im2rec reads nothing else"),
        (["--runs=0"], "'0' is not a whole number of at least 1"),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_sentence(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.packing", *arguments],
        cwd=packing.ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 2
    assert message in done.stderr
