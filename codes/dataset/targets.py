"""What the network is asked to answer: a probability for each class, smoothed, and mixed where pictures are mixed."""
import numpy as np


def smoothed_targets(labels, num_classes, smoothing):
    """Give each label's class the probability 1 - smoothing and spread the rest evenly over all classes.

    labels: int array (N,). Returns float32 (N, num_classes), each row sums to 1.
    """
    targets = np.full((len(labels), num_classes), smoothing / num_classes, dtype=np.float32)
    targets[np.arange(len(labels)), labels] += np.float32(1 - smoothing)
    return targets


def mix(images, targets, recipe, random):
    """Mix each picture with another one of its batch, by the one of mixup and cutmix that is drawn.

    images: float32 (N, 3, S, S); targets: float32 (N, classes); random: numpy RandomState. Returns both, mixed; one
    share serves the whole batch, as in the papers' own programs.
    """
    ways = [(way, alpha) for way, alpha in ((_blend, recipe.mixup), (_paste, recipe.cutmix)) if alpha > 0]
    if not ways:
        return images, targets
    way, alpha = ways[random.randint(len(ways))]
    partner = random.permutation(len(images))
    images, share = way(images, images[partner], random.beta(alpha, alpha), random)
    return images, np.float32(share) * targets + np.float32(1 - share) * targets[partner]


def _blend(images, others, share, _):
    return np.float32(share) * images + np.float32(1 - share) * others, share


def _paste(images, others, share, random):
    """Paste a rectangle of 1 - share of the area at a random place; returns (images, share that is really left)."""
    side = images.shape[2]
    edge = int(round(side * np.sqrt(1 - share)))
    x, y = random.randint(side, size=2)
    left, right = max(x - edge // 2, 0), min(x + edge // 2, side)
    top, bottom = max(y - edge // 2, 0), min(y + edge // 2, side)
    images = images.copy()
    images[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
    return images, 1 - (right - left) * (bottom - top) / float(side * side)
