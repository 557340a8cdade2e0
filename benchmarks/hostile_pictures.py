"""Pictures as strangers send them: good ones, odd ones that are answered, and files that only pose as one."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from demo.drawing import KINDS, draw_picture

DRAWN = 6  # kinds of objects
LONG_EDGE_PX = 20_000
SCANS = 2_000
PIECES = 100_000
BOMB_EDGES_PX = (9_000, 30_000)  # below and above what Pillow itself refuses


def good_pictures() -> dict[str, bytes]:
    """Return small pictures by what they are; the service answers each."""
    drawn = [draw_picture(draw, np.random.RandomState(number)) for number, draw in enumerate(KINDS.values())][:DRAWN]
    good = {f"JPEG {number}": encoded(picture, "JPEG") for number, picture in enumerate(drawn)}
    for kind in ("PNG", "BMP", "GIF", "WEBP", "TIFF"):
        good[kind] = encoded(drawn[0], kind)
    good["progressive JPEG"] = encoded(drawn[1], "JPEG", progressive=True)
    return good


def odd_pictures() -> dict[str, bytes]:
    """Return pictures that no camera takes, and that are answered all the same."""
    frames = [Image.new("RGB", (120, 90), (40 * number, 90, 200)) for number in range(6)]
    moving = {"save_all": True, "append_images": frames[1:]}
    return {
        "20,000 pixels in a row": encoded(Image.new("RGB", (LONG_EDGE_PX, 1), "red"), "PNG"),
        "20,000 pixels in a column": encoded(Image.new("RGB", (1, LONG_EDGE_PX), "red"), "JPEG"),
        "animated GIF": encoded(frames[0], "GIF", **moving),
        "animated WebP": encoded(frames[0], "WEBP", **moving),
        "one pixel": encoded(Image.new("L", (1, 1)), "PNG"),
        "nine million pixels": encoded(Image.new("RGB", (3_000, 3_000), "green"), "PNG"),
    }


def bad_pictures(chance: random.Random) -> dict[str, bytes]:
    """Return files that hold no picture or one too many; the handler refuses each."""
    jpeg, png = good_pictures()["JPEG 0"], good_pictures()["PNG"]
    pixels = png.index(b"IDAT") + len(b"IDAT")
    return {
        "no bytes": b"",
        "random bytes": bytes(chance.getrandbits(8) for _ in range(4_000)),
        "random bytes after the start of a JPEG": jpeg[:20] + bytes(chance.getrandbits(8) for _ in range(4_000)),
        "truncated JPEG": jpeg[: len(jpeg) // 2],
        "truncated PNG": png[: len(png) // 2],
        "PNG with a broken checksum": png[: pixels + 5] + bytes([png[pixels + 5] ^ 1]) + png[pixels + 6 :],
        **{f"PNG of {edge} x {edge} pixels": png_bomb(edge) for edge in BOMB_EDGES_PX},
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        f"JPEG of {SCANS} scans": jpeg_of_scans(SCANS),
        f"JPEG of {PIECES} pieces": jpeg[:2] + segment(0xE1, b"Exif\0\0x") * PIECES + jpeg[2:],
    }


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the picture as the content of a file."""
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def png_bomb(edge: int) -> bytes:
    """Return a PNG of `edge` x `edge` black pixels, of a few kilobytes."""
    row = b"\0" * (1 + edge // 8)  # the filter, then a bit for each pixel
    packer = zlib.compressobj(9)
    pixels = b"".join([*(packer.compress(row * 100) for _ in range(edge // 100)), packer.flush()])
    header = struct.pack(">IIBBBBB", edge, edge, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg_of_scans(number: int, edge: int = 1_000) -> bytes:
    """Return a progressive JPEG of one colour, whose last scan, of some 20 bytes, comes again and again."""
    content = encoded(Image.new("RGB", (edge, edge), (200, 30, 90)), "JPEG", progressive=True, quality=30)
    last_scan = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last_scan * number + content[-2:]


def segment(marker: int, data: bytes) -> bytes:
    """Return a segment of a JPEG. marker: its second byte."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
