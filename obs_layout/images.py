"""Turn any readable image into the JPEG that goes into a record. Image files are hostile input.

What a file is, is told by its content and never by its name.
"""

from __future__ import annotations

import io
import warnings
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

# Only what photographs come in: Pillow knows more formats, some of which start other programs.
IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")
JPEG_MAX_EDGE = 65_500  # pixels; libjpeg's own limit
_ORIENTATION_TAG = 0x0112
_UPRIGHT = 1
_UPRIGHT_BY = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE = (255, 255, 255, 255)


class UnreadableImage(Exception):
    """The bytes are not an image that can be used; the message is a clause that says why."""


class NormaliseSettings(NamedTuple):
    """How images are normalised.

    resize: short edge in pixels, 0 keeps the size. quality: of the JPEG, 1 to 100.
    pass_through: see `normalise`.
    """

    resize: int
    quality: int
    pass_through: bool


class NormalisedImage(NamedTuple):
    """jpeg: file content. short_edge: pixels. passed_through: whether the bytes are those of the original."""

    jpeg: bytes
    short_edge: int
    passed_through: bool


def normalise(image_bytes: bytes, settings: NormaliseSettings) -> NormalisedImage:
    """Decode one image completely and return it as a JPEG fit for training.

    Grey, palette and CMYK images become RGB, transparency is laid over white, the EXIF orientation is
    applied, the short edge is resized to settings.resize with antialiasing (a smaller image is enlarged, so
    that a crop of that size fits every record). Metadata is dropped; an animation gives its first frame.

    With pass_through, a JPEG that is RGB or grey, upright, and whose short edge is at least settings.resize
    keeps its bytes: training decodes and resizes it anyway, and it is not compressed a second time. It is
    decoded here all the same, to be sure that it can be.

    Raises UnreadableImage when the bytes do not decode, hold more pixels than Pillow deems safe, or are too
    elongated.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # What else Pillow warns of (odd EXIF, odd palettes) does not change the pixels.
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(io.BytesIO(image_bytes), formats=IMAGE_FORMATS) as image:
                return _normalise_opened(image, image_bytes, settings)
    except UnreadableImage:
        raise
    except UnidentifiedImageError:
        start = image_bytes[:4].hex() or "nothing"
        raise UnreadableImage(f"it is no {', '.join(IMAGE_FORMATS)}; it starts with {start}") from None
    # Pillow's decoders raise nearly any type on hostile bytes: OSError, SyntaxError, MemoryError ...
    except Exception as error:
        raise UnreadableImage(f"it does not decode: {_first_line(error)}") from error


def _normalise_opened(image: Image.Image, image_bytes: bytes, settings: NormaliseSettings) -> NormalisedImage:
    if settings.pass_through and _keeps_its_bytes(image, settings.resize):
        image.load()
        return NormalisedImage(image_bytes, min(image.size), True)
    width, height = _target_size(image.size, settings.resize)
    # A JPEG much larger than needed is decoded at a half, a quarter or an eighth, never below twice the
    # target: quicker and smaller in memory, and the antialiased step that follows hides the difference.
    image.draft(None, (2 * width, 2 * height))
    image.load()
    orientation = _orientation(image)
    pixels: Image.Image = image if orientation == _UPRIGHT else image.transpose(_UPRIGHT_BY[orientation])
    # Looked at rather than derived: Pillow turns TIFF files itself, before or while loading them by version.
    if (pixels.width > pixels.height) != (width > height):
        width, height = height, width
    pixels = _to_rgb(pixels)
    if pixels.size != (width, height):
        pixels = pixels.resize((width, height), Image.Resampling.BICUBIC)
    pixels.info = {}  # else comments and profiles of the original would be written too
    content = io.BytesIO()
    pixels.save(content, "JPEG", quality=settings.quality)
    return NormalisedImage(content.getvalue(), min(width, height), False)


def _keeps_its_bytes(image: Image.Image, resize: int) -> bool:
    is_plain_jpeg = image.format == "JPEG" and image.mode in ("RGB", "L")
    return is_plain_jpeg and _orientation(image) == _UPRIGHT and min(image.size) >= resize


def _orientation(image: Image.Image) -> int:
    # A damaged EXIF block says nothing about the pixels; such an image counts as upright.
    try:
        value = image.getexif().get(_ORIENTATION_TAG, _UPRIGHT)
    except Exception:
        return _UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else _UPRIGHT


def _target_size(size: tuple[int, int], resize: int) -> tuple[int, int]:
    width, height = size
    if resize:
        short, long = min(size), max(size)
        scaled_long = max(resize, round(long * resize / short))
        width, height = (resize, scaled_long) if width <= height else (scaled_long, resize)
    if max(width, height) > JPEG_MAX_EDGE or width * height > (Image.MAX_IMAGE_PIXELS or float("inf")):
        raise UnreadableImage(
            f"it has {size[0]}x{size[1]} pixels and would become {width}x{height}, too large for a JPEG"
        )
    return width, height


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return the image in mode RGB: (width, height) pixels of 8 bits for each of three channels."""
    if image.mode.startswith("I"):  # 16-bit grey; convert() alone would clip instead of scale
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode == "F":
        raise UnreadableImage("its pixels are floating-point numbers of unknown range")
    has_alpha = image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    if has_alpha:
        background = Image.new("RGBA", image.size, _WHITE)
        image = Image.alpha_composite(background, image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
