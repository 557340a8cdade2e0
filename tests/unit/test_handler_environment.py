"""A handler's process gets the environment without keys, and how it ended is said in words."""

from __future__ import annotations

import pytest

from modelarts_local.handler_process import describe_exit, handler_environment


@pytest.mark.parametrize(
    "name",
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "S3_ACCESS_KEY_ID",
        "S3_SECRET_ACCESS_KEY",
        "ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY",
        "SECURITY_TOKEN",
        "MODELARTS_TOKEN",
        "MODELARTS_APP_CODE",
        "MODELARTS_APPCODE",
        "HUAWEICLOUD_SDK_AK",
        "HUAWEICLOUD_SDK_SK",
        "OS_PASSWORD",
        "DB_PASSWD",
        "GITHUB_TOKEN",
        "SOME_API_KEY",
        "APP_KEY",
        "SSH_PRIVATE_KEY",
        "github_token",
    ],
)
def test_no_key_reaches_a_handler(name: str) -> None:
    assert handler_environment({name: "secret", "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "LANG",
        "PYTHONPATH",
        "OMP_NUM_THREADS",
        "LD_LIBRARY_PATH",
        "S3_ENDPOINT",
        "TOKENIZERS_PARALLELISM",
        "KEYBOARD",
        "input_data_name",
        "TASK",
    ],
)
def test_everything_else_does(name: str) -> None:
    assert handler_environment({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    ("returncode", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-11, "killed by SIGSEGV"),
        (-9, "killed by SIGKILL; the system ends a process so when memory runs out"),
        (-77, "killed by signal 77"),
    ],
)
def test_how_a_process_ended_is_said_in_words(returncode: int, words: str) -> None:
    assert describe_exit(returncode) == words
