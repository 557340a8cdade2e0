"""The pictures that the network was surest about and wrong."""
import collections
import io

import numpy as np
from PIL import Image

from dataset.batches import decode_record

MAX_MISTAKES = 24
THUMBNAIL_PX = 112          # longer edge; with the quality below about 3 KB each
THUMBNAIL_QUALITY = 75      # Pillow's own default

# true_class, predicted_class: numbers of classes; probability: of the predicted class; probability_of_true: of the true
# one; jpeg: bytes of a small picture; size: its (width, height) in pixels
Mistake = collections.namedtuple('Mistake', 'true_class predicted_class probability probability_of_true jpeg size')


def surest_mistakes(labels, probabilities, records, limit=MAX_MISTAKES):
    """Return at most `limit` Mistakes, the most confident first.

    labels: int array (N,); probabilities: array (N, classes), both in the order of `records`, a RecordFile.
    """
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-confidence[wrong], kind='mergesort')][:limit]
    found = []
    for number in surest:
        jpeg, size = _thumbnail(decode_record(records, int(number))[0])
        found.append(Mistake(int(labels[number]), int(predicted[number]), float(confidence[number]),
                             float(probabilities[number, labels[number]]), jpeg, size))
    return found


def _thumbnail(image):
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.BICUBIC)
    content = io.BytesIO()
    image.save(content, 'JPEG', quality=THUMBNAIL_QUALITY, optimize=True)
    return content.getvalue(), image.size
