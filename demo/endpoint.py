"""The S3 endpoint of the demo: one that is given, else MinIO, else moto's HTTP server."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Iterator, NamedTuple

from demo.programs import running

HOST = "127.0.0.1"
START_TIMEOUT_S = 30  # chosen; MinIO takes one or two seconds
KEY_NAMES = ("AWS_ACCESS_KEY_ID", "S3_ACCESS_KEY_ID", "ACCESS_KEY_ID")


class EndpointFailed(Exception):
    """No storage to work with; the message says why."""


class Endpoint(NamedTuple):
    """A storage server. name: what it is, for people; environment: the variables that lead programs to it."""

    name: str
    environment: dict[str, str]


@contextlib.contextmanager
def s3_endpoint(folder: Path) -> Iterator[Endpoint]:
    """Yield an Endpoint: $S3_ENDPOINT as it is, or a server that runs until the block ends.

    folder: MinIO keeps its objects here. Raises EndpointFailed.
    """
    if os.environ.get("S3_ENDPOINT"):
        if not any(os.environ.get(name) for name in KEY_NAMES):
            raise EndpointFailed("S3_ENDPOINT is set but no key is; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        yield Endpoint(os.environ["S3_ENDPOINT"], {})
    elif shutil.which("minio"):
        with _minio(folder) as endpoint:
            yield endpoint
    else:
        with _moto() as endpoint:
            yield endpoint


@contextlib.contextmanager
def _moto() -> Iterator[Endpoint]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # one line a request otherwise
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    try:
        yield Endpoint("moto, an S3 server in Python", _local_environment(server.get_host_and_port()[1]))
    finally:
        server.stop()


@contextlib.contextmanager
def _minio(folder: Path) -> Iterator[Endpoint]:
    port = _free_port()
    environment = _local_environment(port)
    with running(
        ["minio", "server", str(folder / "minio"), "--address", f"{HOST}:{port}"],
        env={
            **os.environ,
            "MINIO_ROOT_USER": environment["AWS_ACCESS_KEY_ID"],
            "MINIO_ROOT_PASSWORD": environment["AWS_SECRET_ACCESS_KEY"],
            "MINIO_BROWSER": "off",  # its web page would listen on all interfaces
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        _wait_for(f"http://{HOST}:{port}/minio/health/live", server)
        yield Endpoint("MinIO", environment)


def _wait_for(url: str, server: subprocess.Popen[str]) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy has a loopback of its own
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with direct.open(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise EndpointFailed(
        f"minio did not answer at {url} within {START_TIMEOUT_S} s; start it by hand to see why,"
        " or set S3_ENDPOINT to a server of your own."
    )


def _local_environment(port: int) -> dict[str, str]:
    return {
        "S3_ENDPOINT": f"{HOST}:{port}",
        "S3_USE_HTTPS": "0",
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
