"""The command line of obs_layout, before any command runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from obs_layout.arguments import build_parser
from obs_layout.cli import main
from obs_layout.storage import engine


def error_of(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ending:
        main(argv)
    assert ending.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_pack_defaults() -> None:
    assert vars(build_parser().parse_args(["pack", "images", "out"])) == {
        "command": "pack",
        "images": Path("images"),
        "out": Path("out"),
        "name": "Caltech101",
        "train_ratio": 0.8,
        "seed": 0,
        "resize": 256,
        "quality": 95,
        "pass_through": False,
        "max_bad_percent": 1.0,
        "workers": engine.usable_processors(),
        "json": False,
    }


def test_verify_defaults() -> None:
    assert vars(build_parser().parse_args(["verify", "place"])) == {
        "command": "verify",
        "place": "place",
        "image_size": None,
        "workers": engine.usable_processors(),
        "all": False,
        "json": False,
    }


@pytest.mark.parametrize(("command", "places"), [("push", ["folder", "s3://b/k"]), ("pull", ["s3://b/k", "folder"])])
def test_push_and_pull_defaults(command: str, places: list[str]) -> None:
    assert vars(build_parser().parse_args([command, *places])) == {
        "command": command,
        "local": Path("folder"),
        "url": "s3://b/k",
        "all": False,
        "dry_run": False,
        "verbose": False,
        "json": False,
        **({"create_bucket": False} if command == "push" else {}),
    }


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--train-ratio", "1", "'1' is not between 0 and 1"),
        ("--train-ratio", "nan", "'nan' is not between 0 and 1"),
        ("--train-ratio", "x", "'x' is not a number"),
        ("--resize", "-1", "'-1' is not a whole number from 0 to 8192"),
        ("--quality", "101", "'101' is not a whole number from 1 to 100"),
        ("--workers", "0", "'0' is not a whole number from 1 to 1024"),
        ("--max-bad-percent", "101", "'101' is not between 0 and 100"),
        ("--name", "../x", "'../x' is not a name of letters, digits, '-' and '_'"),
        ("--name", "", "'' is not a name of letters, digits, '-' and '_'"),
    ],
)
def test_a_value_out_of_range_is_refused(
    flag: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        error_of(["pack", "in", "out", f"{flag}={value}"], capsys)
        == f"obs_layout pack: error: argument {flag}: {message}"
    )


@pytest.mark.parametrize(
    "argv", [["push", "folder", "gs://b/k"], ["pull", "gs://b/k", "folder"], ["verify", "gs://b/k"]]
)
def test_a_url_of_another_scheme_is_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "'gs://b/k': only s3:// and obs:// URLs and local paths are understood" in error_of(argv, capsys)


def test_a_missing_command_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "the following arguments are required: COMMAND" in error_of([], capsys)


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    return " ".join(capsys.readouterr().out.split())


def test_every_default_that_says_something_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of("pack", capsys)
    for default in ("Caltech101", "0.8", "0", "256", "95", "1.0"):
        assert f"(default: {default})" in shown


@pytest.mark.parametrize("command", ["pack", "verify", "push", "pull", "layout"])
def test_help_tells_a_default_once_and_none_of_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of(command, capsys)
    assert "default: None" not in shown and "default: False" not in shown
    assert ") (default:" not in shown


def test_it_runs_from_a_checkout_without_installation_and_loads_no_storage_client(tmp_path: Path) -> None:
    checkout = Path(__file__).resolve().parents[2]
    program = (
        f"import sys; sys.path.insert(0, {str(checkout)!r})\n"
        "from obs_layout.cli import main\n"
        "main(['layout', '--bucket', 'mine'])\n"
        "print([name for name in ('boto3', 'mxnet') if name in sys.modules])\n"
    )
    command = [sys.executable, "-I", "-c", program]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("mine/\n") and shown.endswith("[]\n")


@pytest.mark.parametrize("url", ["s3://bucket/mxnet_format", "obs:/bucket/mxnet_format"])
def test_packing_into_a_bucket_is_refused_with_the_two_steps_that_work(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of(["pack", "images", url], capsys)
    assert message.endswith(f"{url!r} is no folder on this machine. Pack into one, then: obs_layout push FOLDER {url}")
