"""Random changes to training pictures, drawn from a generator that the caller seeds.

Written with Pillow and NumPy because the native augmenters of the two engines differ: MXNet 1.2.1 has neither the
random resized crop nor the colour jitter (the 2019 tutorial shipped a shared library to add them).
"""
import math

import numpy as np
from PIL import Image

from .preprocessing import FILTER

CROP_ATTEMPTS = 10      # after that the whole picture is taken; the usual number
# Eigenvectors and eigenvalues of the RGB values of ImageNet (Krizhevsky et al., 2012, section 4.1)
PCA_EIGENVALUES = np.array((55.46, 4.794, 1.148))
PCA_EIGENVECTORS = np.array(((-0.5675, 0.7192, 0.4009),
                             (-0.5808, -0.0045, -0.8140),
                             (-0.5836, -0.6948, 0.4203)))
GREY_WEIGHTS = np.array((0.299, 0.587, 0.114))      # ITU-R BT.601 luma
CONTRAST, SATURATION = 1, 2     # places in the order of brightness, contrast, saturation


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
    pixels = np.asarray(image.resize((side, side), FILTER, box=box), dtype=np.float32).reshape(-1, 3)
    mean = np.ones(len(pixels), dtype=np.float32).dot(pixels) / len(pixels)     # several times as fast as .mean(axis=0)
    matrix, offset = draw_colour_change(mean, augmentation, random)
    # normalising is one more linear change; all of them together cost one pass over the pixels
    std = np.array(preprocessing.std_rgb)
    matrix, offset = matrix / std[:, np.newaxis], (offset - preprocessing.mean_rgb) / std
    changed = matrix.astype(np.float32).dot(pixels.T)
    changed += offset.astype(np.float32)[:, np.newaxis]
    return changed.reshape(3, side, side)


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


def draw_colour_change(mean_rgb, augmentation, random):
    """Draw a change of brightness, contrast and saturation in random order, and noise along the colours' main axes.

    mean_rgb: of the picture, which keeps its grey when its contrast changes; in units of 0 to 255, as all here. Values
    are not kept within 0 to 255, as in MXNet's augmenters, so that together the changes are linear.
    Returns (matrix (3, 3), offset (3,)): an RGB pixel p becomes matrix.dot(p) + offset.
    """
    matrix, offset = np.eye(3), np.zeros(3)
    strengths = (augmentation.brightness, augmentation.contrast, augmentation.saturation)
    for which in random.permutation(len(strengths)):
        factor = 1 + random.uniform(-strengths[which], strengths[which])
        change, shift = factor * np.eye(3), np.zeros(3)
        if which == CONTRAST:
            shift += (1 - factor) * GREY_WEIGHTS.dot(matrix.dot(mean_rgb) + offset)
        elif which == SATURATION:
            change += (1 - factor) * GREY_WEIGHTS       # the pixel's own grey in each of its channels
        matrix, offset = change.dot(matrix), change.dot(offset) + shift
    weights = random.normal(0, augmentation.pca_noise, size=3)
    return matrix, offset + PCA_EIGENVECTORS.dot(PCA_EIGENVALUES * weights)
