"""The pictures that are sent: files, all below a folder, or the records of a packed data set."""

from __future__ import annotations

import functools
import logging
import os
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Sequence

from obs_layout.layout import SYNSET_FILE
from obs_layout.storage import recordio

from ..errors import CommandLineError, PicturesError
from ..platform_rules import MAX_BODY_BYTES

MAX_DEPTH = 16  # chosen: folders below folders; more is a mistake
MAX_SYNSET_BYTES = 1 << 20
# What the platform's test page takes (contract 4.4), as far as it is no drawing
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_FIRST_BYTES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*")

logger = logging.getLogger(__name__)


class Picture(NamedTuple):
    """One picture to send.

    name: path of its file, or what the data set calls it.
    read: returns its bytes, of a file at most one more than a request may have; raises OSError or ValueError.
    truth: its class, None when that is not known.
    """

    name: str
    read: Callable[[], bytes]
    truth: str | None = None


def pictures_of_files(paths: Sequence[str]) -> list[Picture]:
    """Return the picture of each file; whether it can be read is seen when it is sent."""
    return [Picture(path, functools.partial(_read_file, path)) for path in paths]


def pictures_below(folder: str) -> list[Picture]:
    """Return the pictures below a folder, sorted by path: what has a picture's suffix, or starts like one.

    Hidden files and folders and links to folders are left out.

    Raises CommandLineError when it is no folder or holds no picture.
    """
    if not os.path.isdir(folder):
        raise CommandLineError(f"--dir is {folder!r}; there is no such folder.")
    paths = sorted(_files_below(folder, MAX_DEPTH))
    if not paths:
        raise CommandLineError(f"--dir is {folder!r}; no picture is in it or below it.")
    return pictures_of_files(paths)


def pictures_of_data_set(folder: str) -> list[Picture]:
    """Return the validation pictures of a folder that obs-layout pack has written, as `pictures_of_records` does.

    Raises CommandLineError unless it holds one file *_val.rec.
    """
    if "://" in folder:
        raise CommandLineError(
            f"--data is {folder!r}, and has to be a folder of this computer; obs-layout pull fetches one from a bucket."
        )
    found = sorted(str(path) for path in Path(folder).glob("*_val.rec"))
    if len(found) != 1:
        names = ", ".join(map(os.path.basename, found)) or "none"
        advice = "Name one with --rec." if found else "obs-layout pack makes it of pictures; --rec names another."
        raise CommandLineError(f"--data is {folder!r}; it should hold one file *_val.rec. Found: {names}. {advice}")
    return pictures_of_records(found[0])


def pictures_of_records(rec_path: str) -> list[Picture]:
    """Return the pictures of a .rec file in its order, each with its class by the synset.txt beside it.

    They are called as the .lst beside it calls them, where there is one.

    Raises CommandLineError when a file is missing, PicturesError when one is damaged or a label has no class.
    """
    classes = read_synset(rec_path, os.path.join(os.path.dirname(rec_path), SYNSET_FILE))
    names = _names_in_list(f"{os.path.splitext(rec_path)[0]}.lst")
    pictures = []
    try:
        with recordio.RecordReader(rec_path) as reader:
            for record in reader:
                header, _ = recordio.unpack(record.payload)
                truth = class_of(rec_path, header.label, classes)
                name = names.get(header.id, f"record {header.id}")
                read = functools.partial(_read_record, rec_path, record.byte_offset)
                pictures.append(Picture(name, read, truth))
    except OSError as error:
        raise CommandLineError(f"--rec is {rec_path!r}; it cannot be read: {error.strerror}.") from error
    except recordio.RecordFormatError as error:
        raise PicturesError(f"the records are damaged: {error}") from error
    if not pictures:
        raise PicturesError(f"{rec_path}: holds no record.")
    return pictures


def read_synset(list_path: str, synset_path: str) -> list[str]:
    """Return the class names in the order of their labels.

    list_path: whose labels they are, for messages.

    Raises CommandLineError when the file cannot be read.
    """
    try:
        with open(synset_path, "rb") as synset:
            text = synset.read(MAX_SYNSET_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandLineError(
            f"{list_path} numbers its classes, and their names cannot be read from {synset_path}: {error}."
        ) from error
    return text.splitlines()


def class_of(place: str, label: object, classes: Sequence[str]) -> str:
    """Return the name of a class by its number.

    Raises PicturesError, with the place in front, when no class has this number.
    """
    if not isinstance(label, float) or not label.is_integer() or not 0 <= label < len(classes):
        raise PicturesError(f"{place}: the label {label} is none of the {len(classes)} classes of {SYNSET_FILE}.")
    return classes[int(label)]


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(MAX_BODY_BYTES + 1)


def _read_record(rec_path: str, byte_offset: int) -> bytes:
    with recordio.RecordReader(rec_path) as reader:
        return recordio.unpack(reader.read_at(byte_offset))[1]


def _files_below(folder: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        logger.warning("%s is left out, it cannot be read: %s", folder, error.strerror)
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth:
                yield from _files_below(entry.path, depth - 1)
            else:
                logger.warning("%s is left out, it lies more than %d folders deep", entry.path, MAX_DEPTH)
        elif entry.is_file() and _is_picture(entry.path):
            yield entry.path


def _is_picture(path: str) -> bool:
    if path.lower().endswith(_SUFFIXES):
        return True
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith(_FIRST_BYTES)
    except OSError:
        return False


def _names_in_list(lst_path: str) -> dict[int, str]:
    try:
        with open(lst_path, encoding="utf-8", errors="backslashreplace") as lines:
            rows = [line.rstrip("\r\n").split("\t") for line in lines]
    except OSError:
        return {}
    return {int(row[0]): row[-1] for row in rows if len(row) > 2 and row[0].isdigit()}
