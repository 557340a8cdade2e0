"""Everything that can be wrong with the data of a training job, and what the job has to say.

docs/bad-data.md shows this table; `PYTHONPATH=.:codes python3 -m tests.hostile_data` prints its parts.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Any, Callable, Iterator, NamedTuple, Optional

import numpy as np
from PIL import Image

from mxnet_support import recordio
from tests.data_folders import DataFolder, picture
from tests.picture_folders import draw, encode, jpeg

REFUSED, UNREADABLE, WARNED, FINE = "exit 1", "exit 3", "a warning", "fine"
LEFT_OUT = "left out, a warning"
Change = Callable[[DataFolder], Any]


class Hostile(NamedTuple):
    """One way in which data can be wrong.

    found: in words, for the document. make: breaks a good folder. outcome: of the job; says: part of its sentence.
    skipping: the outcome with --skip_bad_records=1, None when it is the same.
    during: breaks the folder once the data has been checked.
    """

    found: str
    make: Change
    outcome: str
    says: str = ""
    skipping: Optional[str] = None
    during: Optional[Change] = None


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


def pipe_for_rec(data: DataFolder) -> None:
    """Put a named pipe in place of the validation file."""
    data.path("val.rec").unlink()
    os.mkfifo(data.path("val.rec"))


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


def animated_gif() -> bytes:
    """The first bytes of many a web page's picture."""
    return encode(draw(40, 40), "GIF")


def in_parts(size: int = 0) -> bytes:
    """A record that has to be written in three parts: its payload has the magic word twice."""
    payload = recordio.pack(1, 4, picture(99))
    payload += bytes(-len(payload) % 4)
    return payload + recordio.MAGIC_BYTES + b"tail" + recordio.MAGIC_BYTES + bytes(size)


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


NOT_READ = "It must be UTF-8 text"
TABLES: dict[str, list[Hostile]] = {
    "The folder": [
        Hostile("the folder is not there", no_folder, REFUSED, "is not a folder. Give the folder that holds the .rec"),
        Hostile("it is a file", file_for_folder, REFUSED, "is not a folder but a file. Give the folder"),
        Hostile("it is a link to itself", loop_for_folder, REFUSED, "is not a folder but a link that leads nowhere."),
        Hostile("the folder is empty", emptied, REFUSED, "no *train*.rec in"),
        Hostile("there is no validation file", removed("val.rec"), REFUSED, "no *val*.rec in"),
        Hostile(
            "there are two training files",
            written("old_train.rec", b""),
            REFUSED,
            "2 files match *train*.rec in",
        ),
        Hostile("a `.rec` is a folder", as_folder("train.rec"), REFUSED, "train.rec is a folder and not a file."),
        Hostile("a `.rec` is a dead link", linked("val.rec", "gone"), REFUSED, "is a link that leads nowhere and not"),
        Hostile("a `.rec` is a named pipe", pipe_for_rec, REFUSED, "val.rec is something special and not a file."),
        Hostile("a `.rec` cannot be read", linked("train.rec", "/proc/self/mem"), UNREADABLE, "train.rec cannot be re"),
        Hostile("the name of a `.rec` has a line break in it", renamed_with_newline, FINE),
        Hostile("`synset.txt` is a folder", as_folder("synset.txt"), REFUSED, "synset.txt is a folder and not a file."),
        Hostile("`manifest.json` is a folder", as_folder("manifest.json"), REFUSED, "manifest.json is a folder and"),
    ],
    "The records": [
        Hostile("the `.rec` has 0 bytes", written("train.rec", b""), REFUSED, "the file holds no records."),
        Hostile("it has 4 bytes", written("val.rec", recordio.MAGIC_BYTES), REFUSED, "4 bytes are left, a record"),
        Hostile("it is only the head of a record", lambda data: data.cut(8), REFUSED, "it is cut off."),
        Hostile("it is a text", written("train.rec", b"<html>" * 100), REFUSED, "expected the magic word 0xced7230a"),
        Hostile("it is cut off in the head of a record", cut_in_record(29, 5), REFUSED, "5 bytes are left", LEFT_OUT),
        Hostile("it is cut off in an image", cut_in_record(29, 500), REFUSED, "more; it is cut off.", LEFT_OUT),
        Hostile("it is cut off between two records", cut_in_record(29, 0), WARNED, "it holds 29 records, but other"),
        Hostile("half of it is missing", cut_in_record(15, 9), REFUSED, "the file has only 1 more; it is cut off."),
        Hostile(
            "the magic word of a record is damaged",
            lambda data: data.overwrite(data.starts()[4], b"oops"),
            REFUSED,
            "expected the magic word 0xced7230a of a record, found 0x73706f6f",
            LEFT_OUT,
        ),
        Hostile("a length is beyond the file", length_of_record(4, lambda old: 2**29 - 1), REFUSED, "cut off", LEFT_OUT),
        Hostile("a length is too large", length_of_record(4, lambda old: 2 * old), REFUSED, "magic word", LEFT_OUT),
        Hostile("a length is too small", length_of_record(4, lambda old: old // 2), REFUSED, "magic word", LEFT_OUT),
        Hostile(
            "a record is of unknown kind",
            length_of_record(4, lambda old: old, kind=7),
            REFUSED,
            "a record starts with a part of unknown kind 7.",
            LEFT_OUT,
        ),
        Hostile(
            "a record starts with its middle",
            length_of_record(4, lambda old: old, kind=2),
            REFUSED,
            "a record starts with a middle part.",
            LEFT_OUT,
        ),
        Hostile("a record is in parts, for its image has the magic word in it", lambda data: data.put(in_parts()), FINE),
        Hostile(
            "it is cut off between the parts of a record",
            last_record_in_parts_cut,
            REFUSED,
            "the file ends inside a record that starts at byte",
            LEFT_OUT,
        ),
        Hostile("3 of 30 records were overwritten", zeros_from(4, 3), REFUSED, "found 0x00000000", LEFT_OUT),
        Hostile("4 of 30 records were overwritten", zeros_from(4, 4), REFUSED, "found 0x00000000"),
        Hostile(
            "there is something behind the last record",
            lambda data: data.edit(lambda content: content.extend(b"more")),
            REFUSED,
            "4 bytes are left, a record starts with 8",
            LEFT_OUT,
        ),
        Hostile(
            "a record is too short for a label",
            lambda data: data.put(b"abc"),
            REFUSED,
            "the record holds 3 bytes, fewer than the 24 of an image header.",
            LEFT_OUT,
        ),
    ],
    "The images": [
        Hostile("an image has no bytes", image(b""), REFUSED, "no JPEG, PNG, BMP; it starts with nothing.", LEFT_OUT),
        Hostile("a JPEG is cut off", image(picture(99)[:-200]), REFUSED, "does not decode: image file is trun", LEFT_OUT),
        Hostile("it is a web page", image(b"<html></html>"), REFUSED, "PNG, BMP; it starts with 3c68746d.", LEFT_OUT),
        Hostile("it is a GIF", image(animated_gif()), REFUSED, "BMP; it starts with 47494638.", LEFT_OUT),
        Hostile("it is a WebP", image(encode(draw(40, 40), "WEBP")), REFUSED, "it starts with 52494646.", LEFT_OUT),
        Hostile("it is a TIFF", image(encode(draw(40, 40), "TIFF")), REFUSED, "it starts with 49492a00.", LEFT_OUT),
        Hostile("it has 180 million pixels in 70 bytes", image(png_bomb()), REFUSED, "180000000 pixels", LEFT_OUT),
        Hostile("it has 1x1 pixel", image(jpeg(1, 1)), REFUSED, "its image has 1x1 pixels, the shorter edge", LEFT_OUT),
        Hostile("it has 1x3000 pixels", image(jpeg(1, 3000)), REFUSED, "its image has 1x3000 pixels", LEFT_OUT),
        Hostile(
            "a PNG is damaged",
            image(damaged_png()),
            REFUSED,
            "its image does not decode: ",
            LEFT_OUT,
        ),
        Hostile("a JPEG has something behind its end", image(picture(99) + b"garbage" * 9), FINE),
        Hostile("a JPEG is turned by its EXIF", image(rotated_by_exif()), FINE),
        Hostile("its EXIF is damaged", image(rotated_by_exif().replace(b"II*\0", b"IIxx")), FINE),
        Hostile("it is a CMYK JPEG", image(encode(draw(40, 40).convert("CMYK"))), FINE),
        Hostile("it is a grey JPEG", image(encode(draw(40, 40).convert("L"))), FINE),
        Hostile("it is a PNG of 16 bits", image(grey_16_bit()), FINE),
        Hostile("it is a PNG with a palette", image(encode(draw(40, 40).convert("P"), "PNG", transparency=3)), FINE),
        Hostile("it is a PNG with transparency", image(encode(draw(40, 40).convert("RGBA"), "PNG")), FINE),
        Hostile("it is a PNG of black and white", image(encode(draw(40, 40).convert("1"), "PNG")), FINE),
    ],
    "The labels": [
        Hostile("a label is not a number", label(float("nan")), REFUSED, "its label is nan, expected a", LEFT_OUT),
        Hostile("it is infinite", label(float("inf")), REFUSED, "its label is inf, expected a whole", LEFT_OUT),
        Hostile("it is below 0", label(-1), REFUSED, "its label is -1.0, expected a whole number from 0", LEFT_OUT),
        Hostile("it is a fraction", label(0.5), REFUSED, "its label is 0.5, expected a whole number", LEFT_OUT),
        Hostile("it is beyond the named classes", label(3), REFUSED, "its label is 3.0, expected a whole", LEFT_OUT),
        Hostile("it is 3 billion", label(3e9), REFUSED, "its label is 3000000000.0, expected a whole", LEFT_OUT),
        Hostile(
            "it is 3 billion and nothing names the classes",
            both(label(3e9), without_names),
            REFUSED,
            "its label is 3000000000.0, expected a whole number from 0 to 99999.",
            LEFT_OUT,
        ),
        Hostile(
            "a record has two labels",
            lambda data: data.put(struct.pack("<IfQQ2f", 2, 0, 0, 0, 1, 2) + picture(99)),
            REFUSED,
            "it has 2 labels, expected one.",
            LEFT_OUT,
        ),
        Hostile(
            "it announces labels that are not there",
            lambda data: data.put(struct.pack("<IfQQ", 2**32 - 1, 0, 0, 0)),
            REFUSED,
            "the header announces 4294967295 labels, but the record holds only 24 bytes.",
            LEFT_OUT,
        ),
    ],
    "The names of the classes": [
        Hostile("`synset.txt` starts with a BOM", lines("synset.txt", lambda old: [b"\xef\xbb\xbf", *old]), FINE),
        Hostile("its lines end as on Windows", written("synset.txt", b"cup\r\nkey\r\nlamp\r\n"), FINE),
        Hostile("empty lines follow the names", lines("synset.txt", lambda old: [*old, b"\n \n"]), FINE),
        Hostile(
            "an empty line stands between them",
            written("synset.txt", b"cup\n\nkey\nlamp\n"),
            REFUSED,
            "line 2 is empty, so it is open which labels the lines below it have",
        ),
        Hostile("it is empty", written("synset.txt", b"\n"), REFUSED, "synset.txt is empty; it must name the classes"),
        Hostile(
            "two classes have one name",
            written("synset.txt", b"cup\nkey\ncup\n"),
            REFUSED,
            "2 classes are called 'cup' (labels 0, 2), so the answers of the service could not be told apart.",
        ),
        Hostile("it is not UTF-8", written("synset.txt", b"caf\xe9\nkey\nlamp\n"), REFUSED, NOT_READ),
        Hostile(
            "it has a million lines",
            written("synset.txt", b"".join(b"%d\n" % number for number in range(10**6))),
            REFUSED,
            "1000000 classes are named, at most 100000 can be learned.",
        ),
        Hostile(
            "it names fewer classes than there are labels",
            written("synset.txt", b"cup\nkey\n"),
            REFUSED,
            "its label is 2.0, expected a whole number from 0 to 1.",
        ),
        Hostile("there is none, but `.lst` files with folders", removed("synset.txt"), FINE),
        Hostile("neither is there", without_names, WARNED, "neither synset.txt nor a .lst file: the classes are call"),
        Hostile(
            "a `.lst` that is needed has an infinite label",
            both(removed("synset.txt"), written("train.lst", b"0\tinf\tcup/a.jpg\n")),
            REFUSED,
            NOT_READ,
        ),
        Hostile(
            "a `.lst` that is needed has a label below 0",
            both(removed("synset.txt"), written("train.lst", b"0\t-1\tcup/a.jpg\n")),
            REFUSED,
            "the label -1 is below 0",
        ),
        Hostile(
            "a `.lst` that is needed has a label of 3 billion",
            both(removed("synset.txt"), written("train.lst", b"0\t3e9\tcup/a.jpg\n")),
            REFUSED,
            "3000000001 classes are named, at most 100000 can be learned.",
        ),
    ],
    "Training and validation": [
        Hostile(
            "a class has no training image",
            relabelled(lambda number: number % 2),
            WARNED,
            "1 of 3 classes have no training image and cannot be learned: 'lamp'; their 4 validation images will count",
        ),
        Hostile(
            "classes are named that no image has",
            written("synset.txt", b"cup\nkey\nlamp\n1\n2\n3\n4\n5\n6\n"),
            WARNED,
            "6 of 9 classes have no training image and cannot be learned: '1', '2', '3', '4', '5' and 1 more. Add",
        ),
        Hostile(
            "a class has a single training image",
            relabelled(lambda number: 2 if number == 4 else number % 2),
            WARNED,
            "1 of 3 classes have a single training image, too little to learn from: 'lamp'.",
        ),
        Hostile(
            "all training images are of one class",
            relabelled(lambda number: 1),
            REFUSED,
            "all 30 images are of the class 'key' (label 1). A network learns to tell classes apart and needs at least",
        ),
        Hostile("there are fewer training images than --batch_size", shortened("train", 6), FINE),
        Hostile("there is one validation image", shortened("val", 1), FINE),
        Hostile("one file is both", only_val_copied, WARNED, "are the same file: the accuracy will be that of learning"),
        Hostile("some images are in both", shared(3), WARNED, "3 of 12 validation images are training images too"),
    ],
    "The files beside them": [
        Hostile("there is no `.idx`", removed("train.idx", "val.idx"), FINE),
        Hostile(
            "the `.idx` has another number of lines",
            lines("train.idx", lambda old: old[1:]),
            WARNED,
            "it holds 30 records, but other files list another number: Caltech101_train.idx 29.",
        ),
        Hostile(
            "it is that of another file",
            lines("val.idx", lambda old: [b"%d\t%d\n" % (number, 7 * number) for number in range(12)]),
            WARNED,
            "its .idx file does not point at its records",
        ),
        Hostile("it is garbage", written("val.idx", b"\xff\n" * 12), WARNED, "its .idx file does not point at its"),
        Hostile(
            "the `.lst` has another number of lines",
            lines("train.lst", lambda old: old + old[:10]),
            WARNED,
            "it holds 30 records, but other files list another number: Caltech101_train.lst 40.",
        ),
        Hostile(
            "`manifest.json` counts otherwise",
            manifest(splits={"train": {"images": 31}, "val": {"images": 12}}),
            WARNED,
            "it holds 30 records, but other files list another number: manifest.json 31.",
        ),
        Hostile("it is not JSON", written("manifest.json", b"{"), WARNED, "every record is checked instead"),
        Hostile("it is JSON without end", written("manifest.json", b"[" * 10**5), WARNED, "every record is checked inst"),
        Hostile("it is a list", written("manifest.json", b"[]"), WARNED, "every record is checked instead"),
        Hostile("it names files in a list", manifest(files=[]), WARNED, "every record is checked instead"),
        Hostile(
            "it has numbers where texts should be",
            manifest(splits={"train": 7, "val": []}, files={"Caltech101_train.rec": 7, "Caltech101_val.rec": {"smallest_edge": "x"}}),
            FINE,
        ),
        Hostile(
            "it is right, and a file has changed since",
            packed_then(image(picture(98))),
            WARNED,
            "it has changed since it was packed, by the sha256 in manifest.json.",
        ),
        Hostile(
            "it vouches for a record without label",
            then_packed(lambda data: data.put(b"abc")),
            REFUSED,
            "changed after it was packed or checked: at byte",
        ),
        Hostile(
            "it vouches for an empty file",
            then_packed(both(shortened("val", 0))),
            REFUSED,
            "changed after it was packed or checked: it holds no records.",
        ),
        Hostile(
            "it vouches for an image that does not decode",
            then_packed(image(picture(99)[:-200])),
            REFUSED,
            "record 4 is not a readable image (image file is truncated",
        ),
    ],
    "During the training": [
        Hostile(
            "the `.rec` becomes shorter",
            nothing,
            REFUSED,
            "changed after it was packed or checked: at byte",
            during=cut_in_record(20, 9),
        ),
        Hostile(
            "its records are overwritten",
            nothing,
            REFUSED,
            "changed after it was packed or checked: at byte",
            during=zeros_from(4, 3),
        ),
        Hostile(
            "an image in it is overwritten",
            nothing,
            REFUSED,
            "record 4 is not a readable image",
            during=lambda data: data.overwrite(data.starts()[4] + 40, bytes(200)),
        ),
    ],
}
HOSTILE = [hostile for table in TABLES.values() for hostile in table]


def table(heading: str) -> Iterator[str]:
    """The lines of one part in docs/bad-data.md."""
    yield "| what is wrong | what the job does | with `--skip_bad_records=1` |"
    yield "| --- | --- | --- |"
    for hostile in TABLES[heading]:
        yield f"| {hostile.found} | {hostile.outcome} | {hostile.skipping or 'the same'} |"


if __name__ == "__main__":
    for name in TABLES:
        print(f"\n## {name}\n", *table(name), sep="\n")
