"""Whether a bucket is there, and how one is created."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from obs_layout.errors import StorageError
from obs_layout.storage import (
    MoxFileDeniedRespException,
    MoxFileException,
    MoxFileMissingRespException,
    MoxFileRespException,
)

FIRST_REGIONS = (None, "us-east-1", "aws-global")  # the oldest one, by all its names


def bucket_is_missing(bucket: str) -> bool:
    """Tell whether the storage says that there is no such bucket; one that it lets nobody look at is there.

    Raises StorageError when it does not answer, or refuses in another way.
    """
    try:
        with _client("look at the bucket", bucket) as client:
            client.head_bucket(Bucket=bucket)
    except MoxFileMissingRespException:
        return True
    except MoxFileDeniedRespException:
        return False
    except MoxFileException as error:
        raise StorageError(f"{error}.") from error
    return False


def create_bucket(bucket: str) -> None:
    """Create a bucket in the client's region. Raises StorageError when the storage refuses."""
    try:
        with _client("create the bucket", bucket) as client:
            region = client.meta.region_name
            # S3 wants the region named, except the first one, which must not be
            place: dict[str, Any] = (
                {} if region in FIRST_REGIONS else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            )
            client.create_bucket(Bucket=bucket, **place)
    except MoxFileException as error:
        code = error.resp.errorCode if isinstance(error, MoxFileRespException) else None
        if code == "BucketAlreadyOwnedByYou":  # somebody else with these keys was faster
            return
        if code == "BucketAlreadyExists":
            raise StorageError(f"{error}. The name belongs to somebody else: choose another.") from error
        raise StorageError(f"{error}.") from error


@contextlib.contextmanager
def _client(action: str, bucket: str) -> Iterator[Any]:
    # imported here: it takes a second, and `layout` and --help need no storage
    from moxing_shim.client import get_client
    from moxing_shim.s3_errors import translated

    client, settings = get_client()
    with translated(action, bucket, settings.endpoint):
        yield client
