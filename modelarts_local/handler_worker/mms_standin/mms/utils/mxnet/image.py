"""Image helpers; an image is an MXNet array (height, width, channels) unless a function says otherwise."""

import base64
import io

import mxnet as mx
import numpy as np
from PIL import Image


def read(buf, flag=1, to_rgb=True, out=None):
    """Decode an image file's bytes to uint8 (height, width, channels).

    flag: 1 for three channels, 0 for grey.
    to_rgb: channel order RGB; False leaves OpenCV's BGR.
    out: array to decode into; None allocates one.

    Raises mxnet.MXNetError when the bytes do not decode.
    """
    return mx.image.imdecode(buf, flag=flag, to_rgb=to_rgb, out=out)


def write(img_arr, flag=1, format="jpeg", dim_order="CHW"):
    """Encode an image array and return the file's bytes as base64 text.

    img_arr: pixel values 0 to 255, in the order that `dim_order` ('CHW' or 'HWC') names.
    flag: 1 for RGB, 0 for one grey channel.
    format: name of the file format, as Pillow spells it.
    """
    if dim_order not in ("CHW", "HWC"):
        raise ValueError(f"dim_order is {dim_order!r}; an image is written from 'CHW' or 'HWC'.")
    pixels = img_arr.asnumpy().astype(np.uint8)
    if dim_order == "CHW":
        pixels = pixels.transpose(1, 2, 0)
    if flag == 0:
        pixels = pixels.reshape(pixels.shape[:2])  # (height, width, 1) -> (height, width): grey to Pillow
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, format=format)
    return base64.b64encode(encoded.getvalue()).decode("ascii")


def resize(src, new_width, new_height, interp=2):
    """Resize an image; the width comes first.

    interp: OpenCV's number: 0 nearest, 1 bilinear, 2 area, 3 bicubic, 4 Lanczos.
    """
    return mx.image.imresize(src, new_width, new_height, interp)


def transform_shape(img_arr, dim_order="NCHW"):
    """Give one image the batch axis: (H, W, C) -> (1, C, H, W), or (1, H, W, C) for 'NHWC'."""
    if dim_order not in ("NCHW", "NHWC"):
        raise ValueError(f"dim_order is {dim_order!r}; an image is given to a network as 'NCHW' or 'NHWC'.")
    if dim_order == "NCHW":
        img_arr = mx.nd.transpose(img_arr, axes=(2, 0, 1))
    return mx.nd.expand_dims(img_arr, axis=0)


def fixed_crop(src, x0, y0, w, h, size=None, interp=2):
    """Cut w x h pixels out, the top left at (x0, y0), and resize them to `size` (width, height) if given."""
    return mx.image.fixed_crop(src, x0, y0, w, h, size, interp)


def color_normalize(src, mean, std=None):
    """Return (src - mean) / std as float32; `mean` and `std` are arrays, one value a channel."""
    return mx.image.color_normalize(src.astype(np.float32), mean, std)
