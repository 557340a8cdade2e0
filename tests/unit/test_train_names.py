"""What jobs, versions and parameters may be called."""

from __future__ import annotations

import pytest

from modelarts_local.errors import CommandLineError
from modelarts_local.job import names
from modelarts_local.job.durations import as_text, duration_s


@pytest.mark.keeps("job-name", "train")
def test_a_job_name_of_64_characters_is_taken_and_one_of_65_is_not() -> None:
    assert names.check_job_name("a" * 20) == []
    assert names.check_job_name("Z-_9" * 16) == ["the job's name has 64 characters; the platform of 2019 took 20"]
    with pytest.raises(CommandLineError) as refusal:
        names.check_job_name("a" * 65)
    assert str(refusal.value) == (
        f"--name={'a' * 65!r}: the platform takes 1 to 64 of the characters 0-9 A-Z a-z _ and -."
    )


@pytest.mark.parametrize("name", ["", "a b", "a.b", "../a", "a/b", "é", "$(date)", "a\n"])
def test_a_job_name_with_other_characters_is_refused(name: str) -> None:
    with pytest.raises(CommandLineError, match="the platform takes 1 to 64 of the characters"):
        names.check_job_name(name)


@pytest.mark.keeps("job-description", "train")
def test_a_description_of_256_characters_is_taken_and_one_of_257_is_not() -> None:
    assert names.check_description("d" * 256) == "d" * 256
    with pytest.raises(CommandLineError) as refusal:
        names.check_description("d" * 257)
    assert str(refusal.value) == "--description has 257 characters; the platform takes 256. Shorten it."


@pytest.mark.parametrize(
    ("boot_file", "name"),
    [("train.py", "train"), ("a/my train.v2.py", "my_train_v2"), ("a" * 30 + ".py", "a" * 20), (".py", "_py")],
)
def test_a_job_is_called_as_its_boot_file_as_far_as_the_platform_takes_it(boot_file: str, name: str) -> None:
    assert names.default_job_name(boot_file) == name
    assert names.check_job_name(name) == []


@pytest.mark.parametrize(
    ("there", "version"),
    [
        ([], "V0001"),
        (["V0001", "V0003"], "V0004"),
        (["model", "V1", "V00001", "v0007", "V0000", "xV0008"], "V0001"),
        (["V0999"], "V1000"),
    ],
)
def test_the_next_version_comes_after_the_highest_that_is_there(there: list[str], version: str) -> None:
    assert names.next_version(there) == version


@pytest.mark.keeps("version-digits", "train")
def test_a_version_has_four_digits_and_none_comes_after_v9999() -> None:
    assert names.next_version(["V9998"]) == "V9999"
    with pytest.raises(CommandLineError) as refusal:
        names.next_version(["V9999"])
    assert str(refusal.value) == "--train-url holds V9999, the last version there can be. Give another folder."


def test_a_parameter_is_split_at_the_first_equals_sign_and_may_be_empty() -> None:
    assert names.split_parameter("--param", "lr_step=16, 24=x") == ("lr_step", "16, 24=x")
    assert names.split_parameter("--param", "note=") == ("note", "")


@pytest.mark.parametrize("text", ["num_epochs", "--num_epochs=3", "=3", "a b=3", "", "1=2"])
def test_what_is_no_parameter_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(CommandLineError) as refusal:
        names.split_parameter("--param", text)
    assert "is not NAME=VALUE; write it without dashes, as in --param num_epochs=3." in str(refusal.value)


def test_a_variable_has_a_name_of_its_own_kind_and_its_value_is_not_repeated() -> None:
    with pytest.raises(CommandLineError) as refusal:
        names.split_parameter("--env", "MY-KEY=hidden")
    assert str(refusal.value) == (
        "--env 'MY-KEY=...' is not NAME=VALUE; write it without dashes, as in --env PS_VERBOSE=2."
    )


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("--num_epochs=3", "--num_epochs=3"),
        ("--sk=abc", "--sk=***"),
        ("--AccessKey=abc=d", "--AccessKey=***"),
        ("AWS_SESSION_TOKEN=x", "AWS_SESSION_TOKEN=***"),
        ("--task=abc", "--task=abc"),
        ("--db_password=", "--db_password=***"),
    ],
)
def test_values_that_are_likely_keys_are_not_shown(argument: str, shown: str) -> None:
    assert names.masked(argument) == shown


def test_log_files_are_called_as_on_the_platform() -> None:
    assert names.log_name("v1", "caltech", "job0123abcd", 1) == "caltech.1"
    assert names.log_name("v2", "caltech", "job0123abcd", 0) == "modelarts-job-0123abcd-worker-0.log"


@pytest.mark.parametrize(("text", "seconds"), [("45", 45), ("45s", 45), ("90m", 5400), ("1h30m", 5400), ("2h", 7200)])
def test_times_are_read_as_people_write_them(text: str, seconds: int) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "2d", "-1", "1.5h", "m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="is not a time; write it as in 2h, 90m, 1h30m or 45s"):
        duration_s(text)


def test_times_are_told_in_the_unit_that_fits() -> None:
    assert [as_text(seconds) for seconds in (12.4, 600, 12000)] == ["12 s", "10 min", "3 h 20 min"]
