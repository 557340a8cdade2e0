"""What people write with boto3: its TransferManager, called for one file after the other or by a pool of threads.

    python -m benchmarks.boto3_tree upload|download FOLDER s3://BUCKET/PREFIX THREADS

THREADS is 0 for no pool. Endpoint and keys come from the environment, as boto3 reads them.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Sequence

import boto3.session
from botocore.config import Config

PREPARING_THREADS = 16  # of what lies there before anything is measured
PARTS_IN_FLIGHT = 10  # of one file: what boto3's TransferConfig has by default


def main(argv: Sequence[str]) -> None:
    """Copy the files of FOLDER below PREFIX, or the other way."""
    verb, folder, url, threads = argv
    bucket, _, prefix = url[len("s3://") :].partition("/")
    copy = upload_tree if verb == "upload" else download_tree
    copy(make_client(max(1, int(threads)) * PARTS_IN_FLIGHT), Path(folder), bucket, prefix, int(threads))


def make_client(connections: int, **settings: Any) -> Any:
    """A boto3 client with room for as many connections as will be used; fewer would be thrown away and made anew."""
    return boto3.session.Session().client("s3", config=Config(max_pool_connections=connections), **settings)


def upload_tree(client: Any, folder: Path, bucket: str, prefix: str, threads: int) -> None:
    """Upload every file below `folder`, `threads` at a time."""

    def upload(path: Path) -> None:
        client.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(folder).as_posix()}")

    _each(upload, (path for path in folder.rglob("*") if path.is_file()), threads)


def download_tree(client: Any, folder: Path, bucket: str, prefix: str, threads: int) -> None:
    """Download every object below `prefix/`, `threads` at a time."""

    def download(key: str) -> None:
        target = folder / key[len(prefix) + 1 :]
        target.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, key, str(target))

    _each(download, (key for key, _ in list_objects(client, bucket, f"{prefix}/")), threads)


def list_objects(client: Any, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield key and bytes of every object whose key begins with `prefix`."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            yield item["Key"], item["Size"]


def _each(work: Callable[[Any], None], items: Iterable[Any], threads: int) -> None:
    if not threads:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass


if __name__ == "__main__":
    main(sys.argv[1:])
