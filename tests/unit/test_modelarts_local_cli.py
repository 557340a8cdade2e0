"""The command line of modelarts_local, before any command runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelarts_local.cli import build_parser, main


def test_serve_defaults() -> None:
    arguments = build_parser().parse_args(["serve", "out"])
    assert (arguments.parent, arguments.host, arguments.port) == ("out", "127.0.0.1", 8080)
    assert arguments.auth == ()


def test_train_defaults() -> None:
    needed = ["--code-dir=c", "--boot-file=b.py", "--data-url=d", "--train-url=t"]
    arguments = vars(build_parser().parse_args(["train", *needed]))
    expected = {"contract": "v1", "engine": "local", "gpus": 0, "nodes": 1, "servers": 1, "upload_interval": 30}
    assert {name: arguments[name] for name in expected} == expected
    assert [arguments[name] for name in ("max_run_time", "train_version", "log_url", "jobs_dir", "name")] == [None] * 5


def test_predict_defaults() -> None:
    arguments = build_parser().parse_args(["predict", "a.jpg", "b.jpg"])
    assert (arguments.images, arguments.url, arguments.json) == (
        ["a.jpg", "b.jpg"],
        "http://127.0.0.1:8080/",
        False,
    )
    assert (arguments.connections, arguments.retries, arguments.insecure, arguments.auth) == (4, 3, False, "any")
    assert (arguments.dir, arguments.rec, arguments.data, arguments.labels) == (None, None, None, None)


@pytest.mark.parametrize("port", ["-1", "65536", "http", ""])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["serve", "out", f"--port={port}"])
    assert ending.value.code == 2
    assert f"argument --port: {port!r} is not a port; give a number from 0 to 65535" in capsys.readouterr().err


def test_a_missing_command_is_a_wrong_command_line() -> None:
    with pytest.raises(SystemExit) as ending:
        main([])
    assert ending.value.code == 2


@pytest.mark.parametrize(
    "command", ["check", "train", "list", "show", "logs", "stop", "rm", "prune", "serve", "predict", "submit"]
)
def test_help_fits_100_columns_and_ends_with_the_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if len(line) > 100] == []
    assert shown.split("\n\n")[-1].startswith("exit codes: 0 ")
    assert "default: None" not in shown and "default: False" not in shown


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("check", ("--boot-file", "exit codes: 0")),
        ("train", ("(default: v1)", "Ctrl-C")),
        ("serve", ("(default: 8080)", "input_data_shape")),
        ("predict", ("--labels", "exit codes: 0")),
        ("submit", ("RUNS THERE COSTS MONEY", "exit codes: 0")),
    ],
)
def test_help_imports_neither_the_engine_nor_the_web_server(command: str, told: tuple[str, str]) -> None:
    program = (
        "import sys; from modelarts_local.cli import main\n"
        f"try: main(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('mxnet', 'starlette', 'uvicorn', 'httpx', 'boto3') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert all(words in shown for words in told)
    assert shown.splitlines()[-1] == "[]"
