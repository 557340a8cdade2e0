"""Random changes to training pictures, drawn from a generator that the caller seeds.

Written with Pillow and NumPy because the native augmenters of the two engines differ: MXNet 1.2.1 has neither the
random resized crop nor the colour jitter (the 2019 tutorial shipped a shared library to add them).
"""
import math

import numpy as np
from PIL import Image

from .preprocessing import FILTER, normalise

CROP_ATTEMPTS = 10      # after that the whole picture is taken; the usual number
# Eigenvectors and eigenvalues of the RGB values of ImageNet (Krizhevsky et al., 2012, section 4.1)
PCA_EIGENVALUES = np.array((55.46, 4.794, 1.148), dtype=np.float32)
PCA_EIGENVECTORS = np.array(((-0.5675, 0.7192, 0.4009),
                             (-0.5808, -0.0045, -0.8140),
                             (-0.5836, -0.6948, 0.4203)), dtype=np.float32)
GREY_WEIGHTS = np.array((0.299, 0.587, 0.114), dtype=np.float32)     # ITU-R BT.601 luma


def augment_image(image, augmentation, preprocessing, random):
    """Crop at random, change the colours at random, normalise.

    image: PIL image, mode RGB; augmentation: Recipe; random: numpy RandomState, the only source of
    chance.
    Returns a float32 array (3, image_size, image_size).
    """
    side = preprocessing.image_size
    if random.uniform() < augmentation.mirror_share:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    box = random_crop_box(image.size, augmentation, random)
    pixels = np.asarray(image.resize((side, side), FILTER, box=box), dtype=np.float32)
    return normalise(jitter_colours(pixels, augmentation, random), preprocessing)


def random_crop_box(size, augmentation, random):
    """Draw (left, top, right, bottom) of a crop, in pixels.

    size: (width, height) of the picture. Falls back to the whole picture when no drawn crop fits into it.
    """
    width, height = size
    low, high = (math.log(ratio) for ratio in augmentation.crop_ratio)
    for _ in range(CROP_ATTEMPTS):
        area = random.uniform(*augmentation.crop_area) * width * height
        ratio = math.exp(random.uniform(low, high))
        crop_width = int(round(math.sqrt(area * ratio)))
        crop_height = int(round(math.sqrt(area / ratio)))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left = random.randint(0, width - crop_width + 1)
            top = random.randint(0, height - crop_height + 1)
            return left, top, left + crop_width, top + crop_height
    return 0, 0, width, height


def jitter_colours(pixels, augmentation, random):
    """Change brightness, contrast and saturation in random order, then add noise along the colours' main axes.

    pixels: float32 array (h, w, 3), changed in place; values may leave 0 to 255, as in MXNet's augmenters.
    """
    changes = [_change_brightness, _change_contrast, _change_saturation]
    strengths = [augmentation.brightness, augmentation.contrast, augmentation.saturation]
    for which in random.permutation(len(changes)):
        changes[which](pixels, np.float32(1 + random.uniform(-strengths[which], strengths[which])))
    weights = random.normal(0, augmentation.pca_noise, size=3).astype(np.float32)
    pixels += PCA_EIGENVECTORS.dot(PCA_EIGENVALUES * weights)
    return pixels


def _change_brightness(pixels, factor):
    pixels *= factor


def _change_contrast(pixels, factor):
    grey_mean = pixels.reshape(-1, 3).mean(axis=0).dot(GREY_WEIGHTS)
    pixels *= factor
    pixels += (1 - factor) * grey_mean


def _change_saturation(pixels, factor):
    grey = pixels.dot(GREY_WEIGHTS)[:, :, np.newaxis]
    pixels *= factor
    pixels += (1 - factor) * grey
