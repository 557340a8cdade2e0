"""Write report/: what the training measured, for people and for programs.

    report/
      metrics.json   best epoch, the metrics of config.json, accuracy of each class, confusion matrix
      history.csv    one line an epoch
"""
import csv
import io
import os
from collections import OrderedDict

from files import replacing, write_json
from measures import confusion_matrix, summarise

FOLDER = 'report'
FILES = ('metrics.json', 'history.csv')


def write_report(output, training, labels, probabilities, class_names):
    """Write FILES into the output's local report/ folder; returns the four metrics for config.json.

    output: OutputFolder; training: Training; labels: int array (N,); probabilities: array (N, classes), both of the
    best epoch on the validation set.
    """
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), len(class_names))
    metrics = summarise(matrix)
    folder = output.make_folder(FOLDER)
    write_json(OrderedDict((
        ('best_epoch', training.best['epoch']), ('metrics', metrics),
        ('classes', _class_table(matrix, class_names)), ('confusion_matrix', matrix.tolist()),
    )), os.path.join(folder, 'metrics.json'))
    _write_history(training.history, os.path.join(folder, 'history.csv'))
    return metrics


def _class_table(matrix, class_names):
    return [OrderedDict((('name', name), ('images', int(row.sum())), ('correct', int(row[label]))))
            for label, (name, row) in enumerate(zip(class_names, matrix))]


def _write_history(history, path):
    with replacing(path) as part:
        with io.open(part, 'w', encoding='utf-8', newline='') as stream:
            table = csv.DictWriter(stream, fieldnames=list(history[0]))
            table.writeheader()
            table.writerows(history)
