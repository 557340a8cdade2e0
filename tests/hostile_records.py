"""What can be wrong with the records, images and labels of a .rec file; tests/hostile_data.py has the rest."""

from __future__ import annotations

import struct
from typing import NamedTuple

from mxnet_support import recordio
from tests.data_damage import (
    Change,
    both,
    cut_in_record,
    damaged_png,
    grey_16_bit,
    image,
    in_parts,
    label,
    last_record_in_parts_cut,
    length_of_record,
    png_bomb,
    rotated_by_exif,
    without_names,
    written,
    zeros_from,
)
from tests.data_folders import picture
from tests.picture_folders import draw, encode, jpeg

REFUSED, UNREADABLE, WARNED, FINE = "exit 1", "exit 3", "a warning", "fine"
LEFT_OUT = "left out, a warning"


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
    skipping: str | None = None
    during: Change | None = None


RECORDS: dict[str, list[Hostile]] = {
    "The records": [
        Hostile("the `.rec` has 0 bytes", written("train.rec", b""), REFUSED, "the file holds no records."),
        Hostile(
            "the `.rec` has 4 bytes", written("val.rec", recordio.MAGIC_BYTES), REFUSED, "4 bytes are left, a record"
        ),
        Hostile("the `.rec` is only the head of a record", lambda data: data.cut(8), REFUSED, "it is cut off."),
        Hostile(
            "the `.rec` is a text", written("train.rec", b"<html>" * 100), REFUSED, "expected the magic word 0xced7230a"
        ),
        Hostile(
            "the file is cut off in the head of a record", cut_in_record(29, 5), REFUSED, "5 bytes are left", LEFT_OUT
        ),
        Hostile("the file is cut off in an image", cut_in_record(29, 500), REFUSED, "more; it is cut off.", LEFT_OUT),
        Hostile(
            "the file is cut off between two records", cut_in_record(29, 0), WARNED, "it holds 29 records, but other"
        ),
        Hostile(
            "half of the file is missing", cut_in_record(15, 9), REFUSED, "the file has only 1 more; it is cut off."
        ),
        Hostile(
            "the magic word of a record is damaged",
            lambda data: data.overwrite(data.starts()[4], b"oops"),
            REFUSED,
            "expected the magic word 0xced7230a of a record, found 0x73706f6f",
            LEFT_OUT,
        ),
        Hostile(
            "a length is beyond the file", length_of_record(4, lambda old: 2**29 - 1), REFUSED, "cut off", LEFT_OUT
        ),
        Hostile(
            "a length is too large",
            length_of_record(4, lambda old: 2 * old),
            REFUSED,
            "others start inside it",
            LEFT_OUT,
        ),
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
        Hostile(
            "a record is in parts, for its image has the magic word in it", lambda data: data.put(in_parts()), FINE
        ),
        Hostile(
            "the file is cut off between the parts of a record",
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
        Hostile(
            "a JPEG is cut off", image(picture(99)[:-200]), REFUSED, "does not decode: image file is trun", LEFT_OUT
        ),
        Hostile(
            "an image is a web page", image(b"<html></html>"), REFUSED, "PNG, BMP; it starts with 3c68746d.", LEFT_OUT
        ),
        Hostile(
            "an image is a GIF", image(encode(draw(40, 40), "GIF")), REFUSED, "BMP; it starts with 47494638.", LEFT_OUT
        ),
        Hostile(
            "an image is a WebP", image(encode(draw(40, 40), "WEBP")), REFUSED, "it starts with 52494646.", LEFT_OUT
        ),
        Hostile(
            "an image is a TIFF", image(encode(draw(40, 40), "TIFF")), REFUSED, "it starts with 49492a00.", LEFT_OUT
        ),
        Hostile(
            "an image has 180 million pixels in 70 bytes", image(png_bomb()), REFUSED, "180000000 pixels", LEFT_OUT
        ),
        Hostile(
            "an image has 1x1 pixel", image(jpeg(1, 1)), REFUSED, "its image has 1x1 pixels, the shorter edge", LEFT_OUT
        ),
        Hostile("an image has 1x3000 pixels", image(jpeg(1, 3000)), REFUSED, "its image has 1x3000 pixels", LEFT_OUT),
        Hostile(
            "a PNG is damaged",
            image(damaged_png()),
            REFUSED,
            "its image does not decode: ",
            LEFT_OUT,
        ),
        Hostile(
            "a JPEG lost its lower half and got a new end mark",
            image(picture(99)[: len(picture(99)) * 3 // 4] + b"\xff\xd9"),
            FINE,
        ),
        Hostile("a JPEG has something behind its end", image(picture(99) + b"garbage" * 9), FINE),
        Hostile("a JPEG is turned by its EXIF", image(rotated_by_exif()), FINE),
        Hostile("the EXIF of a JPEG is damaged", image(rotated_by_exif().replace(b"II*\0", b"IIxx")), FINE),
        Hostile("a JPEG is CMYK", image(encode(draw(40, 40).convert("CMYK"))), FINE),
        Hostile("a JPEG is grey", image(encode(draw(40, 40).convert("L"))), FINE),
        Hostile("a PNG has 16 bits a pixel", image(grey_16_bit()), FINE),
        Hostile("a PNG has a palette", image(encode(draw(40, 40).convert("P"), "PNG", transparency=3)), FINE),
        Hostile("a PNG is transparent", image(encode(draw(40, 40).convert("RGBA"), "PNG")), FINE),
        Hostile("a PNG is black and white", image(encode(draw(40, 40).convert("1"), "PNG")), FINE),
    ],
    "The labels": [
        Hostile("a label is not a number", label(float("nan")), REFUSED, "its label is nan, expected a", LEFT_OUT),
        Hostile("a label is infinite", label(float("inf")), REFUSED, "its label is inf, expected a whole", LEFT_OUT),
        Hostile(
            "a label is below 0", label(-1), REFUSED, "its label is -1.0, expected a whole number from 0", LEFT_OUT
        ),
        Hostile("a label is a fraction", label(0.5), REFUSED, "its label is 0.5, expected a whole number", LEFT_OUT),
        Hostile(
            "a label is beyond the named classes", label(3), REFUSED, "its label is 3.0, expected a whole", LEFT_OUT
        ),
        Hostile("a label is 3 billion", label(3e9), REFUSED, "its label is 3000000000.0, expected a whole", LEFT_OUT),
        Hostile(
            "a label is 3 billion and nothing names the classes",
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
            "a record announces labels that are not there",
            lambda data: data.put(struct.pack("<IfQQ", 2**32 - 1, 0, 0, 0)),
            REFUSED,
            "the header announces 4294967295 labels, but the record holds only 24 bytes.",
            LEFT_OUT,
        ),
    ],
}
