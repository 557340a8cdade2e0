"""What a service made of all pictures, beside their true classes: ranks, accuracy, and what was taken for what."""

from __future__ import annotations

import collections
import unicodedata
from typing import Any, NamedTuple, Sequence

from .pictures import Picture
from .prediction import Classification, Prediction, classification_of

TOP = 5  # of as many scores as the platform's services give
SHOWN_CLASSES = 10
SHOWN_MISTAKES = 3


class Result(NamedTuple):
    """One picture and what came of it."""

    picture: Picture
    prediction: Prediction

    def name_in(self, folder: str) -> str:
        """The picture's name without the folder that holds all of them, where it starts with it."""
        name, prefix = self.picture.name, f"{folder.rstrip('/')}/" if folder else ""
        return name[len(prefix) :] if prefix and name.startswith(prefix) else name

    @property
    def found(self) -> Classification | None:
        """The classification; None when there is none, be it for want of an answer or for its form."""
        return classification_of(self.prediction.answer) if self.prediction.is_answered else None

    @property
    def rank(self) -> int | None:
        """The place of the true class among the scores; None when it is not among them or not known."""
        if self.found is None or self.picture.truth is None:
            return None
        # macOS keeps letters and their accents apart in the names of folders
        same = {unicodedata.normalize("NFC", label): label for label, _ in self.found.scores}
        truth = unicodedata.normalize("NFC", self.picture.truth)
        return self.found.rank_of(same.get(truth, truth))

    @property
    def is_wrong(self) -> bool:
        """Tell whether another class than the true one is predicted."""
        return self.found is not None and self.picture.truth is not None and not self.is_right

    @property
    def is_right(self) -> bool:
        """Tell whether the true class is predicted."""
        if self.found is None or self.picture.truth is None:
            return False
        return unicodedata.normalize("NFC", self.found.label) == unicodedata.normalize("NFC", self.picture.truth)

    def as_json(self) -> dict[str, Any]:
        """The prediction's JSON, and truth, rank where the truth is known."""
        shown = self.prediction.as_json()
        if self.picture.truth is not None:
            shown.update(truth=self.picture.truth, rank=self.rank)
        return shown


class ClassMistakes(NamedTuple):
    """How one class went wrong. taken_for: (predicted label, pictures), the most frequent first."""

    truth: str
    pictures: int
    wrong: int
    taken_for: list[tuple[str, int]]


class Summary(NamedTuple):
    """Counts of pictures, and the classes that went wrong most.

    judged: those with an answer and a known class, which the accuracies are of; None where there are none.
    """

    pictures: int
    answered: int
    failed: int
    not_sent: int
    judged: int
    top1_accuracy: float | None
    top5_accuracy: float | None
    seconds: float
    worst_classes: list[ClassMistakes]

    def as_json(self) -> dict[str, Any]:
        """A JSON object; accuracies are rounded to 6 decimals."""
        shown = self._asdict()
        for name in ("top1_accuracy", "top5_accuracy"):
            shown[name] = None if shown[name] is None else round(shown[name], 6)
        shown["seconds"] = round(self.seconds, 3)
        shown["worst_classes"] = [
            {**mistakes._asdict(), "taken_for": dict(mistakes.taken_for)} for mistakes in self.worst_classes
        ]
        return shown


def summarise(results: Sequence[Result], pictures: int, seconds: float) -> Summary:
    """Return the summary. pictures: how many there were, those that were not sent included."""
    answered = sum(result.prediction.is_answered for result in results)
    judged = [result for result in results if result.found is not None and result.picture.truth is not None]
    right = sum(result.is_right for result in judged)
    within = sum(result.is_right or (result.rank is not None and result.rank <= TOP) for result in judged)
    return Summary(
        pictures,
        answered,
        len(results) - answered,
        pictures - len(results),
        len(judged),
        right / len(judged) if judged else None,
        within / len(judged) if judged else None,
        seconds,
        _worst_classes(judged),
    )


def _worst_classes(judged: Sequence[Result]) -> list[ClassMistakes]:
    pictures = collections.Counter(str(result.picture.truth) for result in judged)
    taken_for: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for result in judged:
        if result.is_wrong and result.found is not None:
            taken_for[str(result.picture.truth)][result.found.label] += 1
    mistakes = [
        ClassMistakes(truth, pictures[truth], sum(labels.values()), _most_first(labels))
        for truth, labels in taken_for.items()
    ]
    return sorted(mistakes, key=lambda item: (-item.wrong, -item.wrong / item.pictures, item.truth))


def _most_first(labels: collections.Counter[str]) -> list[tuple[str, int]]:
    return sorted(labels.items(), key=lambda item: (-item[1], item[0]))
