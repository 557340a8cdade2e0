"""The handler reads a damaged or malicious picture, or refuses it, and neither takes its memory nor its time."""

from __future__ import annotations

import io
import mmap
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.hostile_pictures import chunk, jpeg_of_scans, png_bomb, segment
from tests.picture_folders import draw, encode

MEMORY_LIMIT_BYTES = 550 * 1000 * 1000  # what customize_service.py promises for one picture, and what tests hold
STATUS = Path("/proc/self/status")
CLEAR_PEAK = Path("/proc/self/clear_refs")
NUMBERS = [0, 1, 7, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 5600, 20000]


def pictures() -> dict[str, bytes]:
    """A small picture of each format that the handler reads, some with what cameras and programs add."""
    drawn, other = draw(60, 40), draw(60, 40, turn=1)
    exif = Image.Exif()
    exif[0x0112] = 6
    moving = {"save_all": True, "append_images": [other]}
    return {
        "JPEG": encode(drawn, exif=exif, icc_profile=b"profile", comment=b"remark"),
        "progressive JPEG": encode(drawn, progressive=True),
        "CMYK JPEG": encode(drawn.convert("CMYK")),
        "MPO": encode(drawn, "MPO", **moving),
        "PNG": encode(drawn.convert("RGBA"), "PNG", exif=exif),
        "palette PNG": encode(drawn.quantize(16), "PNG", transparency=3),
        "GIF": encode(drawn.quantize(16), "GIF", transparency=3),
        "animated GIF": encode(drawn, "GIF", **moving),
        "WEBP": encode(drawn.convert("RGBA"), "WEBP", exif=exif),
        "animated WEBP": encode(drawn, "WEBP", **moving),
        "TIFF": encode(drawn, "TIFF", exif=exif),
        "packed TIFF": encode(drawn, "TIFF", compression="tiff_lzw"),
        "TIFF of a JPEG": encode(drawn, "TIFF", compression="jpeg"),
        "TIFF of 32 bits": encode(drawn.convert("F"), "TIFF"),
        "BMP": encode(drawn, "BMP"),
        "palette BMP": encode(drawn.quantize(16), "BMP"),
    }


PICTURES = pictures()


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The picture with bytes changed, cut out, doubled, or taken from another one; most damage is at its start."""
    for _ in range(draw(st.integers(min_value=1, max_value=5))):
        reach = draw(st.sampled_from([40, 400, len(content)]))
        first = draw(st.integers(min_value=0, max_value=min(reach, len(content))))
        kind = draw(st.integers(min_value=0, max_value=5))
        piece = content[first : first + draw(st.integers(min_value=1, max_value=40))]
        if kind == 0:
            content = content[:first]
        elif kind == 1:
            content = content[:first] + content[first + len(piece) :]
        elif kind == 2:
            content = content[:first] + piece + content[first:]
        elif kind == 3:
            other = PICTURES[draw(st.sampled_from(sorted(PICTURES)))]
            content = content[:first] + other[first : first + 40] + content[first + 40 :]
        elif kind == 4:
            number = draw(st.sampled_from(NUMBERS))
            layout = draw(st.sampled_from(["<I", ">I", "<H", ">H"]))
            as_bytes = struct.pack(layout, number & (0xFFFF if layout[1] == "H" else 0xFFFFFFFF))
            content = content[:first] + as_bytes + content[first + len(as_bytes) :]
        else:
            content = content[:first] + draw(st.binary(min_size=1, max_size=4)) + content[first + 1 :]
    return content


def read(handler_module: Any, content: bytes) -> Any:
    """Return the picture, or the refusal; any other error is one of the handler."""
    try:
        return handler_module.read_image(content)
    except handler_module.BadImage as refusal:
        return refusal


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_a_damaged_picture_is_read_or_refused(kind: str, handler_module: Any) -> None:
    whole = PICTURES[kind]
    assert read(handler_module, whole).mode == "RGB"

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(content=damaged(whole))
    def try_damaged(content: bytes) -> None:
        before = reset_peak()
        found = read(handler_module, content)
        assert peak() - before < MEMORY_LIMIT_BYTES
        if isinstance(found, Image.Image):
            assert found.mode == "RGB"
            prepared = handler_module.prepare_image(found, PREPROCESSING)
            assert prepared.shape == (3, 48, 48)
        else:
            assert found.http_status == 400
            assert str(found)

    try_damaged()


PREPROCESSING = {
    "image_size": 48,
    "resize_short": 54,
    "filter": "bilinear",
    "mean_rgb": [124.0, 117.0, 104.0],
    "std_rgb": [58.0, 57.0, 57.0],
}


def reset_peak() -> int:
    """Forget the most memory that this process had; returns what it has now, 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    CLEAR_PEAK.write_text("5")
    return memory("VmRSS")


def peak() -> int:
    """The most memory since, in bytes; 0 where the system does not tell."""
    return memory("VmHWM") if sys.platform == "linux" else 0


def memory(field: str) -> int:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of the own memory is told and reset by /proc")
def test_the_peak_of_memory_is_seen() -> None:
    before = reset_peak()
    with mmap.mmap(-1, 60_000_000) as fresh:  # a bytearray may get what was freed before
        fresh.write(bytes(range(250)) * 240_000)
    assert peak() - before > 50_000_000


JPEG, PNG = PICTURES["JPEG"], PICTURES["PNG"]
GIF = PICTURES["GIF"]
GIF_BLOCKS = 13 + 3 * 16  # after header and palette


@pytest.mark.parametrize(
    "content",
    [
        JPEG[:2] + segment(0xE1, b"Exif\0\0x") * 20_000 + JPEG[2:],
        JPEG[:2] + segment(0xFE, b"") * 20_000 + JPEG[2:],
        JPEG[:2] + b"\xff" * 100_000 + JPEG[2:],
        GIF[:GIF_BLOCKS] + b"\x21\xfe\x01a\0" * 20_000 + GIF[GIF_BLOCKS:],
        PNG[:33] + chunk(b"tEXt", b"a\0b") * 20_000 + PNG[33:],
    ],
    ids=["EXIF blocks", "comments", "fill bytes", "GIF comments", "PNG texts"],
)
def test_a_picture_that_begins_with_thousands_of_pieces_is_refused(content: bytes, handler_module: Any) -> None:
    refusal = read(handler_module, content)
    assert str(refusal) == "the picture begins with too many pieces that are no pixels; save it anew"


def test_pixels_may_come_in_thousands_of_pieces(handler_module: Any) -> None:
    start = PNG.index(b"IDAT") - 4
    many = PNG[:start] + chunk(b"IDAT", b"") * 20_000 + PNG[start:]
    assert read(handler_module, many).size == read(handler_module, PNG).size


@pytest.mark.parametrize(("scans", "is_read"), [(10, True), (50, True), (65, False), (20_000, False)])
def test_a_jpeg_of_hundreds_of_scans_is_refused_before_it_is_decoded(
    scans: int, is_read: bool, handler_module: Any
) -> None:
    found = read(handler_module, jpeg_of_scans(scans, edge=64))
    if is_read:
        assert found.size == (64, 64)
    else:
        assert "the picture has more than 64 scans" in str(found)


def test_scans_of_what_follows_the_picture_do_not_count(handler_module: Any) -> None:
    film = b"\xff\xda" * 200
    assert read(handler_module, JPEG + film).mode == "RGB"
    thumbnail = segment(0xE1, b"Exif\0\0" + film)
    assert read(handler_module, JPEG[:2] + thumbnail + JPEG[2:]).mode == "RGB"


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("JPEG", {"progressive": True}, "6000 x 6000 pixels; the limit for JPEG in several scans is 32 million pixels"),
        ("WEBP", {"lossless": True, "method": 0}, "6000 x 6000 pixels; the limit for WEBP is 24 million pixels"),
        ("TIFF", {"compression": "tiff_deflate"}, "6000 x 6000 pixels; the limit for TIFF is 32 million pixels"),
    ],
)
def test_a_format_that_takes_more_memory_has_a_lower_limit(
    kind: str, options: dict[str, Any], sentence: str, handler_module: Any
) -> None:
    content = encode(Image.new("L" if kind != "WEBP" else "RGB", (6000, 6000)), kind, **options)
    assert sentence in str(read(handler_module, content))


def test_a_jpeg_of_one_scan_may_be_larger(handler_module: Any) -> None:
    assert read(handler_module, encode(Image.new("L", (6000, 6000)))).size == (3000, 3000)


def test_a_bomb_takes_no_memory(handler_module: Any) -> None:
    bomb = png_bomb(9000)
    before = reset_peak()
    assert "9000 x 9000 pixels" in str(read(handler_module, bomb))
    assert peak() - before < 20_000_000


def test_only_the_named_decoders_meet_the_bytes(handler_module: Any) -> None:
    icon = io.BytesIO()
    Image.new("RGB", (16, 16)).save(icon, "ICO")
    assert "not a picture in a known format" in str(read(handler_module, icon.getvalue()))
    assert set(handler_module.OPENING["formats"]) < set(handler_module.FORMATS)
