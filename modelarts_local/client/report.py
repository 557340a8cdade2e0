"""Shows results to people: a table, a summary in sentences, a CSV file."""

from __future__ import annotations

import collections
import csv
import io
from typing import Sequence

from .prediction import printable
from .results import SHOWN_CLASSES, SHOWN_MISTAKES, TOP, Result, Summary
from .table import Column, table_lines

NOTHING = "-"
_FILE = Column("file", 48, keeps_end=True)
_TRUTH = Column("truth", 24)
_LABEL = Column("predicted_label", 24)
_SCORE = Column("score", 6, is_number=True)
_RANK = Column("rank", 4, is_number=True)
_CSV_HEADINGS = ("file", "status", "truth", "predicted_label", "score", "rank", "reason")


def results_table(results: Sequence[Result], folder: str = "") -> list[str]:
    """Return the lines of a table of pictures; columns of the truth only where one is known.

    folder: what is left out at the start of the files' names.
    """
    with_truth = any(result.picture.truth is not None for result in results)
    columns = [_FILE, *([_TRUTH] if with_truth else []), _LABEL, _SCORE, *([_RANK] if with_truth else [])]
    rows = []
    for result in results:
        _, _, truth, label, score, rank, _ = _cells(result)
        label = label or ("other answer" if result.prediction.is_answered else "failed")
        shown = [
            result.name_in(folder),
            *([truth] if with_truth else []),
            label,
            score,
            *([rank] if with_truth else []),
        ]
        rows.append([NOTHING if cell is None else cell for cell in shown])
    return table_lines(columns, rows)


def summary_lines(summary: Summary, results: Sequence[Result]) -> list[str]:
    """Return what the results say as lines: how many, why not all, accuracy, and what was taken for what."""
    lines = [_counts(summary)]
    reasons = collections.Counter(result.prediction.reason for result in results if not result.prediction.is_answered)
    lines += [f"  {count} x {reason}" for reason, count in reasons.most_common(SHOWN_CLASSES)]
    if summary.top1_accuracy is not None and summary.top5_accuracy is not None:
        accuracies = f"top-1 {summary.top1_accuracy:.4f}, top-5 {summary.top5_accuracy:.4f}"
        lines.append(f"accuracy of {summary.judged}: {accuracies}{_idle_top5(summary, results)}")
    if summary.judged:
        lines += _strange_classes(results)
    if summary.worst_classes:
        lines.append("most often wrong:")
        lines += [f"  {line}" for line in _mistake_lines(summary)]
    return lines


def csv_text(results: Sequence[Result]) -> str:
    """Return the results as CSV: file, status, truth, predicted_label, score, rank, reason; unknown cells are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_HEADINGS)
    writer.writerows(_cells(result) for result in results)
    return text.getvalue()


def _cells(result: Result) -> tuple[str | None, ...]:
    """One text for each of _CSV_HEADINGS, None for what there is not."""
    found, prediction = result.found, result.prediction
    return (
        prediction.file,
        None if prediction.status is None else str(prediction.status),
        result.picture.truth,
        None if found is None else found.label,
        None if found is None else f"{found.score:.4f}",
        None if result.rank is None else str(result.rank),
        None if prediction.is_answered else prediction.reason,
    )


def _counts(summary: Summary) -> str:
    rate = summary.answered / summary.seconds if summary.seconds else 0.0
    text = f"{summary.pictures:,} pictures: {summary.answered:,} answered in {summary.seconds:.1f} s ({rate:.1f}/s)"
    if summary.failed:
        text += f", {summary.failed:,} failed"
    return f"{text}, {summary.not_sent:,} not sent" if summary.not_sent else text


def _idle_top5(summary: Summary, results: Sequence[Result]) -> str:
    """Say so where the best scores are of the same few classes each time: the true class is always among them."""
    named = {frozenset(label for label, _ in result.found.scores) for result in results if result.found is not None}
    count = max(map(len, named))
    is_idle = summary.top5_accuracy == 1 and len(named) == 1 and count <= TOP
    return f" (every answer names the same {count} classes)" if is_idle else ""


def _strange_classes(results: Sequence[Result]) -> list[str]:
    """Say so when no true class is one that the service ever names: it has learned others, or they are spelt so."""
    truths = {result.picture.truth for result in results if result.picture.truth is not None}
    known = {label for result in results if result.found is not None for label, _ in result.found.scores}
    if truths & known:
        return []
    return [
        f"no answer names a true class, of which {printable(min(truths))!r} is one: the service's classes are such as "
        f"{printable(min(known))!r}; name the folders or the list's labels as they are"
    ]


def _mistake_lines(summary: Summary) -> list[str]:
    rows = []
    for mistakes in summary.worst_classes[:SHOWN_CLASSES]:
        taken_for = [f"{count} as {printable(label)}" for label, count in mistakes.taken_for]
        if len(taken_for) > SHOWN_MISTAKES:
            taken_for[SHOWN_MISTAKES:] = [f"{len(taken_for) - SHOWN_MISTAKES} more"]
        rows.append([mistakes.truth, f"{mistakes.wrong} of {mistakes.pictures}", ", ".join(taken_for)])
    columns = (Column("", 24), Column("", 16, is_number=True), Column("", 96))
    return table_lines(columns, rows)[1:]
