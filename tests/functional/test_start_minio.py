"""start-minio: each way to storage, what it prints, and what it says when there is none.

The PATH holds only the few tools it needs and, where a test wants it, a stand-in for minio: a program of that
name that starts moto's S3 server with the arguments that MinIO's takes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

from obs_layout.cli import main

SCRIPT = Path(__file__).resolve().parents[2] / "obs_layout" / "minio" / "start-minio"
TOOLS = [
    "sh",
    "cat",
    "curl",
    "dirname",
    "grep",
    "mkdir",
    "mv",
    "nohup",
    "od",
    "ps",
    "rm",
    "sleep",
    "tail",
    "tr",
]
MINIO = """#!{python}
import sys, time
from moto.server import ThreadedMotoServer
command, data, address_flag, address, console_flag, console = sys.argv[1:]
assert (command, address_flag, console_flag) == ("server", "--address", "--console-address"), sys.argv
host, port = address.split(":")
assert host == console.split(":")[0] == "127.0.0.1"
ThreadedMotoServer(ip_address=host, port=int(port), verbose=False).start()
time.sleep(600)
"""
BROKEN_MINIO = "#!/bin/sh\necho 'ERROR Unable to start: drive not found'\nexit 1\n"
DOCKER = '#!/bin/sh\n[ "$*" = "compose version" ] && exit 0\necho "docker $*"; exit 9\n'

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with the tools and nothing else: the PATH of the script."""
    folder = tmp_path / "path"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found is None:
            pytest.skip(f"{tool} is not installed here")
        (folder / tool).symlink_to(found)
    return folder


@pytest.fixture
def run(path: Path, tmp_path: Path, no_storage: None) -> Run:
    """A function that runs the script in tmp_path with arguments and extra variables."""

    def run_script(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(path), "HOME": str(tmp_path), **variables}
        command = [SCRIPT, *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    return run_script


def program(path: Path, name: str, content: str) -> None:
    (path / name).write_text(content.format(python=sys.executable) if "{python}" in content else content)
    (path / name).chmod(0o755)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


def exports(output: str) -> dict[str, str]:
    lines = [line[len("export ") :].split("=", 1) for line in output.splitlines()]
    return {name: value.strip("'") for name, value in lines}


def test_without_any_way_it_says_what_to_install(run: Run) -> None:
    done = run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "start-minio: install MinIO's server (minio) or Docker with Compose,"
        " or set S3_ENDPOINT to an S3 server that runs already;"
        " for a try `.venv/bin/moto_server -p 9000` is one, with any keys\n"
    )


@pytest.mark.parametrize("spelling", ["http://{host}", "{host}"])
def test_a_given_endpoint_is_only_checked(spelling: str, run: Run, s3_endpoint: str, tmp_path: Path) -> None:
    endpoint = spelling.format(host=s3_endpoint.partition("://")[2])
    done = run(S3_ENDPOINT=endpoint, S3_USE_HTTPS="0")
    assert (done.returncode, done.stdout) == (0, f"export S3_ENDPOINT='{endpoint}'\n")
    assert done.stderr == f"start-minio: {endpoint} answers; nothing was started\n"
    assert not (tmp_path / ".minio").exists()


def test_a_given_endpoint_that_does_not_answer_is_named(run: Run, port: int) -> None:
    done = run(S3_ENDPOINT=f"http://127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"start-minio: S3_ENDPOINT is http://127.0.0.1:{port}, where nothing answers;"
        " start that server, or unset S3_ENDPOINT to start MinIO\n"
    )


def test_minio_is_started_and_the_exports_open_its_bucket(
    run: Run, path: Path, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path, "minio", MINIO)
    done = run("--port", port, "--bucket", "mine", "store")
    try:
        assert done.returncode == 0, done.stderr
        variables = exports(done.stdout)
        assert set(variables) == {"S3_ENDPOINT", "S3_USE_HTTPS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
        assert variables["S3_ENDPOINT"] == f"http://127.0.0.1:{port}"
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "a").write_bytes(b"content")
        assert main(["push", str(tmp_path / "in"), "s3://mine/data"]) == 0
        again = run("--port", port, "--bucket", "mine", "store")
        assert (again.returncode, again.stdout) == (0, done.stdout)
    finally:
        stopped = run("--stop", "store")
    assert stopped.stderr == f"start-minio: stopped; the objects stay in {tmp_path}/store/data\n"
    assert run("--stop", "store").stderr == f"start-minio: nothing runs for {tmp_path}/store\n"


def test_the_keys_are_new_for_each_folder_and_readable_by_the_user_only(
    run: Run, path: Path, port: int, tmp_path: Path
) -> None:
    program(path, "minio", BROKEN_MINIO)
    for folder in ("one", "two"):
        run("--port", port, folder)
    one, two = ((tmp_path / folder / "keys").read_text().split() for folder in ("one", "two"))
    assert one[0] != two[0] and one[1] != two[1] and len(one[1]) == 40
    assert os.stat(tmp_path / "one" / "keys").st_mode & 0o077 == 0


def test_a_minio_that_does_not_start_is_shown_with_its_last_words(run: Run, path: Path, port: int) -> None:
    program(path, "minio", BROKEN_MINIO)
    done = run("--port", port)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "ERROR Unable to start: drive not found\n"
        f"start-minio: MinIO does not answer at http://127.0.0.1:{port}; is port {port} taken?"
        " See above, or choose another --port\n"
    )


def test_a_port_where_another_program_answers_is_left_to_it(run: Run, path: Path, s3_endpoint: str) -> None:
    program(path, "minio", BROKEN_MINIO)
    done = run("--port", s3_endpoint.rpartition(":")[2])
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"start-minio: another program answers at {s3_endpoint} already; stop it, or choose another --port\n"
    )


def test_docker_compose_is_the_last_way_and_gets_our_file(run: Run, path: Path, port: int) -> None:
    program(path, "docker", DOCKER)
    done = run("--port", port)
    assert done.returncode == 9
    expected = f"docker compose --project-name start-minio --file {SCRIPT.parent}/compose.yaml up --detach"
    assert done.stderr.splitlines() == [expected]


def test_the_container_listens_on_this_machine_only_and_its_release_is_pinned() -> None:
    compose = (SCRIPT.parent / "compose.yaml").read_text()
    assert "image: minio/minio:RELEASE.2025-04-22T22-12-26Z\n" in compose
    ports = [line.strip() for line in compose.splitlines() if ":900" in line and line.strip().startswith('- "')]
    assert len(ports) == 2 and all(line.startswith('- "127.0.0.1:') for line in ports)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--port", "http"], "--port: 'http' is not a port number from 1 to 65535"),
    (["--port", "65536"], "--port: '65536' is not a port number from 1 to 65535"),
    (["--console-port", ""], "--console-port: '' is not a port number from 1 to 65535"),
    (["--bucket", "My_Bucket"],
     "--bucket: 'My_Bucket' is not a bucket name of lower-case letters, digits, '-' and '.'"),
    (["--bucket"], "--bucket needs a value; see start-minio --help"),
    (["--frobnicate"], "unknown option --frobnicate; see start-minio --help"),
])  # fmt: skip
def test_a_wrong_command_line_is_refused(arguments: list[str], message: str, run: Run) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"start-minio: {message}\n")


def test_help_names_the_defaults(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    for default in ("(default: 9000)", "(default: 9001)", "(default: .minio)", "(default: caltech;"):
        assert default in done.stdout


def test_stopping_what_was_never_started_is_named(run: Run) -> None:
    done = run("--stop", "nowhere")
    assert (done.returncode, done.stderr) == (1, "start-minio: nothing was started for nowhere\n")
