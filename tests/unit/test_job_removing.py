"""`rm` and `prune` remove jobs that have ended, and nothing that nobody has named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modelarts_local.cli import main
from modelarts_local.job import processes, records
from modelarts_local.job.removing import prunable
from tests.past_jobs import left, put

HERE = processes.identity_of_this_process()


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def run(jobs: Path, *arguments: str) -> int:
    return main([*arguments, f"--jobs-dir={jobs}"])


def test_rm_removes_the_jobs_that_are_named_and_their_results_stay(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (put(jobs, number) for number in (1, 2, 3))
    (jobs.parent / "out" / "V0001").mkdir(parents=True)
    size = (first.folder / "job.json").stat().st_size + 1000
    assert run(jobs, "rm", "job1", "job2") == 0
    assert left(jobs) == ["job3"]
    assert (jobs.parent / "out" / "V0001").is_dir()
    assert capsys.readouterr().out.splitlines() == [
        f"removed  {size:>13,}  job1  train  COMPLETED  {first.folder}",
        f"removed  {size:>13,}  job2  train  COMPLETED  {second.folder}",
        f"removed 2 jobs, {2 * size:,} bytes; their results stay",
    ]
    assert run(jobs, "rm", "latest") == 0
    assert left(jobs) == [] and third.id in capsys.readouterr().out


def test_a_dry_run_tells_and_removes_nothing(jobs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = put(jobs, 1, "FAILED")
    assert run(jobs, "rm", "train", "--dry-run") == 0
    assert capsys.readouterr().out.startswith("would remove  ")
    assert run(jobs, "rm", "train", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    size = told["jobs"][0].pop("bytes")
    assert size > 1000
    assert told == {
        "dry_run": True,
        "jobs": [
            {
                "id": "job1",
                "name": "train",
                "version": "V0001",
                "status": "FAILED",
                "folder": str(job.folder),
                "output": None,
            }
        ],
    }
    assert left(jobs) == ["job1"]


def refusal(jobs: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that must not remove anything says."""
    before = left(jobs)
    assert run(jobs, *arguments) == 2
    output, errors = capsys.readouterr()
    assert (output, left(jobs)) == ("", before)
    return errors[len("modelarts-local: ") :].rstrip("\n")


def test_a_job_that_runs_is_not_removed_nor_any_that_is_named_with_it(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(jobs, 1)
    put(jobs, 2, "RUNNING", supervisor=HERE)
    assert refusal(jobs, capsys, "rm", "job1", "job2") == (
        "the job train (job2) is RUNNING; nothing was removed. End it first: modelarts-local stop job2."
    )


def test_a_name_that_several_jobs_have_is_not_guessed(jobs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(jobs, 1)
    put(jobs, 2)
    assert refusal(jobs, capsys, "rm", "train") == (
        "2 jobs are called 'train': job2, job1. Name the one to remove by its id; nothing was removed."
    )


def test_what_is_no_job_is_not_removed(jobs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(jobs, 1)
    (jobs / "photos").mkdir()
    for name in ("photos", "../jobs/photos", str(jobs / "photos"), ".", ""):
        assert refusal(jobs, capsys, "rm", name).startswith(f"there is no job {name!r} in {jobs}. Found: job1 (train).")


def test_a_folder_that_train_did_not_make_is_not_removed(jobs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = put(jobs.parent / "elsewhere", 1).folder
    put(jobs, 2).folder.rename(jobs / "copy")
    (jobs / "job1").symlink_to(elsewhere)
    for name, folder in (("job1", "job1"), ("job2", "copy")):
        assert refusal(jobs, capsys, "rm", name) == (
            f"the job train ({name}) lies in {jobs / folder}, which is no folder that train made. Look at it, and "
            "delete it by hand; nothing was removed."
        )
    assert run(jobs, "prune", "--keep=0") == 0
    assert left(jobs) == ["copy", "job1"] and (elsewhere / "train.0").exists()


def test_links_in_a_job_are_removed_and_what_they_lead_to_is_not(jobs: Path) -> None:
    job = put(jobs, 1)
    kept = jobs.parent / "kept"
    kept.mkdir()
    (kept / "file").touch()
    for place in (job.folder / "link", job.folder / "work" / "link"):
        place.symlink_to(kept)
    (job.folder / "work" / "cache" / "link").symlink_to(kept / "file")
    assert run(jobs, "rm", "job1") == 0
    assert left(jobs) == [] and (kept / "file").exists()


def test_with_output_the_version_folder_goes_too_and_what_lies_beside_it_stays(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = put(jobs, 1)
    out = jobs.parent / "out"
    for name in ("V0001/model", "V0002", "V00010"):
        (out / name).mkdir(parents=True)
    assert run(jobs, "rm", "job1", "--with-output") == 0
    assert sorted(os.listdir(out)) == ["V00010", "V0002"] and left(jobs) == []
    assert f"removed  its results  {job.record['output']}" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "members",
    [
        {"version": None, "output": "/out/", "train_url": "/out/"},
        {"version": "V0001", "output": "/", "train_url": "/out/"},
        {"version": "../..", "output": "/out/../../", "train_url": "/out/"},
        {"version": "V0001", "output": "out/V0001/", "train_url": "out/"},
    ],
)
def test_with_output_only_a_version_folder_is_removed(
    jobs: Path, members: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    put(jobs, 1, **members)
    assert refusal(jobs, capsys, "rm", "job1", "--with-output") == (
        "--with-output: the job train (job1) has no version folder of its own, as v2 jobs have none. Leave the flag "
        "out; nothing was removed."
    )


def test_with_output_a_link_and_what_another_job_wrote_to_stay(jobs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = put(jobs, 1).record["output"]
    put(jobs, 2, version="V0001", output=output)
    assert refusal(jobs, capsys, "rm", "job1", "--with-output") == (
        f"--with-output: the job train (job1) shares {output} with job2, which stays. Name that, too, or leave the "
        "flag out; nothing was removed."
    )
    (jobs.parent / "out").mkdir()
    (jobs.parent / "out" / "V0001").symlink_to(jobs)
    assert refusal(jobs, capsys, "rm", "job1", "job2", "--with-output") == (
        f"--with-output: the job train (job1) has a link in place of its version folder, {output}. Nothing was removed."
    )
    (jobs.parent / "out" / "V0001").unlink()
    (jobs.parent / "out" / "V0001").mkdir()
    assert run(jobs, "rm", "job1", "job2", "--with-output") == 0
    assert left(jobs) == [] and os.listdir(jobs.parent / "out") == []


def test_results_that_were_not_uploaded_are_told_by_rm_and_spared_by_prune(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = f"{jobs}/job1/work/modelarts/outputs/train_url_0"
    put(jobs, 1, "FAILED", reason=f"the outputs were not uploaded and are kept in {outputs}: no route", version=None)
    assert run(jobs, "prune", "--keep=0") == 0
    assert left(jobs) == ["job1"]
    assert run(jobs, "rm", "job1", "--dry-run") == 0
    assert f"would remove  its results  {outputs}" in capsys.readouterr().out.splitlines()


def test_a_removal_that_was_interrupted_can_be_repeated(jobs: Path) -> None:
    job = put(jobs, 1)
    (job.folder / "train.0").unlink()
    assert run(jobs, "rm", "job1") == 0
    assert left(jobs) == []


def test_prune_spares_the_newest_those_that_run_and_the_newest_good_one(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, status in enumerate(("COMPLETED", "COMPLETED", "KILLED", "FAILED", "LOST", "FAILED"), start=1):
        put(jobs, number, status)
    put(jobs, 7, "RUNNING", supervisor=HERE)
    assert run(jobs, "prune", "--keep=2", "--dry-run") == 0
    assert len(left(jobs)) == 7
    assert [job.id for job in prunable(records.all_jobs(jobs), 2)] == ["job4", "job3", "job1"]
    assert run(jobs, "prune", "--keep=2") == 0
    assert left(jobs) == ["job2", "job5", "job6", "job7"]
    assert run(jobs, "prune", "--keep=0") == 0
    assert left(jobs) == ["job2", "job7"]
    capsys.readouterr()
    assert run(jobs, "prune", "--keep=0") == 0
    assert capsys.readouterr().out == "removed 0 jobs, 0 bytes\n"


@pytest.mark.parametrize("number", ["-1", "all", "1.5", ""])
def test_a_number_of_jobs_to_keep_that_is_none_is_a_wrong_command_line(number: str) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["prune", f"--keep={number}"])
    assert ending.value.code == 2


def test_prune_and_rm_where_there_are_no_jobs(jobs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(jobs, "prune", "--keep=3") == 0
    assert run(jobs, "rm", "latest") == 2
    assert "Found: none." in capsys.readouterr().err
    assert not jobs.exists()
