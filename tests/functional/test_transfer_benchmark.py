"""The benchmark of uploads and downloads: what it measures, checks, prints and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from benchmarks import client_usage, transfer_report
from benchmarks.failures import BenchmarkFailed
from benchmarks.peers import PEERS, ROOT, Tools
from benchmarks.transfer_data import fault_of_download, fault_of_sizes, make_data_set
from benchmarks.transfer_report import Run
from tests.peer_programs import stand_in

MEBIBYTES_HELD = 100
HOLD = f"""
import time
held = bytearray({MEBIBYTES_HELD} << 20)
while time.process_time() < 0.5:
    pass
"""
# stands where s3fs would be installed: tells a version, and does as it is told in place of a copy
STAND_IN = """#!/bin/sh
[ $# -gt 2 ] || { echo 's3fs 1.0'; exit 0; }
%s
"""


@pytest.fixture
def with_stand_in(s3_endpoint: str, storage_at: Callable[[str], None], tmp_path: Path) -> Callable[[str], list[str]]:
    """A function that makes a stand-in of a shell command, and returns the arguments that measure it."""
    storage_at(s3_endpoint)

    def make(copy: str) -> list[str]:
        stand_in(tmp_path / "tools", "s3fs", STAND_IN % copy)
        where = [f"--tools={tmp_path / 'tools'}", f"--endpoint={s3_endpoint}"]
        return ["--only=s3fs", "--data=small", "--scale=0.0002", *where]

    return make


def run_benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.transfer", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def left_buckets(s3_client: Any) -> list[str]:
    names = [each["Name"] for each in s3_client.list_buckets()["Buckets"]]
    return [name for name in names if name.startswith("transfer-")]


def measure(*command: str, timeout_s: float = 60, hold_mebibytes: int = 0) -> dict[str, float]:
    """What client_usage writes, started by a process that holds as much."""
    program = (
        "import subprocess, sys; held = bytearray(int(sys.argv[1]) << 20);"
        "sys.exit(subprocess.call([sys.executable, '-I', *sys.argv[2:]]))"
    )
    started = [sys.executable, "-c", program, str(hold_mebibytes), client_usage.__file__]
    return json.loads(subprocess.check_output([*started, "/dev/stdout", str(timeout_s), *command]))


def test_memory_and_cpu_time_are_the_clients_and_not_those_of_who_started_it() -> None:
    used = measure(sys.executable, "-c", HOLD, hold_mebibytes=5 * MEBIBYTES_HELD)
    assert used["status"] == 0
    assert used["cpu_s"] >= 0.5
    assert MEBIBYTES_HELD < used["peak_bytes"] / transfer_report.MEBIBYTE < 2 * MEBIBYTES_HELD


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system has no /proc; run on Linux")
def test_memory_of_all_the_clients_processes_is_added_up() -> None:
    two = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {HOLD!r}]); exec({HOLD!r}); p.wait()"
    used = measure(sys.executable, "-c", two)
    assert used["peak_bytes"] / transfer_report.MEBIBYTE > 2 * MEBIBYTES_HELD


def test_a_client_that_hangs_is_killed_with_its_children() -> None:
    # the child holds an end of the pipe that is read here to its end, for as long as it lives
    hanging = "import subprocess, sys; subprocess.call(['sleep', '1000'])"
    assert measure(sys.executable, "-c", hanging, timeout_s=0.5)["status"] == 9


def test_every_transfer_is_measured_checked_and_cleaned_up(
    s3_endpoint: str, s3_client: Any, storage_at: Callable[[str], None], tmp_path: Path
) -> None:
    storage_at(s3_endpoint)
    (tmp_path / "images" / "ant").mkdir(parents=True)
    (tmp_path / "images" / "ant" / "a picture.jpg").write_bytes(b"jpeg")
    with tarfile.open(tmp_path / "images.tar", "w") as archive:
        archive.add(tmp_path / "images", "images")
    done = run_benchmark(
        "--only=boto3-pool,ours",
        "--scale=0.0002",
        f"--images={tmp_path / 'images.tar'}",
        f"--endpoint={s3_endpoint}",
        f"--json={tmp_path / 'result.json'}",
        "--rounds=2",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    combinations = [
        (data, direction, peer, number)
        for number in (1, 2)
        for data in ("rec", "images", "small")
        for direction in ("upload", "download")
        for peer in (("ours", "boto3-pool") if number == 1 else ("boto3-pool", "ours"))
    ]
    assert [(run["data"], run["direction"], run["peer"], run["round"]) for run in result["runs"]] == combinations
    assert all(run["fault"] is None and run["wall_s"] > 0 and run["peak_bytes"] > 1e6 for run in result["runs"])
    assert {name: (facts["files"], facts["bytes"]) for name, facts in result["data"].items()} == {
        "rec": (2, 64_000),
        "images": (1, 4),
        "small": (4, 4096),
    }
    assert len(result["medians"]) == 12
    assert "rec, upload: 2 files, 0.1 MB (random bytes, made for this run)" in done.stdout
    assert "ours: boto3 " in done.stdout
    assert f"Server: the one that runs at {s3_endpoint}" in done.stdout
    assert "round 2 of 2: small download, ours: " in done.stderr
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr
    assert left_buckets(s3_client) == []


@pytest.mark.parametrize(
    ("copy", "fault"),
    [
        ("echo 'no such thing as a bucket'; exit 3", "ended with wait status 768: no such thing as a bucket"),
        ("exit 0", "4 of 4 files missing: 000/000000.bin, 000/000001.bin, 000/000002.bin, 000/000003.bin"),
    ],
)
def test_a_peer_that_fails_or_copies_nothing_is_found_before_the_first_round(
    copy: str, fault: str, with_stand_in: Callable[[str], list[str]]
) -> None:
    done = run_benchmark(*with_stand_in(copy))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"benchmarks.transfer: s3fs does not upload: {fault}"


def test_an_end_before_the_end_takes_client_and_bucket_along(
    with_stand_in: Callable[[str], list[str]], s3_client: Any, tmp_path: Path
) -> None:
    arguments = with_stand_in(
        f"echo $$ > {tmp_path / 'pid.part'}; mv {tmp_path}/pid.part {tmp_path}/pid; exec sleep 1000"
    )
    command = [sys.executable, "-m", "benchmarks.transfer", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while not (tmp_path / "pid").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.terminate()
        assert process.stderr.read().splitlines()[-1] == "benchmarks.transfer: interrupted; nothing was kept"
    assert process.returncode == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert left_buckets(s3_client) == []


def test_peers_that_cannot_be_installed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(BenchmarkFailed) as failed:
        Tools(tmp_path).install("s3fs")
    assert str(failed.value).startswith(
        f"cannot install s3fs into {tmp_path / 's3fs'}; leave out what needs them with --only. pip said:\nERROR: "
    )
    assert not (tmp_path / "s3fs" / "done").exists()


def test_peers_installed_of_other_packages_are_installed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    stand_in(tmp_path, "mms-1.1", "")
    Tools(tmp_path).install("mms-1.1")
    (tmp_path / "mms-1.1" / "done").write_text("multi-model-server==1.1.11\n")
    assert not Tools(tmp_path).has("mms-1.1")
    with pytest.raises(BenchmarkFailed, match="cannot install multi-model-server"):
        Tools(tmp_path).install("mms-1.1")


def test_files_that_are_missing_or_too_many_or_of_another_size_are_found() -> None:
    wanted = {"a": 1, "b/c": 2, "d": 3}
    assert fault_of_sizes(wanted, dict(wanted)) is None
    assert fault_of_sizes(wanted, {"a": 1, "b/c": 3, "e": 3}) == (
        "1 of 3 files missing: d; 1 of 3 files not asked for: e; 1 of 3 files of another size: b/c"
    )
    assert fault_of_sizes({str(name): 1 for name in range(9)}, {}) == "9 of 9 files missing: 0, 1, 2, 3, 4, ..."


def test_a_download_with_another_content_is_found(tmp_path: Path) -> None:
    data_set = make_data_set("small", None, tmp_path / "data", scale=0.0001)
    for name in data_set.sizes:
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).write_bytes((data_set.folder / name).read_bytes())
    assert fault_of_download(data_set, tmp_path / "copy") is None
    (tmp_path / "copy" / "000" / "000001.bin").write_bytes(bytes(1024))
    assert fault_of_download(data_set, tmp_path / "copy") == (
        "1 of 2 compared files have another content: 000/000001.bin"
    )


def test_every_peer_names_both_ends_in_the_order_of_the_direction(tmp_path: Path) -> None:
    for name, peer in PEERS.items():
        upload = peer.command(Tools(tmp_path), "upload", "/folder", "s3://bucket/prefix")
        download = peer.command(Tools(tmp_path), "download", "/folder", "s3://bucket/prefix")
        ends = [[part for part in command if "folder" in part or "s3://" in part] for command in (upload, download)]
        assert [len(each) for each in ends] == [2, 2], name
        assert upload != download, name


def a_run(peer: str, seconds: float, number: int = 1, data: str = "small", fault: str | None = None) -> Run:
    return Run(data, "upload", peer, number, seconds, seconds / 2, 50 << 20, fault)


def a_result(*runs: Run) -> dict[str, Any]:
    peers = dict.fromkeys(("ours", "s3fs", "s5cmd"), {"version": "version 1", "settings": "as it comes"})
    facts = {"files": 20000, "bytes": 20480000, "origin": "made"}
    return {"runs": runs, "peers": peers, "data": {"small": facts}, "server": "one", "machine": {"cores": 2}}


def test_the_table_shows_medians_and_the_spread_of_the_ratio_within_rounds() -> None:
    ours = [a_run("ours", seconds, number) for number, seconds in enumerate((4, 2, 3), 1)]
    s3fs = [a_run("s3fs", seconds, number) for number, seconds in enumerate((4, 6, 9), 1)]
    lines = transfer_report.as_text(a_result(*s3fs, *ours)).splitlines()
    assert lines[0] == "small, upload: 20,000 files, 20.5 MB (made)"
    assert lines[2].split() == ["ours", "3.00", "1.00", "1.00", "-", "1.00", "1.50", "50", "3"]
    assert lines[3].split() == ["s3fs", "6.00", "2.00", "1.00", "-", "3.00", "3.00", "50", "3"]
    assert lines[-1] == "Machine: cores 2"


def test_each_bar_is_printed_with_what_was_measured() -> None:
    runs = [a_run("ours", 4), a_run("s3fs", 6), a_run("s5cmd", 2)]
    text = transfer_report.as_text(a_result(*runs))
    assert "FAIL  small upload: at least 2x as fast as s3fs: 1.50\n" in text
    assert "pass  small upload: at most 2.5x the time of s5cmd: 2.00\n" in text
    assert "1 of 2 bars passed.\n" in text


@pytest.mark.parametrize(
    ("data", "peer", "peer_s", "passed"),
    [
        ("rec", "s3fs", 1.0, True),
        ("rec", "s3fs", 0.99, False),
        ("images", "awscli", 1.0, True),
        ("small", "awscli", 1.99, False),
        ("small", "s3fs", 2.0, True),
        ("rec", "s5cmd", 1 / 1.29, True),
        ("rec", "s5cmd", 1 / 1.31, False),
        ("images", "s5cmd", 0.4, True),
        ("small", "s5cmd", 0.39, False),
    ],
)
def test_a_bar_is_met_or_missed(data: str, peer: str, peer_s: float, passed: bool) -> None:
    runs = [a_run("ours", 1.0, data=data), a_run(peer, peer_s, data=data)]
    assert [bar.passed for bar in transfer_report.bars(transfer_report.summarize(runs))] == [passed]


def test_a_run_that_failed_does_not_count_and_is_named() -> None:
    runs = [a_run("ours", 4), a_run("s3fs", 0.1, fault="1 of 3 files missing: d"), a_run("s3fs", 8, number=2)]
    lines = transfer_report.as_text(a_result(*runs)).splitlines()
    assert lines[3].split() == ["s3fs", "8.00", "2.00", "4.00", "50", "1,", "1", "failed"]
    assert "failed: small upload, s3fs, round 1: 1 of 3 files missing: d" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only=ours,s4cmd"], "'s4cmd' is none of ours,boto3,boto3-pool,s3fs,awscli,s5cmd"),
        (["--data=pictures"], "'pictures' is none of rec,images,small"),
        (["--rec=no-such-folder"], "'no-such-folder' is not there"),
        (["--rounds=0"], "'0' is not a whole number of at least 1"),
        (["--scale=2"], "'2' is not a number from 0.0001 to 1"),
        (["--endpoint=localhost:9000"], "'localhost:9000' does not begin with http:// or https://"),
        (["--json=no-such-folder/a.json"], "the folder of 'no-such-folder/a.json' is not there"),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_sentence(arguments: list[str], message: str) -> None:
    done = run_benchmark(*arguments)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data=images"], "the data set images needs --images=FOLDER, the original images."),
        (["--rec={}"], "there is no file in {}; give the folder that holds the files."),
        (
            ["--endpoint=http://127.0.0.1:9", "--data=small", "--scale=0.001"],
            "--endpoint=http://127.0.0.1:9 needs its keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(
    arguments: list[str], message: str, no_storage: None, tmp_path: Path
) -> None:
    done = run_benchmark("--only=ours", "--endpoint=http://127.0.0.1:9", *(each.format(tmp_path) for each in arguments))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"benchmarks.transfer: {message.format(tmp_path)}"
    assert "Traceback" not in done.stderr
