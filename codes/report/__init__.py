"""Write report/: what the training measured, for people and for programs.

    report/
      metrics.json     best epoch, the metrics of config.json, accuracy of each class, confusion matrix
      history.csv      one line an epoch
      index.html       all of it to look at: curves, confusion matrix, the surest mistakes, flags; one file, no network
      curves.png       the curves, for a README
      confusion.png    the confusion matrix, likewise
"""
import os

from files import read_json, write_text

from .drawings import draw_confusion, draw_curves
from .mistakes import surest_mistakes
from .numbers import measure, write_history, write_metrics
from .page import page_html
from .surroundings import describe_run

__all__ = ['FOLDER', 'NUMBERS', 'PICTURES', 'FILES', 'PAGE', 'write_report', 'write_page', 'surest_mistakes',
           'describe_run']
FOLDER = 'report'
METRICS, HISTORY, PAGE, CURVES, CONFUSION = 'metrics.json', 'history.csv', 'index.html', 'curves.png', 'confusion.png'
NUMBERS, PICTURES = (METRICS, HISTORY), (CURVES, CONFUSION, PAGE)
FILES = NUMBERS + PICTURES


def write_report(output, training, labels, probabilities, class_names):
    """Write NUMBERS into the local report/ folder; returns the four metrics for config.json.

    output: OutputFolder; training: Training; labels: int array (N,); probabilities: array (N, classes), both of the
    best epoch on the validation set.
    """
    folder = output.make_folder(FOLDER)
    measured = measure(training.best['epoch'], labels, probabilities, class_names)
    write_metrics(measured, os.path.join(folder, METRICS))
    write_history(training.history, os.path.join(folder, HISTORY))
    return measured['metrics']


def write_page(output, training, mistakes, run):
    """Write PICTURES from the metrics.json that `write_report` has written.

    mistakes: list of Mistake from `surest_mistakes`; run: Run from `describe_run`. All epochs are shown, those before
    a resume too, since the history has them.
    """
    folder = output.make_folder(FOLDER)
    measured = read_json(os.path.join(folder, METRICS))
    best_epoch = measured['best_epoch']
    draw_curves(training.history, best_epoch, os.path.join(folder, CURVES))
    draw_confusion(measured, os.path.join(folder, CONFUSION))
    write_text(page_html(measured, training.history, mistakes, run), os.path.join(folder, PAGE))
