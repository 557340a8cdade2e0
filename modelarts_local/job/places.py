"""Places of a job: folders on this computer and in buckets, and what can be asked of both."""

from __future__ import annotations

import os

from obs_layout.storage import mox_file, parse_url

from ..errors import CommandLineError, storage_errors


def folder_place(flag: str, text: str) -> str:
    """Return the folder that a flag names: s3://bucket/key/ or an absolute path, both with a slash at the end.

    ModelArts passes s3:// whatever the user picked, with the slash that folders have in its console (contract 1.3).

    Raises CommandLineError for other schemes and for a URL without a bucket.
    """
    try:
        place = parse_url(text)
    except ValueError as error:
        raise CommandLineError(f"{flag}={text}: {error}.") from error
    if not text:
        raise CommandLineError(f"{flag} is empty; give a folder or an s3:// or obs:// URL.")
    if place.is_local:
        return os.path.join(os.path.abspath(os.path.expanduser(place.path)), "")
    return f"s3://{place.bucket}/{place.prefix}"


def is_url(place: str) -> bool:
    """Tell whether a place lies in a bucket."""
    return place.startswith("s3://")


def last_component(place: str) -> str:
    """Return the name of a folder; empty for a whole bucket."""
    path = place[len("s3://") :].partition("/")[2] if is_url(place) else place
    return path.rstrip("/").rpartition("/")[2]


def names_in(place: str) -> list[str]:
    """Return the names directly in a folder; none when there is no such folder. Raises StorageFailed."""
    with storage_errors(f"listing {place} failed", place):
        return list(mox_file.list_directory(place)) if mox_file.is_directory(place) else []


def is_folder(place: str) -> bool:
    """Tell whether there is such a folder. Raises StorageFailed when storage does not say."""
    with storage_errors(f"looking for {place} failed", place):
        return bool(mox_file.is_directory(place))


def is_file(place: str) -> bool:
    """Tell whether there is such a file or object. Raises StorageFailed when storage does not say."""
    with storage_errors(f"looking for {place} failed", place):
        return bool(mox_file.exists(place) and not mox_file.is_directory(place))


def make_folder(place: str) -> None:
    """Make a folder, and what is missing above it. Raises StorageFailed."""
    with storage_errors(f"making {place} failed", place):
        mox_file.make_dirs(place)
