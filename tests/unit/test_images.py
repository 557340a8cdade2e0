"""Normalising an image: colours, orientation, size, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from obs_layout.images import NormaliseSettings, UnreadableImage, normalise
from tests.picture_folders import draw, encode, jpeg

KEEP_SIZE = NormaliseSettings(resize=0, quality=95, pass_through=False)


def result(content: bytes, resize: int = 0) -> Image.Image:
    """The decoded result; fails unless it is an RGB JPEG."""
    image = Image.open(io.BytesIO(normalise(content, KEEP_SIZE._replace(resize=resize)).jpeg))
    image.load()
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


def is_about(found: Any, expected: tuple[int, int, int], tolerance: int = 6) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(found, expected))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((40, 30), (64, 48)),
        ((30, 40), (48, 64)),
        ((300, 100), (144, 48)),
        ((48, 48), (48, 48)),
        ((301, 100), (144, 48)),
    ],
)
def test_the_short_edge_becomes_the_wanted_size(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert result(jpeg(*size), resize=48).size == expected


def test_zero_keeps_the_size() -> None:
    assert result(jpeg(41, 30)).size == (41, 30)


def test_shrinking_averages_instead_of_dropping_pixels() -> None:
    chequered = Image.frombytes("L", (512, 512), bytes(255 * ((x + y) % 2) for y in range(512) for x in range(512)))
    low, high = result(encode(chequered, "PNG"), resize=64).convert("L").getextrema()
    assert low > 115 and high < 140  # dropping pixels would leave black or white


@pytest.mark.parametrize(
    ("picture", "kind", "expected"),
    [
        (Image.new("L", (8, 8), 100), "JPEG", (100, 100, 100)),
        (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("RGB", (8, 8), (0, 0, 200)).quantize(4), "GIF", (0, 0, 200)),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 128)), "PNG", (255, 127, 127)),
        (Image.new("LA", (8, 8), (0, 0)), "PNG", (255, 255, 255)),
        (Image.new("1", (8, 8), 1), "PNG", (255, 255, 255)),
        (Image.new("I;16", (8, 8), 128 * 256), "PNG", (128, 128, 128)),
        (Image.new("RGB", (8, 8), (0, 200, 0)), "WEBP", (0, 200, 0)),
        (Image.new("RGB", (8, 8), (0, 200, 0)), "TIFF", (0, 200, 0)),
        (Image.new("RGB", (8, 8), (0, 200, 0)), "BMP", (0, 200, 0)),
    ],
    ids=lambda value: str(getattr(value, "mode", value)),
)
def test_every_kind_of_image_becomes_rgb(picture: Image.Image, kind: str, expected: tuple[int, int, int]) -> None:
    assert is_about(result(encode(picture, kind)).getpixel((4, 4)), expected)


def test_a_transparent_colour_of_a_palette_becomes_white() -> None:
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    assert is_about(result(encode(picture, "PNG", transparency=1)).getpixel((4, 4)), (255, 255, 255))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_set_upright(orientation: int, kind: str) -> None:
    # Red top left, green top right, blue bottom left; stored as a camera held that way would.
    upright = Image.new("RGB", (48, 32), (255, 255, 255))
    for colour, corner in (((255, 0, 0), (0, 0)), ((0, 255, 0), (24, 0)), ((0, 0, 255), (0, 16))):
        upright.paste(colour, (*corner, corner[0] + 24, corner[1] + 16))
    turn = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}[orientation]  # fmt: skip
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = result(encode(stored, kind, exif=exif), resize=64)
    assert image.size == (96, 64)
    corners = [image.getpixel(at) for at in ((20, 14), (76, 14), (20, 50))]
    for found, expected in zip(corners, ((255, 0, 0), (0, 255, 0), (0, 0, 255))):
        assert is_about(found, expected, 40)


def test_no_metadata_is_carried_over() -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    content = normalise(encode(draw(9, 9), exif=exif, icc_profile=b"profile", comment=b"remark"), KEEP_SIZE).jpeg
    assert not {"exif", "icc_profile", "comment"} & set(Image.open(io.BytesIO(content)).info)


def test_the_same_image_gives_the_same_bytes() -> None:
    assert normalise(jpeg(40, 30), KEEP_SIZE) == normalise(jpeg(40, 30), KEEP_SIZE)


@pytest.mark.parametrize(
    ("content", "passes"),
    [
        (jpeg(48, 60), True),
        (encode(draw(48, 60).convert("L")), True),
        (jpeg(47, 60), False),
        (encode(draw(48, 60), "PNG"), False),
        (encode(draw(48, 60).convert("CMYK")), False),
    ],
    ids=["large enough", "grey", "too small", "not a JPEG", "CMYK"],
)
def test_pass_through_keeps_the_bytes_of_a_jpeg_that_is_fit_for_training(content: bytes, passes: bool) -> None:
    normalised = normalise(content, NormaliseSettings(resize=48, quality=95, pass_through=True))
    assert normalised.passed_through == passes == (normalised.jpeg == content)
    assert normalised.short_edge == 48


def test_pass_through_does_not_keep_a_turned_photograph() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(draw(60, 50), exif=exif)
    assert not normalise(content, NormaliseSettings(48, 95, True)).passed_through


def test_pass_through_decodes_all_the_same() -> None:
    with pytest.raises(UnreadableImage, match="it does not decode: image file is truncated"):
        normalise(jpeg(60, 60)[:-40], NormaliseSettings(48, 95, True))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is no JPEG, PNG, GIF, BMP, TIFF, WEBP; it starts with nothing"),
        (b"%!PS-Adobe", "it is no JPEG, PNG, GIF, BMP, TIFF, WEBP; it starts with 25215053"),
        (jpeg(40, 30)[:-40], "it does not decode: image file is truncated"),
        (encode(Image.new("F", (8, 8)), "TIFF"), "its pixels are floating-point numbers of unknown range"),
        (jpeg(1, 300), "it has 1x300 pixels and would become 256x76800, too large for a JPEG"),
    ],
    ids=["empty", "PostScript", "truncated", "floating point", "elongated"],
)
def test_an_image_that_cannot_be_used_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage) as caught:
        normalise(content, NormaliseSettings(256, 95, False))
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("edge", [12_000, 40_000])
def test_a_small_file_of_very_many_pixels_is_not_decoded(edge: int) -> None:
    # A PNG of zeros: 12,000 x 12,000 is where Pillow warns, 40,000 x 40,000 where it refuses by itself.
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", edge, edge, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    with pytest.raises(UnreadableImage, match=r"it does not decode: Image size \(\d+ pixels\) exceeds limit"):
        normalise(bomb, KEEP_SIZE)


def test_damaged_exif_does_not_make_an_image_unreadable() -> None:
    content = encode(draw(40, 30), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert result(content).size == (40, 30)


@st.composite
def damaged_images(draw_value: st.DrawFn) -> bytes:
    kind = draw_value(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"]))
    content = bytearray(encode(draw(20, 16), kind))
    for _ in range(draw_value(st.integers(1, 6))):
        content[draw_value(st.integers(0, len(content) - 1))] = draw_value(st.integers(0, 255))
    return bytes(content[: draw_value(st.integers(0, len(content)))])


@settings(max_examples=200, deadline=None)
@given(content=damaged_images())
def test_whatever_is_damaged_the_result_is_an_image_or_a_reason(content: bytes) -> None:
    try:
        normalised = normalise(content, NormaliseSettings(24, 95, False))
    except UnreadableImage as error:
        assert "\n" not in str(error) and "object at 0x" not in str(error)
    else:
        assert normalised.short_edge == 24
