"""`modelarts-local train`, `list`, `show`, `logs` and `stop` as one types them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import List, Tuple

import pytest

from modelarts_local.cli import main
from tests.training_jobs import DEADLINE_S, FinishedRun, Places, new_places, start

Past = Tuple[Places, List[FinishedRun]]

WAITING = """\
import sys, time
print('waiting', flush=True)
time.sleep(600)
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return new_places(tmp_path)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """Two jobs that have ended: `first` completed and printed 60 lines, `second` failed."""
    places = new_places(tmp_path_factory.mktemp("past"))
    places.write("for n in range(60): print('line', n)", "first.py").write("raise ValueError('second')", "second.py")
    return places, [places.run("--boot-file=first.py"), places.run("--boot-file=second.py")]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints to standard output."""
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_train_shows_the_log_and_closes_with_what_to_do_next(places: Places) -> None:
    process = places.write("print('epoch 1')").start("--name=caltech", f"--engine={os.path.relpath(sys.executable)}")
    output, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, errors
    lines = output.splitlines()
    assert "epoch 1" in lines
    assert re.fullmatch(
        rf"job caltech \(job\w{{8}}\) COMPLETED after \d+ s: {places.out}/V0001/\. "
        r"It left no model/, so there is nothing to import or to serve\.",
        lines[-1],
    )


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        ("net-symbol.json net-0000.params config.json customize_service.py", "Next: modelarts-local serve {out}"),
        (
            "net-symbol.json config.json",
            "Its model/ lacks customize_service.py, *-0000.params; see: modelarts-local check {out}",
        ),
    ],
)
def test_train_tells_what_to_do_with_the_package_that_a_job_left(files: str, advice: str, places: Places) -> None:
    program = f"""
import os, sys
folder = sys.argv[2].partition('=')[2] + 'model/'
os.makedirs(folder)
for name in {files.split()!r}:
    open(folder + name, 'w').close()
"""
    output, errors = places.write(program).start("--quiet").communicate(timeout=DEADLINE_S)
    assert output.rstrip().endswith(advice.format(out=f"{places.out}/V0001")), errors


def test_train_closes_with_the_reason_of_a_failure_and_exit_code_1(places: Places) -> None:
    process = places.write("print('epoch 1'); raise ValueError('no such layer')").start("--quiet")
    output, _ = process.communicate(timeout=DEADLINE_S)
    job = places.wait_for("Training completed.")
    assert process.returncode == 1
    closing, advice = re.sub(r"after \d+ s", "after 1 s", output).splitlines()
    assert closing == f"job train ({job.id}) FAILED after 1 s: ValueError: no such layer (exit code 1). Log: {job.log}"
    assert advice.startswith("To go on: modelarts-local train --code-dir=") and "--train-version=V0001" in advice


def test_train_prints_job_json_for_programs(places: Places) -> None:
    process = places.write("print('epoch 1')").start("--json")
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert json.loads(output) == json.loads((places.wait_for("completed").folder / "job.json").read_text())


def test_ctrl_c_ends_all_of_the_job_and_tells_how_to_go_on(places: Places) -> None:
    process = places.write(WAITING).start()
    job = places.wait_for("waiting\n")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=DEADLINE_S)
    record = json.loads((job.folder / "job.json").read_text())
    assert process.returncode == 130
    assert (record["status"], record["status_code"], record["reason"], record["exit_code"]) == (
        "KILLED",
        12,
        "interrupted by Ctrl-C",
        143,
    )
    *_, closing, advice = output.splitlines()
    assert closing.endswith(f": interrupted by Ctrl-C. Log: {job.log}")
    assert advice.startswith("To go on: modelarts-local train --code-dir=")
    assert "--train-version=V0001" in advice
    places.write("print('went on')")
    again = start(*shlex.split(advice.partition(": modelarts-local ")[2]))
    output, errors = again.communicate(timeout=DEADLINE_S)
    assert again.returncode == 0, errors
    assert "went on" in output.splitlines() and f"{places.out}/V0001/. It left no model/" in output


def test_a_job_that_runs_is_listed_keeps_its_output_to_itself_and_can_be_followed_and_stopped(places: Places) -> None:
    process = places.write(WAITING).start("--quiet")
    job = places.wait_for("waiting\n")
    (row,) = json.loads(places.command("list", "--json").stdout)
    assert (row["id"], row["status"], row["phase"]) == (job.id, "RUNNING", "Running")
    second = places.start()
    _, errors = second.communicate(timeout=DEADLINE_S)
    assert second.returncode == 1
    assert errors.endswith(
        f"modelarts-local: ModelArts.2604: --train-url={places.out}/ is used by the job train ({job.id}), which is "
        f"RUNNING. Wait for it, end it with modelarts-local stop {job.id}, or give another folder.\n"
    )
    follower = start("logs", "train", "-f", f"--jobs-dir={places.jobs}")
    stop = places.command("stop", "latest")
    reason = "stopped from outside, as by modelarts-local stop"
    assert (stop.returncode, stop.stdout) == (0, f"the job train ({job.id}) is KILLED: {reason}\n")
    followed, _ = follower.communicate(timeout=DEADLINE_S)
    assert followed == job.log.read_text()
    assert followed.endswith(f"KILLED: {reason}\n" + followed[followed.rindex("[ModelArts Service Log]Training end") :])
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130


def test_a_job_that_runs_too_long_is_killed(places: Places) -> None:
    process = places.write(WAITING).start("--max-run-time=1s", "--quiet")
    process.communicate(timeout=DEADLINE_S)
    record = json.loads((places.wait_for("Training completed.").folder / "job.json").read_text())
    assert (process.returncode, record["status"], record["exit_code"]) == (1, "KILLED", 143)
    assert record["reason"] == "it ran longer than --max-run-time, 1 s"


def test_list_shows_the_newest_first(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    places, (first, second) = past
    heading, *rows = said(capsys, "list", f"--jobs-dir={places.jobs}").splitlines()
    assert heading.split() == ["ID", "NAME", "VERSION", "STATUS", "EXIT", "CODE", "CREATED", "DURATION", "OUTPUT"]
    assert [row.split()[:5] for row in rows] == [
        [second.job.id, "second", "V0002", "FAILED", "1"],
        [first.job.id, "first", "V0001", "COMPLETED", "0"],
    ]


def test_list_tells_how_long_each_job_ran(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    places, runs = past
    rows = json.loads(said(capsys, "list", "--json", f"--jobs-dir={places.jobs}"))
    assert [row["duration_s"] for row in rows] == [run.job.duration_s for run in reversed(runs)]
    assert all({**run.record, "duration_s": row["duration_s"]} == row for run, row in zip(reversed(runs), rows))
    _, *lines = said(capsys, "list", f"--jobs-dir={places.jobs}").splitlines()
    assert all(re.search(rf"Z  \d+ s +{places.out}/V000\d/$", line) for line in lines)


def test_list_of_no_jobs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", f"--jobs-dir={tmp_path}"]) == 0
    assert capsys.readouterr().err == f"there are no jobs in {tmp_path}; modelarts-local train starts one\n"
    assert said(capsys, "list", "--json", f"--jobs-dir={tmp_path}") == "[]\n"


def test_jobs_are_kept_in_the_home_that_the_environment_names(
    past: Past, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELARTS_LOCAL_HOME", str(past[0].folder))
    assert len(json.loads(said(capsys, "list", "--json"))) == 2


@pytest.mark.parametrize("index", [0, 1])
def test_show_finds_a_job_by_its_id_and_its_name(past: Past, index: int, capsys: pytest.CaptureFixture[str]) -> None:
    places, runs = past
    run = runs[index]
    for name in (run.job.id, run.job.record["name"]):
        assert json.loads(said(capsys, "show", name, "--json", f"--jobs-dir={places.jobs}")) == run.record
    assert json.loads(said(capsys, "show", "latest", "--json", f"--jobs-dir={places.jobs}")) == runs[1].record


def test_show_tells_a_person_what_became_of_a_job(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    places, (_, second) = past
    shown = dict(
        line.split(None, 1) for line in said(capsys, "show", "second", f"--jobs-dir={places.jobs}").splitlines()
    )
    assert shown["job"] == f"second ({second.job.id})"
    assert shown["state"] == "FAILED, exit code 1"
    assert shown["reason"] == second.record["reason"]
    assert shown["output"] == f"{places.out}/V0002/"
    assert shown["command"] == " ".join(second.record["command"])
    assert shown["log"] == str(second.job.log)
    assert re.fullmatch(r"for +\d+ s", shown["ran"])


@pytest.mark.parametrize("command", ["show", "logs", "stop"])
def test_a_job_that_is_not_there_is_told_with_those_that_are(
    past: Past, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places, (first, second) = past
    assert main([command, "third", f"--jobs-dir={places.jobs}"]) == 2
    assert capsys.readouterr().err == (
        f"modelarts-local: there is no job 'third' in {places.jobs}. Found: {second.job.id} (second), {first.job.id} "
        "(first).\n"
    )


@pytest.mark.keeps("log-lines", "logs")
def test_logs_shows_50_lines_or_as_many_as_asked_for(past: Past, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    places, (first, _) = past
    whole = first.job.log.read_bytes().splitlines(keepends=True)
    for flags, count in (([], 50), (["-n", "3"], 3), (["--lines=1000"], len(whole))):
        assert main(["logs", "first", f"--jobs-dir={places.jobs}", *flags]) == 0
        assert capfdbinary.readouterr().out.splitlines(keepends=True) == whole[-count:]


def test_logs_of_a_node_that_there_is_not_is_a_wrong_command_line(
    past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    places, (first, _) = past
    assert main(["logs", "first", "--node=1", f"--jobs-dir={places.jobs}"]) == 2
    assert capsys.readouterr().err == f"modelarts-local: --node=1: the job {first.job.id} has nodes 0 to 0.\n"


def test_a_log_that_somebody_deleted_is_told(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    job = places.write("").run().job
    job.log.unlink()
    assert main(["logs", job.id, f"--jobs-dir={places.jobs}"]) == 2
    assert capsys.readouterr().err == (
        f"modelarts-local: the job {job.id} has no log at {job.log}: No such file or directory.\n"
    )


def test_stopping_a_job_that_has_ended_changes_nothing(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    places, (first, _) = past
    told = f"the job first ({first.job.id}) is COMPLETED; nothing of it runs\n"
    assert said(capsys, "stop", "first", f"--jobs-dir={places.jobs}") == told


def test_a_time_limit_that_is_none_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["train", "--max-run-time=soon"])
    assert ending.value.code == 2
    assert "argument --max-run-time: 'soon' is not a time; write it as in 2h, 90m, 1h30m or 45s" in (
        capsys.readouterr().err
    )
