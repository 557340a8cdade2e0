"""Jobs whose processes are killed, that do not end when told, and whose bucket goes away."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from modelarts_local.errors import CommandLineError, StorageFailed
from modelarts_local.job import nodes, opening, processes, records
from modelarts_local.job.control import Control, Stopped
from modelarts_local.job.job_log import JobLog
from modelarts_local.job.showing import stop_job
from tests.training_jobs import DEADLINE_S, ENGINE, Places, new_places

STUBBORN = """\
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print('pids', os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
TICKING = """\
import time
for n in range(100000):
    print('tick', n, flush=True)
    time.sleep(0.02)
"""


class Silent:
    """Watches a job's nodes and tells nobody."""

    def on_start(self, leaders: Any) -> None: ...

    def on_tick(self, event: Any) -> None: ...

    def on_stop(self, stopped: Any) -> None: ...


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return new_places(tmp_path)


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def pids_in(log: Path) -> list[int]:
    return [int(word) for word in log.read_text().partition("pids ")[2].splitlines()[0].split()]


def test_every_line_of_a_program_that_dies_is_in_the_log(places: Places) -> None:
    places.write("import os\nfor n in range(10000): print('line', n)\nos._exit(1)")
    run = places.run()
    assert run.printed == [f"line {n}" for n in range(10000)]
    assert run.shown == run.log
    assert run.record["exit_code"] == 1


def test_a_program_that_is_killed_by_the_system_fails_the_job_with_all_that_it_said(places: Places) -> None:
    process = places.write(TICKING).start("--quiet")
    job = places.wait_for("tick 5\n")
    (leader,) = records.Job.read(job.folder).groups
    os.kill(leader["pid"], signal.SIGKILL)
    process.communicate(timeout=DEADLINE_S)
    record = json.loads((job.folder / "job.json").read_text())
    assert (process.returncode, record["status"], record["exit_code"]) == (1, "FAILED", 137)
    assert record["reason"].endswith("(SIGKILL, exit code 137)")
    ticks = [line for line in job.log.read_text().splitlines() if line.startswith("tick")]
    assert ticks == [f"tick {n}" for n in range(len(ticks))] and len(ticks) > 5


def test_a_job_whose_train_was_killed_is_lost_goes_on_writing_its_log_and_can_be_stopped(places: Places) -> None:
    process = places.write(TICKING).start("--quiet")
    job = places.wait_for("tick 1\n")
    process.kill()
    process.communicate(timeout=DEADLINE_S)
    (row,) = json.loads(places.command("list", "--json").stdout)
    assert (row["status"], row["status_code"], row["phase"]) == ("LOST", 14, "Abnormal")
    written = job.log.stat().st_size
    wait_until(lambda: job.log.stat().st_size > written)
    shown = json.loads(places.command("show", "train", "--json").stdout)
    assert shown["reason"] == (
        f"its train command ended without a word, its program still runs; modelarts-local stop {job.id} ends it"
    )
    second = places.start()
    assert "which is LOST. Wait for it" in second.communicate(timeout=DEADLINE_S)[1]
    stop = places.command("stop", job.id)
    assert stop.stdout == (
        f"the job train ({job.id}) is KILLED: stopped by modelarts-local stop, after its train command had ended "
        "without a word\n"
    )
    assert not any(map(processes.is_group_running, row["processes"]))
    assert json.loads(places.command("show", job.id, "--json").stdout)["status"] == "KILLED"


def test_a_lost_job_of_which_nothing_runs_says_so_and_frees_its_output(places: Places) -> None:
    places.write("")
    job = places.run().job
    job.record["supervisor"] = {"pid": os.getpid(), "started": "long ago"}
    job.move_to("RUNNING")
    shown = json.loads(places.command("show", "latest", "--json").stdout)
    assert (shown["status"], shown["reason"]) == (
        "LOST",
        "its train command ended without a word, and nothing of it runs any more",
    )
    assert places.command("stop", "latest").stdout == f"the job train ({job.id}) is LOST; nothing of it runs\n"
    assert places.run().record["status"] == "COMPLETED"


def test_a_process_that_has_the_number_of_one_that_is_gone_is_left_alone() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        earlier = {"pid": other.pid, "started": "another boot:1"}
        assert not processes.is_running(earlier) and not processes.is_group_running(earlier)
        processes.end_groups([earlier], grace_s=0)
        assert other.poll() is None
        processes.end_groups([processes.identity(other.pid)])
        assert other.wait(DEADLINE_S) == -signal.SIGTERM
    finally:
        other.kill()
        other.wait()


def test_a_program_that_ignores_the_first_word_to_stop_is_ended_by_the_second(places: Places) -> None:
    process = places.write(STUBBORN).start("--quiet")
    job = places.wait_for("pids ")
    wait_until(lambda: len(job.log.read_text().partition("pids ")[2].split()) > 1)
    pids = pids_in(job.log)
    with pytest.raises(CommandLineError) as told:
        stop_job(places.jobs, job.id, limit_s=0.5)
    assert str(told.value) == (
        f"the job {job.id} was told to stop and is still KILLING after 0.5 s. Tell it again to end it at once: "
        f"modelarts-local stop {job.id}."
    )
    assert records.Job.read(job.folder).record["status_code"] == 9
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE_S)
    record = json.loads((job.folder / "job.json").read_text())
    assert (process.returncode, record["status"], record["exit_code"]) == (130, "KILLED", 137)
    assert [processes.start_of(pid) for pid in pids] == [None, None]


def test_a_terminal_that_is_closed_ends_the_job_in_order(places: Places) -> None:
    process = places.write(TICKING).start()
    job = places.wait_for("tick 1\n")
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=DEADLINE_S)
    record = json.loads((job.folder / "job.json").read_text())
    assert (record["status"], record["reason"]) == ("KILLED", "interrupted: the terminal was closed")


def test_a_job_that_was_started_with_nohup_outlives_its_terminal(places: Places) -> None:
    places.write("import time; print('begun', flush=True); time.sleep(1); print('done')")
    process = subprocess.Popen(
        ["nohup", sys.executable, "-m", "modelarts_local", *places.command_line("--quiet")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    job = places.wait_for("begun\n")
    process.send_signal(signal.SIGHUP)
    assert process.wait(DEADLINE_S) == 0
    assert "done" in job.log.read_text().splitlines()


def test_of_two_jobs_that_start_at_once_one_gets_the_output(places: Places) -> None:
    gate = places.folder / "gate"
    places.write(f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.05)")
    both = [places.start("--quiet") for _ in range(2)]
    wait_until(lambda: any(process.poll() is not None for process in both))
    gate.touch()
    ends = sorted((process.returncode, errors) for process in both for _, errors in [process.communicate()])
    assert [code for code, _ in ends] == [0, 1]
    assert "ModelArts.2604" in ends[1][1]


def test_a_job_waits_with_its_start_while_another_one_starts(places: Places) -> None:
    places.write("")
    wanted = places.settings()
    opened: list[records.Job] = []
    staged = places.jobs / ".new-job1"
    staged.mkdir(parents=True)
    thread = threading.Thread(target=lambda: opened.append(opening.open_job(wanted, ENGINE, places.jobs, staged)))
    with records.locked(places.jobs):
        thread.start()
        thread.join(0.5)
        assert thread.is_alive() and records.all_jobs(places.jobs) == []
    thread.join(DEADLINE_S)
    assert [job.status for job in opened] == ["INIT"]


def test_a_program_that_deletes_its_jobs_folder_is_told_as_trouble_with_a_folder(places: Places) -> None:
    places.write("import os, shutil; shutil.rmtree(os.path.dirname(os.path.dirname(os.getcwd())))")
    process = places.start("--quiet")
    _, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 3
    assert re.search(r"modelarts-local: the job's folder .*/jobs/job\w+ cannot be written: .*No such file", errors)
    assert "Traceback" not in errors


def test_what_cannot_be_started_ends_as_a_shell_has_it(tmp_path: Path) -> None:
    with contextlib.closing(JobLog(tmp_path / "log", lambda _: None)) as log:
        node = nodes.Node(nodes.WORKER, 0, ["/no/such/python", "train.py"], {}, tmp_path, log)
        assert nodes.run_nodes([node], Control(), Silent()).returncode == 127
        assert log.tail == ""
    assert (tmp_path / "log").read_text() == (
        "[ModelArts Service Log]/no/such/python cannot be started: No such file or directory\n"
    )


def test_a_signal_ends_a_download_at_once_and_leaves_nothing_else_half_done() -> None:
    control = Control()
    with control.listening():
        with pytest.raises(Stopped) as at_once:
            signal.raise_signal(signal.SIGINT)
        with control.deferring():
            signal.raise_signal(signal.SIGTERM)
            assert control.events.qsize() == 1
            with pytest.raises(Stopped) as later:
                control.next_event()
    assert at_once.value.reason == "interrupted by Ctrl-C"
    assert later.value.reason == "stopped from outside, as by modelarts-local stop"


def test_a_reader_that_has_seen_enough_does_not_end_the_job(places: Places) -> None:
    process = places.write("import time\nfor n in range(50): print('x' * 2000, flush=True); time.sleep(0.01)").start()
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(DEADLINE_S) == 0, errors
    assert "Traceback" not in errors and "BrokenPipe" not in errors
    assert records.all_jobs(places.jobs)[0].status == "COMPLETED"


def test_job_json_that_cannot_be_read_hides_no_other_job(places: Places) -> None:
    job = places.write("").run().job
    for name, content in (("torn", '{"id": '), ("foreign", "[]"), ("empty", "{}")):
        (places.jobs / name).mkdir()
        (places.jobs / name / "job.json").write_text(content)
    assert [found.id for found in records.all_jobs(places.jobs)] == [job.id]


def test_uploads_that_fail_on_the_way_are_told_once_and_the_job_goes_on(places: Places, bucket: str) -> None:
    places.write("import time\nfor n in range(30): print('tick', n, flush=True); time.sleep(0.1)")
    run = places.run(f"--log-url=s3://{bucket}-gone/log", "--upload-interval=1s")
    assert run.record["status"] == "COMPLETED"
    assert run.printed == [f"tick {n}" for n in range(30)]
    during, at_the_end = run.record["warnings"]
    assert during.startswith(f"uploading to s3://{bucket}-gone/log/ failed: ")
    assert during.endswith("; the job goes on") and at_the_end.startswith(f"uploading to s3://{bucket}-gone/log/")


def test_outputs_that_do_not_arrive_fail_the_job_and_are_kept(places: Places, bucket: str, s3_client: Any) -> None:
    vanishing = f"{bucket}-vanishing"
    s3_client.create_bucket(Bucket=vanishing)
    places.write(
        "import os, sys, time\n"
        "open(sys.argv[2].partition('=')[2] + '/result', 'w').close()\n"
        "print('written', flush=True)\n"
        "while not os.path.exists(sys.argv[3].partition('=')[2]): time.sleep(0.05)\n"
    )
    gate = places.folder / "gate"
    process = places.start("--contract=v2", f"--train-url=s3://{vanishing}/out", "--quiet", f"--param=gate={gate}")
    job = places.wait_for("written\n")
    for item in s3_client.list_objects_v2(Bucket=vanishing).get("Contents", ()):
        s3_client.delete_object(Bucket=vanishing, Key=item["Key"])
    s3_client.delete_bucket(Bucket=vanishing)
    gate.touch()
    process.communicate(timeout=DEADLINE_S)
    record = json.loads((job.folder / "job.json").read_text())
    kept = job.folder / "work" / "modelarts" / "outputs" / "train_url_0"
    assert (record["status"], record["exit_code"], process.returncode) == ("FAILED", 0, 3)
    assert record["reason"].startswith(
        f"the outputs were not uploaded and are kept in {kept}: uploading to s3://{vanishing}/out/ failed: "
    )
    assert (kept / "result").exists()


@pytest.fixture
def silent_storage(storage_at: Any) -> Iterator[socket.socket]:
    """A server that takes connections and never answers; the environment points at it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        storage_at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield listener


@pytest.mark.parametrize("contract", ["v1", "v2"])
def test_ctrl_c_during_the_last_upload_ends_it_and_tells_what_has_not_arrived(
    places: Places, silent_storage: socket.socket, contract: str
) -> None:
    process = places.write("").start("--log-url=s3://b/log", f"--contract={contract}", "--quiet")
    connection, _ = silent_storage.accept()
    with connection:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)
    job = records.all_jobs(places.jobs)[0]
    if contract == "v1":
        assert (process.returncode, job.status) == (0, "COMPLETED")
        assert job.record["warnings"] == ["interrupted by Ctrl-C, while the log was uploaded"]
    else:
        assert (process.returncode, job.status, job.record["exit_code"]) == (130, "KILLED", 0)
        assert job.record["reason"] == (
            "interrupted by Ctrl-C, while the outputs were uploaded; they are kept in "
            f"{job.folder}/work/modelarts/outputs/train_url_0"
        )


def test_an_output_bucket_that_is_not_there_is_a_storage_error_before_there_is_a_job(
    places: Places, bucket: str
) -> None:
    places.write("")
    with pytest.raises(StorageFailed) as refusal:
        places.run(f"--train-url=s3://{bucket}-gone/out")
    assert f"s3://{bucket}-gone/out/V0001/ failed: " in str(refusal.value)
    assert records.all_jobs(places.jobs) == []


def test_nothing_is_left_of_a_job_that_is_interrupted_before_its_program_starts(places: Places) -> None:
    (places.code / "ma-pre-start.py").write_text("print('hook', flush=True)\nimport time; time.sleep(600)")
    process = places.write("print('program')").start("--contract=v2", "--quiet")
    job = places.wait_for("hook\n")
    assert places.command("stop", job.id).returncode == 0
    process.communicate(timeout=DEADLINE_S)
    assert records.Job.read(job.folder).status == "KILLED"
    assert "program" not in job.log.read_text().splitlines()
