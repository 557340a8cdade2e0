"""What train takes, and what it refuses before it looks at anything."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.cli import build_parser
from modelarts_local.errors import CommandLineError, JobRefused
from modelarts_local.job import before_start, settings
from modelarts_local.job.arguments import hook_command, program_arguments
from modelarts_local.job.resuming import resume_command
from modelarts_local.job.training import settings_from
from modelarts_local.platform_rules import LIMITS
from tests.training_jobs import Places

PLACES = Places(Path("/nowhere"))


def refusal_of(*flags: str) -> str:
    with pytest.raises((CommandLineError, JobRefused)) as refusal:
        settings.checked(PLACES.settings(*flags))
    return str(refusal.value)


def test_places_are_told_as_the_platform_has_them_whatever_was_typed() -> None:
    wanted = PLACES.settings("--code-dir=obs://b/a/codes", "--data-url=obs://b", "--train-url=s3://b/out/")
    assert (wanted.code_url, wanted.data_url, wanted.train_url) == ("s3://b/a/codes/", "s3://b/", "s3://b/out/")
    assert wanted.code_name == "codes"
    assert PLACES.settings("--data-url=a/../b").data_url == f"{Path.cwd()}/b/"


@pytest.mark.parametrize("url", ["http://b/data", "s3://", "ftp://b/x"])
def test_a_place_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(CommandLineError) as refusal:
        PLACES.settings(f"--data-url={url}")
    assert str(refusal.value).startswith(f"--data-url={url}: '{url}'")


def test_an_empty_place_is_refused() -> None:
    with pytest.raises(CommandLineError) as refusal:
        PLACES.settings("--data-url=")
    assert str(refusal.value) == "--data-url is empty; give a folder or an s3:// or obs:// URL."


@pytest.mark.parametrize(
    "boot_file",
    ["train.py", "codes/train.py", "./train.py", "s3://b/codes/train.py", "obs://b/codes/train.py"],
)
def test_a_boot_file_may_be_named_from_the_code_folder_or_from_above_or_whole(boot_file: str) -> None:
    wanted = PLACES.settings("--code-dir=s3://b/codes", f"--boot-file={boot_file}")
    assert (wanted.boot_file, wanted.boot_path) == ("train.py", "codes/train.py")


@pytest.mark.parametrize("boot_file", ["../train.py", "codes/../../train.py", "/etc/train.py", "s3://c/train.py"])
def test_a_boot_file_outside_of_the_code_folder_is_refused(boot_file: str) -> None:
    with pytest.raises(CommandLineError) as refusal:
        PLACES.settings("--code-dir=s3://b/codes", f"--boot-file={boot_file}")
    assert str(refusal.value) == f"--boot-file={boot_file} is not inside --code-dir=s3://b/codes."


def test_what_the_platform_cannot_be_told_is_refused() -> None:
    assert refusal_of("--boot-file=train.sh") == "--boot-file=train.sh is no .py file; the platform starts no other."
    assert refusal_of("--code-dir=s3://b") == "--code-dir=s3://b/ is a whole bucket or disk; name the folder in it."
    assert refusal_of("--train-url=/nowhere/data/") == (
        "--train-url is the data folder, /nowhere/data/. Give the results a folder of their own."
    )
    for name in ("..", "-c"):
        assert refusal_of(f"--code-dir=s3://b/a/{name}/") == (
            f"--code-dir: no program is started from a folder called {name!r}."
        )
    assert refusal_of("--param=a=1", "--param=a=2") == "--param a=... is given twice. Give it once."
    assert refusal_of("--param=train_url=x") == "--param train_url=... is set by the platform. Use --train-url."
    assert refusal_of("--param=num_gpus=1") == "--param num_gpus=... is set by the platform. Use --gpus."
    assert refusal_of("--gpus=-1") == "--gpus=-1: give 0 for a CPU flavour, or the number of GPUs."
    assert refusal_of("--servers=0") == "--servers=0: a distributed job has at least 1 parameter server."


@pytest.mark.keeps("node-count", "train")
def test_a_job_has_at_least_one_node() -> None:
    assert settings.checked(PLACES.settings("--nodes=1")) == []
    assert refusal_of("--nodes=0") == "--nodes=0: a job has at least 1 node."


@pytest.mark.keeps("job-retries", "train")
def test_a_v2_job_is_restarted_three_times_at_most() -> None:
    assert settings.checked(PLACES.settings("--contract=v2", "--retries=3")) == []
    assert refusal_of("--contract=v2", "--retries=4") == "--retries=4: the platform restarts a job 0 to 3 times."


@pytest.mark.keeps("job-environments", "train")
def test_a_v2_job_is_given_a_hundred_variables_at_most() -> None:
    variables = [f"--env=V{number}=x" for number in range(101)]
    assert settings.checked(PLACES.settings("--contract=v2", *variables[:100])) == []
    assert refusal_of("--contract=v2", *variables) == "--env is given 101 times; the platform takes 100 variables."


@pytest.mark.parametrize("flag", ["--retries=1", "--predownload", "--env=A=1"])
def test_a_v1_job_has_none_of_the_settings_of_v2(flag: str) -> None:
    name = flag.partition("=")[0]
    assert refusal_of(flag) == f"{name} is of v2 jobs; v1 has no such setting. Add --contract v2, or leave it."


def test_a_v2_job_has_no_versions() -> None:
    assert refusal_of("--contract=v2", "--train-version=V0001") == (
        "--train-version is of v1 jobs; v2 writes to --train-url itself. Add --predownload to go on there."
    )


def test_arguments_are_one_token_each_the_platforms_first() -> None:
    wanted = PLACES.settings("--param=num_epochs=3", "--param=lr_step=16, 24", "--param=note=$(date); `x`")
    assert program_arguments(wanted, "s3://b/data/", "s3://b/out/V0001/") == [
        "codes/train.py",
        "--data_url=s3://b/data/",
        "--train_url=s3://b/out/V0001/",
        "--num_epochs=3",
        "--lr_step=16, 24",
        "--note=$(date); `x`",
    ]


def test_num_gpus_is_sent_with_gpu_flavours_of_v1_only() -> None:
    assert program_arguments(PLACES.settings("--gpus=2"), "d", "t")[3:] == ["--num_gpus=2"]
    assert program_arguments(PLACES.settings("--gpus=2", "--contract=v2"), "d", "t")[3:] == []


def test_the_hook_of_a_v2_job_is_the_shell_script_or_else_the_python_one() -> None:
    assert hook_command("python", ["a.py"]) is None
    assert hook_command("python", ["ma-pre-start.py"]) == ["python", "-u", "ma-pre-start.py"]
    assert hook_command("python", ["ma-pre-start.py", "ma-pre-start.sh"]) == ["bash", "ma-pre-start.sh"]


@pytest.mark.parametrize(
    "flags",
    [
        ["--name=n", "--param=a=x y", "--gpus=1", "--max-run-time=2h", "--description=it's", "--log-url=s3://b/log"],
        ["--contract=v2", "--env=A=1", "--retries=2", "--nodes=2", "--servers=3", "--engine=parity"],
    ],
)
def test_the_command_to_go_on_asks_for_the_same_job(flags: list[str]) -> None:
    wanted = PLACES.settings(*flags)
    version = "V0002" if wanted.contract == "v1" else None
    words = shlex.split(resume_command(wanted, version, PLACES.jobs))
    assert words[0] == "modelarts-local"
    parsed = build_parser().parse_args(words[1:])
    assert settings_from(parsed) == wanted._replace(version=version, predownload=version is None)
    assert parsed.jobs_dir == str(PLACES.jobs)


def test_the_command_to_go_on_shows_no_key() -> None:
    assert "abc" not in resume_command(PLACES.settings("--param=secret=abc"), "V0001", PLACES.jobs)


@pytest.mark.keeps("code-folder-size", "train")
def test_a_code_folder_is_warned_of_above_128_mib_and_refused_above_5_gib(tmp_path: Path) -> None:
    limit = LIMITS["code-folder-size"]
    (tmp_path / "train.py").write_text("")
    weights = tmp_path / "weights"
    weights.touch()
    assert size_findings(tmp_path) == []
    os.truncate(weights, limit.first + 1)
    (warning,) = size_findings(tmp_path)
    assert (warning.severity, warning.found) == ("warning", "128 MiB in the code folder")
    before_start.refuse_errors([warning], PLACES.settings())
    os.truncate(weights, limit.newest + 1)
    errors = size_findings(tmp_path)
    with pytest.raises(JobRefused) as refusal:
        before_start.refuse_errors(errors, PLACES.settings())
    assert str(refusal.value) == (
        f"ModelArts.2761: {PLACES.settings().code_url}: found 5,120 MiB in the code folder; expected at most 128 MiB. "
        "Keep data and weights elsewhere in the bucket; the largest file is weights (5,120 MiB). --no-check starts the "
        "job all the same."
    )


def test_a_refusal_tells_the_first_five_reasons_a_line_each_and_where_all_are() -> None:
    wanted = PLACES.settings()
    errors = [Finding("T10", "error", "codes/a.py", n, "no x", "x", "Add x.") for n in range(1, 8)]
    with pytest.raises(JobRefused) as refusal:
        before_start.refuse_errors(errors, wanted)
    assert str(refusal.value).splitlines() == [
        "the job is refused for 7 reasons; --no-check starts it all the same.",
        *(f"  codes/a.py:{n}: found no x; expected x. Add x." for n in range(1, 6)),
        f"  and 2 more; see: modelarts-local check {wanted.code_url} --boot-file=train.py",
    ]


@pytest.mark.keeps("code-folder-entries", "train")
def test_a_code_folder_is_warned_of_above_1000_entries_and_refused_above_4096(tmp_path: Path) -> None:
    for number in range(999):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / "train.py").write_text("")
    assert size_findings(tmp_path) == []
    (tmp_path / "package").mkdir()
    (warning,) = size_findings(tmp_path)
    assert (warning.severity, warning.found) == ("warning", "1,001 files and folders in the code folder")
    for number in range(3096):
        (tmp_path / "package" / f"{number}.txt").touch()
    (error,) = size_findings(tmp_path)
    assert (error.severity, error.platform_code) == ("error", "ModelArts.2759")


def test_of_a_compiled_boot_file_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "train.pyc").write_bytes(b"")
    assert before_start.findings_in(tmp_path, PLACES.settings("--boot-file=codes/train.pyc")) == []


def size_findings(folder: Path) -> list[Finding]:
    return [found for found in before_start.findings_in(folder, PLACES.settings()) if found.rule == "T5"]
