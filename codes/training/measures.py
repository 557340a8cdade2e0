"""Accuracy, cross-entropy and their kin, from the network's probabilities.

MXNet's own metrics are not used: `TopKAccuracy(5)` fails on data with fewer than six classes, and the padding of the
last batch would have to be cut off all the same.
"""
from collections import OrderedDict

import numpy as np

TOP_K = 5
DECIMALS = 17                    # of a metric that ModelArts keeps (contract 2.3)
SMALLEST_PROBABILITY = 1e-12     # what MXNet's own CrossEntropy metric adds before the logarithm


class RunningMeasures:
    """Sums over batches; `values()` names the means as the tutorial's log does."""

    def __init__(self, sums=(0, 0, 0, 0.0)):
        self.num_images, self._correct, self._correct_in_top_k, self._cross_entropy = sums

    @property
    def sums(self):
        """What the measures are made of: four numbers, from which they go on in another process."""
        return self.num_images, self._correct, self._correct_in_top_k, self._cross_entropy

    def add(self, probabilities, labels):
        """Add one batch.

        probabilities: array (N, classes); labels: int array (N,).
        """
        of_label = probabilities[np.arange(len(labels)), labels]
        rank = (probabilities > of_label[:, np.newaxis]).sum(axis=1)     # classes thought more likely than the label
        self.num_images += len(labels)
        self._correct += int((probabilities.argmax(axis=1) == labels).sum())
        self._correct_in_top_k += int((rank < TOP_K).sum())
        # in double precision, and NaN stays NaN, so that a diverged training shows
        self._cross_entropy -= float(np.log(of_label.astype(np.float64) + SMALLEST_PROBABILITY).sum())

    def summed(self, add_up):
        """Return the measures over the images of all workers.

        add_up: function from an array (4,) to the sum of every worker's.
        """
        return RunningMeasures([float(number) for number in add_up(np.array(self.sums, dtype=np.float64))])

    def values(self):
        """Return {name: mean} in the order of the tutorial's log lines."""
        n = float(max(self.num_images, 1))
        return OrderedDict((('accuracy', self._correct / n), ('cross-entropy', self._cross_entropy / n),
                            ('top_k_accuracy_%d' % TOP_K, self._correct_in_top_k / n)))


def confusion_matrix(labels, predicted, num_classes):
    """Count images by true class (row) and predicted class (column): int array (num_classes, num_classes)."""
    matrix = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def summarise(matrix):
    """Return the four numbers that config.json shows, from a confusion matrix.

    accuracy counts every image alike; precision, recall and f1 are means over the classes that occur among the labels
    (macro averages). A class that is never predicted has precision 0.
    """
    hits = np.diag(matrix).astype(float)
    actual = matrix.sum(axis=1)
    predicted = matrix.sum(axis=0)
    present = actual > 0
    precision = hits[present] / np.maximum(predicted[present], 1)
    recall = hits[present] / actual[present]
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    summary = (('f1', f1.mean()), ('accuracy', hits.sum() / actual.sum()), ('precision', precision.mean()),
               ('recall', recall.mean()))
    return OrderedDict((name, round(float(value), DECIMALS)) for name, value in summary)
