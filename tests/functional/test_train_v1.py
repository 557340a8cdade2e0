"""A v1 job: what its program is started with, where it writes, what its log and job.json tell."""

from __future__ import annotations

import json
import os
import re
import sys
import zipfile
from pathlib import Path

import pytest

from modelarts_local.cli import main
from modelarts_local.errors import CommandLineError, JobRefused
from modelarts_local.job import processes
from tests.training_jobs import FinishedRun, Places, new_places

LOOK_AROUND = """\
import json, os, subprocess, sys
import codes.helper, helper
import moxing as mox
child = subprocess.check_output([sys.executable, '-c', 'import moxing; print(moxing.file.exists("/"))'])
train_url = [word for word in sys.argv if word.startswith('--train_url=')][0].partition('=')[2]
mox.file.write(train_url + 'seen.json', json.dumps({
    'argv': sys.argv, 'cwd': os.getcwd(), 'path': sys.path[:2], 'environment': dict(os.environ), 'name': __name__,
    'child': child.decode().strip(), 'orig_argv': getattr(sys, 'orig_argv', None), 'stdin': sys.stdin.read(),
}))
print('on standard output')
print('on standard error', file=sys.stderr)
os.write(1, b'no end of line')
"""
HIDDEN = "not-to-be-seen"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A job that has looked around and completed."""
    places = new_places(tmp_path_factory.mktemp("v1")).write(LOOK_AROUND).write("where = __name__", "helper.py")
    (places.code / "requirements.txt").write_text("numpy")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", HIDDEN)
        environment.setenv("AWS_SECRET_ACCESS_KEY", HIDDEN)
        environment.setenv("MA_INPUTS", "{}")
        return places.run("--param=num_epochs=3", "--param=note=a b; $(exit 1)", f"--param=sk={HIDDEN}", "--gpus=2")


@pytest.fixture(scope="module")
def seen(finished: FinishedRun) -> dict:
    """What its program saw."""
    return dict(json.loads(Path(finished.record["output"], "seen.json").read_text()))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return new_places(tmp_path)


def test_the_program_is_started_as_on_modelarts(finished: FinishedRun, seen: dict) -> None:
    job_dir = str(finished.job.folder / "work" / "user-job-dir")
    folder = finished.job.folder.parents[1]
    assert seen["argv"] == [
        "codes/train.py",
        f"--data_url={folder}/data/",
        f"--train_url={folder}/out/V0001/",
        "--num_gpus=2",
        "--num_epochs=3",
        "--note=a b; $(exit 1)",
        f"--sk={HIDDEN}",
    ]
    assert (seen["name"], seen["cwd"], seen["stdin"]) == ("__main__", job_dir, "")
    assert [os.path.abspath(os.path.join(job_dir, path)) for path in seen["path"]] == [f"{job_dir}/codes", job_dir]
    if sys.version_info >= (3, 10):
        assert seen["orig_argv"] == [sys.executable, "-u", *seen["argv"]]


def test_moxing_is_found_by_the_program_and_by_those_that_it_starts(seen: dict) -> None:
    assert seen["child"].splitlines()[-1] == "True"


def test_the_environment_is_that_of_a_v1_job(finished: FinishedRun, seen: dict) -> None:
    environment = seen["environment"]
    assert environment["DLS_TRAIN_URL"] == finished.record["output"]
    assert os.path.isdir(environment["DLS_LOCAL_CACHE_PATH"])
    assert re.fullmatch(r"127\.0\.0\.1:\d+", environment["BATCH_train.0_HOSTS"])
    assert environment["S3_ACCESS_KEY_ID"] == HIDDEN
    assert "MA_INPUTS" not in environment
    assert environment["PYTHONPATH"].split(":")[0] == seen["cwd"]


def test_job_json_tells_the_reason_first_and_the_state_with_the_platforms_number(finished: FinishedRun) -> None:
    text = (finished.job.folder / "job.json").read_text()
    assert list(json.loads(text))[0] == "reason"
    record = finished.record
    assert (record["reason"], record["status"], record["status_code"], record["phase"], record["exit_code"]) == (
        "the program ended with exit code 0",
        "COMPLETED",
        10,
        "Completed",
        0,
    )
    assert (record["name"], record["version"], record["boot_file"]) == ("train", "V0001", "train.py")
    assert record["created"] < record["started"] < record["ended"]
    assert "DLS_TASK_INDEX" in record["environment"]
    assert record["processes"] == []
    assert finished.outcome.train_exit == 0


def test_the_log_has_both_outputs_between_the_platforms_lines(finished: FinishedRun) -> None:
    assert finished.job.log.name == "train.0"
    assert [line for line in finished.printed if "INFO" not in line] == [
        "on standard output",
        "on standard error",
        "no end of line",
    ]
    assert finished.log.startswith(f"[ModelArts Service Log]job train ({finished.job.id}), V0001, on MXNet-1.9.1")
    assert finished.log.endswith(
        "[ModelArts Service Log]Training end with return code: 0\n[ModelArts Service Log]Training completed.\n"
    )
    assert finished.shown == finished.log


def test_no_key_gets_into_the_log_or_job_json(finished: FinishedRun) -> None:
    assert HIDDEN not in finished.log
    assert HIDDEN not in (finished.job.folder / "job.json").read_text()
    assert "--sk=***" in finished.record["command"]


def test_requirements_under_another_name_are_warned_of(finished: FinishedRun) -> None:
    assert re.search(r"\[ModelArts Service Log\]\w+ T9  .*/requirements\.txt\n", finished.log)


def test_each_run_has_a_version_folder_of_its_own_which_is_there_from_the_start(places: Places) -> None:
    places.write("import os, sys; print(os.listdir(sys.argv[2].partition('=')[2]))")
    (places.out / "V0007").mkdir(parents=True)
    run = places.run()
    assert (run.record["version"], run.printed) == ("V0008", ["[]"])
    assert places.run().record["version"] == "V0009"
    assert sorted(os.listdir(places.out)) == ["V0007", "V0008", "V0009"]


def test_a_job_goes_on_in_the_version_that_is_asked_for(places: Places) -> None:
    places.write("import os, sys; print(os.listdir(sys.argv[2].partition('=')[2]))")
    (places.out / "V0002" / "checkpoints").mkdir(parents=True)
    run = places.run("--train-version=V0002")
    assert (run.record["version"], run.printed) == ("V0002", ["['checkpoints']"])
    with pytest.raises(CommandLineError) as refusal:
        places.run("--train-version=V0001")
    assert str(refusal.value) == (
        f"--train-version=V0001: {places.out}/ has no such version. Found: V0002. Leave the flag out for a new one."
    )


def test_an_output_that_is_not_empty_is_warned_of(places: Places) -> None:
    places.write("")
    places.out.mkdir()
    (places.out / "left.txt").touch()
    assert places.run().record["warnings"] == [
        f"{places.out}/ is not empty, which the platform advises against. It holds left.txt"
    ]


@pytest.mark.parametrize(
    ("program", "reason", "exit_code"),
    [
        ("raise ValueError('no such layer')", "ValueError: no such layer (exit code 1)", 1),
        ("def f(:", "SyntaxError: invalid syntax (exit code 1)", 1),
        (
            "import os; print('epoch 1'); os._exit(7)",
            "the program ended with exit code 7. It told no error; it last said: epoch 1",
            7,
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            "killed by hand, or by the system because the memory was full (SIGKILL, exit code 137)",
            137,
        ),
    ],
)
def test_a_program_that_fails_fails_the_job_with_its_own_reason_and_exit_code(
    places: Places, program: str, reason: str, exit_code: int
) -> None:
    run = places.write(program).run("--no-check")
    record = run.record
    assert (record["status"], record["status_code"], record["exit_code"]) == ("FAILED", 11, exit_code)
    assert record["reason"] == reason
    assert run.outcome.train_exit == 1
    assert run.log.endswith(
        f"[ModelArts Service Log]FAILED: {reason}\n"
        f"[ModelArts Service Log]Training end with return code: {exit_code}\n"
        "[ModelArts Service Log]Training completed.\n"
    )


def write_wheel(folder: Path, name: str, tag: str = "py3-none-any") -> str:
    """Write a wheel with one module, which says 41 + 1; returns its file name."""
    wheel = f"{name}-1.0-{tag}.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / wheel, "w") as archive:
        archive.writestr(f"{name}.py", "answer = 41 + 1\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return wheel


def test_pip_requirements_are_installed_for_this_job_alone(places: Places) -> None:
    places.write("import small_wheel_of_the_job as wheel; print(wheel.answer, wheel.__file__)")
    (places.code / "pip-requirements.txt").write_text(write_wheel(places.code, "small_wheel_of_the_job"))
    run = places.run()
    assert run.outcome.train_exit == 0, run.log
    assert run.printed[-1] == f"42 {run.job.folder}/work/pip-packages/small_wheel_of_the_job.py"
    assert "Successfully installed small" in run.log


def test_requirements_that_cannot_be_installed_fail_the_job_before_its_program_starts(places: Places) -> None:
    places.write("print('started')")
    wheel = write_wheel(places.code, "other_python", "cp26-cp26m-win32")
    (places.code / "pip-requirements.txt").write_text(f"./{wheel}")
    run = places.run("--no-check")
    assert (run.record["status"], run.record["exit_code"], run.outcome.train_exit) == ("FAILED", 1, 1)
    assert run.record["reason"] == (
        f"pip cannot install pip-requirements.txt: {wheel} is not a supported wheel on this platform. (exit code 1)"
    )
    assert "started" not in run.printed


def test_what_is_not_there_is_refused_before_there_is_a_job(places: Places) -> None:
    places.write("")
    for flag, reason in (
        (f"--data-url={places.folder}/gone", f"ModelArts.3551: --data-url={places.folder}/gone/ is no folder. "),
        (f"--code-dir={places.folder}/gone", f"ModelArts.3551: --code-dir={places.folder}/gone/ is no folder. "),
        (
            "--boot-file=codes/gone.py",
            f"--boot-file=gone.py: there is no such file in {places.code}/. Found: train.py.",
        ),
    ):
        with pytest.raises(JobRefused) as refusal:
            places.run(flag)
        assert str(refusal.value).startswith(reason)
    assert not places.jobs.exists() and not places.out.exists()


def test_code_that_no_platform_takes_is_refused_before_there_is_a_job_unless_it_is_started_all_the_same(
    places: Places,
) -> None:
    places.write("import argparse\nprint('started')\nparser = argparse.ArgumentParser()\nparser.parse_args()")
    with pytest.raises(JobRefused) as refusal:
        places.run()
    assert str(refusal.value).startswith(f"{places.code}/train.py:4: found ")
    assert str(refusal.value).endswith(" --no-check starts the job all the same.")
    assert not places.out.exists() and list(places.jobs.iterdir()) == []
    run = places.run("--no-check")
    assert (run.record["version"], run.printed[0]) == ("V0001", "started")
    assert f"[ModelArts Service Log]error T2  {places.code}/train.py:4\n" in run.log


def test_train_tells_a_refusal_once(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    places.write("import argparse\nparser = argparse.ArgumentParser()\nparser.parse_args()")
    assert main(places.command_line()) == 1
    output, errors = capsys.readouterr()
    # the first line tells what is done
    assert (output, errors.count("train.py:3"), len(errors.splitlines())) == ("", 1, 2)


def test_a_program_may_log_more_than_a_pipe_holds_and_its_children_end_with_it(places: Places) -> None:
    places.write(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('x' * 200000)\n"
        "print(child.pid)"
    )
    run = places.run()
    assert len(run.printed[0]) == 200000
    assert processes.start_of(int(run.printed[1])) is None
