"""The manifest of a packed data set: what is in it, how it was made, and the sha256 of every file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, NamedTuple

from obs_layout.errors import DataError
from obs_layout.layout import FILE_NAME_RULE, MANIFEST_FILE, is_file_name

FORMAT_VERSION = 1
_BLOCK_BYTES = 1 << 20

Manifest = Dict[str, Any]


class FileDigest(NamedTuple):
    """Size and content of one file; two files with equal digests are the same."""

    size_bytes: int
    sha256: str


def digest_file(path: Path) -> FileDigest:
    """Read the file once and return its digest. Raises OSError."""
    sha256 = hashlib.sha256()
    size_bytes = 0
    with open(path, "rb") as stream:
        while True:
            block = stream.read(_BLOCK_BYTES)
            if not block:
                return FileDigest(size_bytes, sha256.hexdigest())
            sha256.update(block)
            size_bytes += len(block)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into the folder, keys in the given order. No time and no path: same images, same
    bytes."""
    text = json.dumps(manifest, indent=2) + "\n"
    (folder / MANIFEST_FILE).write_bytes(text.encode("ascii"))


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a packed folder.

    Raises DataError when it is missing, is not JSON, or is not a manifest of this format version.
    """
    path = folder / MANIFEST_FILE
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            f"{folder}: there is no {MANIFEST_FILE}, so nothing tells what should be here. Pack again."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: it is not JSON ({error}). Pack again.") from error
    if not isinstance(manifest, dict) or manifest.get("format_version") != FORMAT_VERSION:
        found = manifest.get("format_version") if isinstance(manifest, dict) else type(manifest).__name__
        raise DataError(
            f"{path}: format_version is {found!r}, expected {FORMAT_VERSION}. Pack again with this version."
        )
    for key, kind in (("name", str), ("splits", dict), ("files", dict), ("settings", dict)):
        if not isinstance(manifest.get(key), kind):
            raise DataError(f"{path}: {key!r} is missing or of the wrong type. Pack again.")
    # The names of the files are made from it.
    if not is_file_name(manifest["name"]):
        raise DataError(f"{path}: the name is {manifest['name']!r}, expected {FILE_NAME_RULE}. Pack again.")
    return manifest
