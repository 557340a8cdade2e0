"""Array helpers."""

import numpy as np


def top_probability(data, labels, top=5):
    """Return the `top` likeliest classes of the first image, likeliest first.

    data: network output (batch, classes), or with further axes of length 1.
    labels: class names in the order of the network's outputs.

    Each entry is {'probability': float, 'class': label}.
    """
    scores = data.asnumpy()
    if scores.ndim > 2:
        # (batch, classes, 1, 1) -> (batch, classes)
        scores = scores.squeeze(axis=tuple(range(2, scores.ndim)))
    order = np.argsort(-scores[0], kind="stable")[:top]
    return [{"probability": float(scores[0, index]), "class": labels[index]} for index in order]
