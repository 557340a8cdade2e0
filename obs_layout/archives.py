"""List the members of a .tar, .tar.gz or .zip as byte ranges. Archives are hostile input.

Nothing is extracted: no name out of an archive ever becomes the name of a file. A plain .tar is read where it
lies; the members of a compressed archive are written one behind the other into one spool file.
"""

from __future__ import annotations

import gzip
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Iterator, NamedTuple, cast

from obs_layout.errors import DataError

MAX_IMAGE_BYTES = 64 << 20  # chosen: the largest Caltech-101 file has 0.6 MB; bounds the memory of a worker
# Photographs hardly compress. What unpacks to far more than itself is no archive of photographs but a bomb.
MAX_EXPANSION = 20
EXPANSION_ALLOWANCE_BYTES = 64 << 20

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")
# What tarfile, zipfile and zlib raise on damaged archives: no common base, and ValueError for impossible
# numbers.
ARCHIVE_ERRORS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


class FoundFile(NamedTuple):
    """One file of a folder or an archive.

    path: its name there, '/' between folders. container, byte_offset, size_bytes: where its bytes lie.
    fault: why it cannot be used; None when nothing is known against it.
    """

    path: str
    container: str
    byte_offset: int
    size_bytes: int
    fault: str | None = None


def walk_archive(source: Path, spool_path: Path) -> Iterator[FoundFile]:
    """Yield every member of an archive that is not a folder; the kind of archive is told by its content.

    spool_path: file that takes the members of a compressed archive; not written for a plain .tar.
    Raises DataError when the file is not such an archive, unpacks to far more than its size, or is damaged.
    """
    try:
        with open(source, "rb") as archive:
            start = archive.read(4)
        if start[:2] == b"\x1f\x8b":
            yield from _walk_tar_gz(source, spool_path)
        elif start[:2] == b"PK":
            yield from _walk_zip(source, spool_path)
        elif tarfile.is_tarfile(str(source)):
            yield from _walk_tar(source)
        else:
            raise DataError(
                f"{source}: it starts with the bytes {start!r}, which is no .tar, .tar.gz or .zip archive."
                " Pass such an archive or a folder with one folder for each class."
            )
    except ARCHIVE_ERRORS as error:
        raise DataError(f"{source}: the archive is damaged ({error}). Download it again.") from error


def size_fault(size_bytes: int) -> str | None:
    """Return why a file of this size is not read as an image, or None."""
    if size_bytes > MAX_IMAGE_BYTES:
        return f"it has {size_bytes} bytes, more than the {MAX_IMAGE_BYTES} allowed for one image"
    return None


def _walk_tar(source: Path) -> Iterator[FoundFile]:
    with tarfile.open(source, "r:") as archive:
        for member in _tar_members(archive):
            yield FoundFile(member.name, str(source), member.offset_data, member.size, _member_fault(member))


def _walk_tar_gz(source: Path, spool_path: Path) -> Iterator[FoundFile]:
    with gzip.open(source, "rb") as unzipped, open(spool_path, "wb") as spool_file:
        spool = _Spool(spool_file, spool_path)
        bounded = _BoundedStream(unzipped, source)
        with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r|") as archive:
            for member in _tar_members(archive):
                fault = _member_fault(member) or size_fault(member.size)
                content = None if fault else archive.extractfile(member)
                yield spool.add(member.name, content.read() if content else b"", fault)


def _tar_members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    member = archive.next()
    while member is not None:
        if not member.isdir():
            yield member
        archive.members.clear()  # type: ignore[attr-defined]  # else tarfile keeps every header it has read
        member = archive.next()


def _member_fault(member: tarfile.TarInfo) -> str | None:
    return None if member.isreg() and not member.issparse() else "it is a link or a special file"


def _walk_zip(source: Path, spool_path: Path) -> Iterator[FoundFile]:
    with zipfile.ZipFile(source) as archive, open(spool_path, "wb") as spool_file:
        spool = _Spool(spool_file, spool_path)
        limit_bytes = _expansion_limit(source)
        for member in archive.infolist():
            if member.is_dir():
                continue
            fault, content = size_fault(member.file_size), b""
            if fault is None:
                fault, content = _read_member(archive, member)
            if spool.size_bytes + len(content) > limit_bytes:
                raise _bomb(source)
            yield spool.add(member.filename, content, fault)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[str | None, bytes]:
    # One member may be encrypted, use an unknown method or fail its checksum while the others are good.
    try:
        with archive.open(member) as stream:
            return None, stream.read(MAX_IMAGE_BYTES)
    except ARCHIVE_ERRORS as error:
        return f"it does not unpack ({error})", b""


def _expansion_limit(source: Path) -> int:
    return source.stat().st_size * MAX_EXPANSION + EXPANSION_ALLOWANCE_BYTES


def _bomb(source: Path) -> DataError:
    return DataError(
        f"{source}: it unpacks to more than {MAX_EXPANSION} times its size, which photographs do not."
        " If you trust it, unpack it yourself and pack the folder."
    )


class _Spool:
    """Takes the contents of all members, one behind the other."""

    def __init__(self, spool_file: IO[bytes], path: Path) -> None:
        self._file = spool_file
        self._path = path
        self.size_bytes = 0

    def add(self, name: str, content: bytes, fault: str | None) -> FoundFile:
        """Append the content of one member and return where it lies."""
        self._file.write(content)
        found = FoundFile(name, str(self._path), self.size_bytes, len(content), fault)
        self.size_bytes += len(content)
        return found


class _BoundedStream:
    """A decompressing stream that refuses to yield more than photographs could have been compressed from."""

    def __init__(self, stream: gzip.GzipFile, source: Path) -> None:
        self._stream = stream
        self._source = source
        self._bytes_left = _expansion_limit(source)

    def read(self, wanted_bytes: int) -> bytes:
        """Return at most `wanted_bytes`; raises DataError beyond the limit."""
        content = self._stream.read(wanted_bytes)
        self._bytes_left -= len(content)
        if self._bytes_left < 0:
            raise _bomb(self._source)
        return content
