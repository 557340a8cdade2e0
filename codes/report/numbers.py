"""The numbers of the report: metrics.json and history.csv, and what is read off a confusion matrix."""
import collections
import csv
import io

import numpy as np

from files import replacing, write_json
from training.measures import confusion_matrix, summarise

# true_class, predicted_class: numbers of classes; images: how often the one was taken for the other
Confusion = collections.namedtuple('Confusion', 'true_class predicted_class images')


def measure(best_epoch, labels, probabilities, class_names):
    """Return the content of metrics.json.

    best_epoch: number of epochs trained; labels: int array (N,); probabilities: array (N, classes).
    """
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), len(class_names))
    classes = [collections.OrderedDict((('name', name), ('images', int(row.sum())), ('correct', int(row[label]))))
               for label, (name, row) in enumerate(zip(class_names, matrix))]
    return collections.OrderedDict((('best_epoch', best_epoch), ('metrics', summarise(matrix)), ('classes', classes),
                                    ('confusion_matrix', matrix.tolist())))


def write_metrics(measured, path):
    """Write what `measure` returned as JSON."""
    write_json(measured, path)


def write_history(history, path):
    """Write one line an epoch as CSV; a measure that some epochs lack is empty there.

    history: list of {measure: value}. An earlier version of the job may have written the first ones of them.
    """
    names = list(collections.OrderedDict((name, None) for row in history for name in row))
    with replacing(path) as part:
        with io.open(part, 'w', encoding='utf-8', newline='') as stream:
            table = csv.DictWriter(stream, fieldnames=names)
            table.writeheader()
            table.writerows(history)


def frequent_confusions(matrix, limit):
    """Return the `limit` most frequent Confusions, those of smaller classes first where the counts are equal.

    matrix: int array (classes, classes), rows are true classes.
    """
    rows, columns = np.nonzero(matrix)
    found = [Confusion(int(row), int(column), int(matrix[row, column]))
             for row, column in zip(rows, columns) if row != column]
    images = matrix.sum(axis=1)
    return sorted(found, key=lambda confusion: (-confusion.images, images[confusion.true_class], confusion))[:limit]


def worst_first(classes):
    """Sort the classes of metrics.json by accuracy, lowest first, larger classes first among equals.

    Classes without a picture are left out: nothing is known of them.
    """
    return sorted((row for row in classes if row['images']),
                  key=lambda row: (row['correct'] / float(row['images']), -row['images'], row['name']))


def most_mistaken(matrix, limit):
    """Return the numbers of the `limit` classes that take part in most mistakes, in the order of the classes."""
    mistakes = matrix - np.diag(np.diag(matrix))
    worst = np.argsort(-(mistakes.sum(axis=0) + mistakes.sum(axis=1)), kind='mergesort')[:limit]
    return sorted(int(label) for label in worst)
