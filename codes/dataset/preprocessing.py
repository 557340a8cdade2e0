"""What happens to a picture before the network sees it, in training and in serving.

One source for size, crop, mean, std and filter: the job writes these values into model/preprocessing.json and the
handler reads them there. `customize_service.py` has to carry its own copy of the two functions below because a model
folder may import nothing of ours; a test compares them pixel by pixel.
"""
from collections import namedtuple

import numpy as np
from PIL import Image, ImageOps

# ImageNet statistics per channel in RGB order, pixel values 0 to 255; the tutorial's own numbers
MEAN_RGB = (123.68, 116.779, 103.939)
STD_RGB = (58.395, 57.12, 57.375)
# Short edge before the centre crop over the crop itself: 256 / 224, the usual margin
RESIZE_TO_CROP = 8.0 / 7.0
FILTER = Image.BILINEAR     # Pillow's bilinear filter averages when it shrinks


class Preprocessing(namedtuple('Preprocessing', 'image_size resize_short mean_rgb std_rgb')):
    """image_size and resize_short in pixels; mean_rgb and std_rgb in units of 0 to 255, one number a channel."""

    @classmethod
    def for_image_size(cls, image_size):
        """Derive the standard preprocessing from the input height and width in pixels."""
        return cls(image_size, int(round(image_size * RESIZE_TO_CROP)), MEAN_RGB, STD_RGB)

    @classmethod
    def from_json(cls, content):
        """Read what to_json returned. Raises KeyError where something is missing."""
        return cls(content['image_size'], content['resize_short'], tuple(content['mean_rgb']),
                   tuple(content['std_rgb']))

    def to_json(self):
        """Return the content of preprocessing.json as a dict."""
        return {
            'image_size': self.image_size, 'resize_short': self.resize_short, 'filter': 'bilinear',
            'mean_rgb': list(self.mean_rgb), 'std_rgb': list(self.std_rgb), 'layout': 'NCHW',
        }


def to_upright_rgb(image):
    """Decode an opened PIL image: upright by its EXIF orientation, transparency on white, 16 bits to 8, mode RGB."""
    image = ImageOps.exif_transpose(image) if hasattr(ImageOps, 'exif_transpose') else image    # new in Pillow 6.0
    if image.mode.startswith('I'):          # 16-bit grey: Pillow would clip it instead of scaling
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
        image = image.convert('RGBA')
        on_white = Image.new('RGB', image.size, (255, 255, 255))
        on_white.paste(image, mask=image.split()[3])
        return on_white
    return image.convert('RGB')


def prepare_image(image, preprocessing):
    """Cut the square from the centre, scale it, normalise: the way of every picture but the training ones.

    This is the usual "resize the short edge to resize_short, crop image_size from the centre" in one step, which never
    makes the whole picture larger: a picture of 20,000 x 1 pixels stays harmless.

    image: PIL image, mode RGB.
    Returns a float32 array (3, image_size, image_size).
    """
    width, height = image.size
    side = preprocessing.image_size
    cut = min(width, height) * float(side) / preprocessing.resize_short
    left, top = (width - cut) // 2, (height - cut) // 2         # whole pixels: no blur when nothing is scaled
    image = image.resize((side, side), FILTER, box=(left, top, left + cut, top + cut))
    return normalise(image, preprocessing)


def normalise(pixels, preprocessing):
    """Subtract the mean, divide by the standard deviation, put the channels first.

    pixels: RGB image or array (h, w, 3) with values of 0 to 255.
    Returns a float32 array (3, h, w).
    """
    normal = (np.asarray(pixels, dtype=np.float32) - np.array(preprocessing.mean_rgb, dtype=np.float32)) \
        / np.array(preprocessing.std_rgb, dtype=np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))
