"""Ways to break a data folder: functions that return a change, and images that are not as they should be."""

from __future__ import annotations

import os
import struct
import zlib
from typing import Any, Callable

import numpy as np
from PIL import Image

from mxnet_support import recordio
from tests.data_folders import DataFolder, picture
from tests.picture_folders import draw, encode

Change = Callable[[DataFolder], Any]


def nothing(data: DataFolder) -> None:
    """Leave the folder as it is."""


def written(name: str, content: bytes) -> Change:
    """Replace one file."""
    return lambda data: data.path(name).write_bytes(content)


def removed(*names: str) -> Change:
    """Remove files."""

    def remove(data: DataFolder) -> None:
        for name in names:
            data.path(name).unlink()

    return remove


def linked(name: str, target: str) -> Change:
    """Put a link in place of a file."""

    def link(data: DataFolder) -> None:
        data.path(name).unlink()
        data.path(name).symlink_to(target)

    return link


def as_folder(name: str) -> Change:
    """Put a folder in place of a file."""

    def make(data: DataFolder) -> None:
        data.path(name).unlink(missing_ok=True)
        data.path(name).mkdir()

    return make


def emptied(data: DataFolder) -> None:
    """Remove all that is in the folder."""
    for path in data.folder.iterdir():
        path.unlink()


def renamed_with_newline(data: DataFolder) -> None:
    """Put a line break into the name of the training file."""
    data.path("train.rec").rename(data.folder / "my\ntrain.rec")


def no_folder(data: DataFolder) -> None:
    """Take the folder away."""
    emptied(data)
    data.folder.rmdir()


def file_for_folder(data: DataFolder) -> None:
    """Put a file in place of the folder."""
    no_folder(data)
    data.folder.write_bytes(b"rec")


def loop_for_folder(data: DataFolder) -> None:
    """Put a link to itself in place of the folder."""
    no_folder(data)
    data.folder.symlink_to(data.folder)


def as_pipe(name: str) -> Change:
    """Put a named pipe in place of a file."""

    def make(data: DataFolder) -> None:
        data.path(name).unlink()
        os.mkfifo(data.path(name))

    return make


def image(content: bytes) -> Change:
    """Give one training record another image."""
    return lambda data: data.put(recordio.pack(1, 4, content))


def label(value: float) -> Change:
    """Give one training record another label."""
    return lambda data: data.put(recordio.pack(value, 4, picture(99)))


def png_bomb() -> bytes:
    """A PNG of 70 bytes that says it has 180 million pixels."""
    content = bytearray(encode(Image.new("L", (1, 1)), "PNG"))
    struct.pack_into(">II", content, 16, 30000, 6000)
    struct.pack_into(">I", content, 29, zlib.crc32(bytes(content[12:29])))
    return bytes(content)


def damaged_png() -> bytes:
    """A PNG with one wrong bit among its pixels."""
    content = bytearray(encode(draw(40, 40), "PNG"))
    content[len(content) // 2] ^= 1
    return bytes(content)


def rotated_by_exif() -> bytes:
    """A JPEG that its EXIF orientation turns by 90 degrees."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    return encode(draw(60, 40), exif=exif)


def grey_16_bit() -> bytes:
    """A PNG of 16 bits a pixel."""
    return encode(Image.fromarray(np.full((40, 40), 40000, np.uint16)), "PNG")


def in_parts() -> bytes:
    """A record that has to be written in three parts: its payload has the magic word twice."""
    payload = recordio.pack(1, 4, picture(99))
    payload += bytes(-len(payload) % 4)
    return payload + recordio.MAGIC_BYTES + b"tail" + recordio.MAGIC_BYTES


def last_record_in_parts_cut(data: DataFolder) -> None:
    """Cut the file off between two parts of its last record."""
    data.put(in_parts(), number=29)
    content = data.path("train.rec").read_bytes()
    data.cut(content.rindex(recordio.MAGIC_BYTES))


def length_of_record(number: int, length: Callable[[int], int], kind: int = 0) -> Change:
    """Change the length or the kind in the head of one record."""

    def change(data: DataFolder) -> None:
        old = len(data.payloads["train"][number])
        data.overwrite(data.starts()[number] + 4, struct.pack("<I", kind << 29 | length(old)))

    return change


def cut_in_record(number: int, byte_offset: int) -> Change:
    """Cut the file off so many bytes after the start of a record."""
    return lambda data: data.cut(data.starts()[number] + byte_offset)


def zeros_from(number: int, records: int) -> Change:
    """Overwrite so many records with zeros, as a disk that lost a block does."""

    def change(data: DataFolder) -> None:
        starts = data.starts()
        data.overwrite(starts[number], bytes(starts[number + records] - starts[number]))

    return change


def relabelled(labels: Callable[[int], int]) -> Change:
    """Give the training records other labels, by their number."""

    def change(data: DataFolder) -> None:
        for number, payload in enumerate(data.payloads["train"]):
            data.payloads["train"][number] = recordio.pack(labels(number), number, recordio.unpack(payload)[1])
        data.write()

    return change


def shortened(split: str, count: int) -> Change:
    """Keep only the first records of a split."""

    def change(data: DataFolder) -> None:
        del data.payloads[split][count:]
        data.write()

    return change


def shared(count: int) -> Change:
    """Put training pictures into the validation set."""

    def change(data: DataFolder) -> None:
        data.payloads["val"][:count] = data.payloads["train"][:count]
        data.write()

    return change


def only_val_copied(data: DataFolder) -> None:
    """Copy the training file over the validation file, with its lists."""
    data.payloads["val"] = data.payloads["train"]
    data.write()


def lines(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Change the lines of a text file."""
    return lambda data: data.path(name).write_bytes(b"".join(change(data.path(name).read_bytes().splitlines(True))))


def manifest(**changes: Any) -> Change:
    """Write a manifest with other members."""
    return lambda data: data.write_manifest(**changes)


def packed_then(change: Change) -> Change:
    """Write a manifest, then change the files."""

    def make(data: DataFolder) -> None:
        data.write_manifest()
        change(data)

    return make


def then_packed(change: Change) -> Change:
    """Change the files, then write a manifest that says that they are as packed."""

    def make(data: DataFolder) -> None:
        change(data)
        data.write_manifest()

    return make


def without_names(data: DataFolder) -> None:
    """Remove all files with class names."""
    removed("synset.txt", "train.lst", "val.lst")(data)


def both(*changes: Change) -> Change:
    """Make several changes, in order."""

    def make(data: DataFolder) -> None:
        for change in changes:
            change(data)

    return make
