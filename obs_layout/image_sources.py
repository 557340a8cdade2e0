"""Find the images of a folder or an archive, the class of each, and where its bytes lie.

Every image is a range of bytes in some file, so that any process can read any image, and a folder and an
archive of it give the same list.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Iterator, NamedTuple

from obs_layout.archives import ARCHIVE_SUFFIXES, FoundFile, size_fault, walk_archive
from obs_layout.errors import DataError

_IGNORED_NAMES = {"thumbs.db", "desktop.ini", "__macosx"}


class ImageRef(NamedTuple):
    """Where the bytes of one image lie.

    class_name: the name of its class folder. path: 'class/name', what lists and messages call it.
    container, byte_offset, size_bytes: the range of bytes in a file.
    fault: why it cannot be used, found out already while listing; None when nothing is known against it.
    """

    class_name: str
    path: str
    container: str
    byte_offset: int
    size_bytes: int
    fault: str | None = None

    def read(self) -> bytes:
        """Return the bytes of the image, fewer than size_bytes when the container ends early. Raises
        OSError."""
        with open(self.container, "rb") as container:
            container.seek(self.byte_offset)
            return container.read(self.size_bytes)


class ImageListing(NamedTuple):
    """images: sorted by class and name. ignored: hidden files and files outside class folders."""

    images: list[ImageRef]
    ignored: list[str]


def list_images(source: Path, spool_path: Path) -> ImageListing:
    """List the images of a folder or an archive that holds one folder for each class.

    source: a folder, or a .tar, .tar.gz or .zip. The class folders may lie in one folder at the top
    (101_ObjectCategories/). What lies deeper than a class folder belongs to that class. Names are not judged:
    whether a file is an image is for its content to say; only hidden files and the leftovers of file browsers
    are ignored.
    spool_path: file that takes the members of a compressed archive; not written otherwise.

    Raises DataError when the source does not exist, is of another kind, is damaged, or has no class folder.
    """
    if source.is_dir():
        found = _walk_folder(source)
    elif source.is_file():
        found = walk_archive(source, spool_path)
    else:
        raise DataError(f"{source}: no such folder or archive. Pass a folder with one folder for each class.")
    latest: dict[tuple[str, ...], FoundFile] = {}
    ignored: list[str] = []
    for item in found:
        parts = tuple(part for part in item.path.split("/") if part not in ("", "."))
        if not parts or any(part.startswith(".") or part.lower() in _IGNORED_NAMES for part in parts):
            ignored.append(printable(item.path))
        else:
            latest[parts] = item  # of two members with one name the later counts, as when a .tar is unpacked
    return _arrange(source, latest, ignored)


def _arrange(source: Path, found: dict[tuple[str, ...], FoundFile], ignored: list[str]) -> ImageListing:
    in_folders = [parts for parts in found if len(parts) > 1]
    has_top_folder = len({parts[0] for parts in in_folders}) == 1 and max(map(len, in_folders)) > 2
    depth = 1 if has_top_folder else 0
    images = []
    for parts in sorted(found):
        if len(parts) < depth + 2:
            ignored.append(printable("/".join(parts)))
            continue
        item, path = found[parts], "/".join(parts[depth:])
        fault = item.fault or _name_fault(path) or size_fault(item.size_bytes)
        images.append(ImageRef(parts[depth], path, item.container, item.byte_offset, item.size_bytes, fault))
    if not images:
        raise DataError(f"{source}: found no class folder with files in it. {_how_to_arrange(found)}")
    return ImageListing(images, ignored)


def _how_to_arrange(found: dict[tuple[str, ...], FoundFile]) -> str:
    inner = [parts[-1] for parts in sorted(found) if parts[-1].lower().endswith(ARCHIVE_SUFFIXES)]
    if inner:
        return f"It holds the archive {printable(inner[0])!r}: take that out and pack it."
    return "Put the images of each class into a folder of the class's name."


def printable(path: str) -> str:
    """Return the path with everything that would break a line or an encoding written as a backslash
    escape."""
    escaped = "".join(char if char.isprintable() else repr(char)[1:-1] for char in path)
    return escaped.encode("utf-8", "backslashreplace").decode()


def _name_fault(path: str) -> str | None:
    # A tab or a line break would add a column or a line to the .lst file and to synset.txt.
    if printable(path) != path:
        return "its name holds characters that cannot be printed; rename it"
    return None


def _walk_folder(root: Path) -> Iterator[FoundFile]:
    entered: set[tuple[int, int]] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in entered:
            subfolders.clear()  # a link that leads back
            continue
        entered.add((status.st_dev, status.st_ino))
        subfolders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            yield _found_in_folder(path, path.relative_to(root).as_posix())


def _found_in_folder(path: Path, relative: str) -> FoundFile:
    try:
        status = path.stat()
    except OSError as error:
        return FoundFile(relative, str(path), 0, 0, f"it cannot be read ({error.strerror})")
    fault = None if stat.S_ISREG(status.st_mode) else "it is a link or a special file"
    return FoundFile(relative, str(path), 0, status.st_size, fault)
