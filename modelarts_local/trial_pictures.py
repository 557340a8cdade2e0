"""Pictures that are drawn here, for a handler to answer before anybody sends one."""

from __future__ import annotations

import io
from typing import Any, Mapping

_SIDE_PX = 224  # where the signature tells no size
_MAX_SIDE_PX = 2048  # a signature must not make us draw a picture that fills the memory


def draw_picture(spec: Mapping[str, Any], file_format: str = "JPEG", mode: str = "RGB") -> bytes:
    """Return a picture file that fits an input.

    spec: the input's data_name and data_shape (batch, channels, height, width), where it is known.
    file_format, mode: as Pillow spells them.
    """
    from PIL import Image

    shape = list(spec.get("data_shape") or ())
    height, width = (_side(length) for length in (shape[2:] if len(shape) == 4 else (0, 0)))
    encoded = io.BytesIO()
    # a gradient, because a handler may refuse a picture of one colour
    Image.linear_gradient("L").resize((width, height)).convert(mode).save(encoded, format=file_format)
    return encoded.getvalue()


def _side(length: int) -> int:
    return min(int(length) or _SIDE_PX, _MAX_SIDE_PX)
