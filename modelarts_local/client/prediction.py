"""What came of one picture, and how it is shown on a line."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .refusals import ANY, advice_on, code_of


class Prediction(NamedTuple):
    """What a service made of one picture.

    status: HTTP status, None when the picture was not sent or nothing was answered.
    answer: the decoded JSON, or {"error_msg": text} where there is none.
    proof: what the request proved itself by, one of credentials.METHODS or none; any where that is not known.
    """

    file: str
    status: int | None
    answer: Any
    proof: str = ANY

    @property
    def is_answered(self) -> bool:
        """Tell whether the service recognised the picture."""
        return self.status == 200

    @property
    def reason(self) -> str:
        """Why it was not recognised: `status: reason`, and what to check where the platform's code tells it."""
        answer = self.answer
        told = str(answer.get("error_msg") or answer.get("msg") or "") if isinstance(answer, dict) else ""
        status = "" if self.status is None else f"{self.status}: "
        advice = advice_on(self.status, code_of(answer), self.proof)
        text = f"{status}{told or json.dumps(answer, ensure_ascii=False)}"
        return printable(f"{text.rstrip('.')}. {advice}" if advice else text)

    def as_json(self) -> dict[str, Any]:
        """A JSON object of file, status and answer."""
        return {"file": self.file, "status": self.status, "answer": self.answer}


class Classification(NamedTuple):
    """The platform's form of an answer. scores: (label, score) from the best on, as many as the service gives."""

    label: str
    scores: list[tuple[str, float]]

    @property
    def score(self) -> float:
        """The score of the label."""
        return dict(self.scores)[self.label]

    def rank_of(self, label: str) -> int | None:
        """The place of a label among the scores, from 1 on; None when it is not among them."""
        labels = [name for name, _ in self.scores]
        return labels.index(label) + 1 if label in labels else None


def classification_of(answer: Any) -> Classification | None:
    """Read an answer as {"predicted_label", "scores"}; None when it is of another form."""
    try:
        scores = [(str(label), float(score)) for label, score in answer["scores"]]
        label = str(answer["predicted_label"])
        dict(scores)[label]
    except (TypeError, ValueError, KeyError):
        return None
    return Classification(label, sorted(scores, key=lambda item: -item[1]))


def as_json_line(prediction: Prediction) -> str:
    """Return the JSON object {"file", "status", "answer"}."""
    return json_line(prediction.as_json())


def json_line(shown: dict[str, Any]) -> str:
    """Return JSON that can be written as UTF-8, whatever bytes the name of a file has."""
    return json.dumps(shown, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def as_line(prediction: Prediction) -> str:
    """Return `file: label 0.93 (label 0.930, ...)`, or `file: status: reason` for a picture without answer.

    An answer that is not the platform's form for classification is shown as JSON.
    """
    if not prediction.is_answered:
        text = prediction.reason
    else:
        text = _line_of(classification_of(prediction.answer)) or json.dumps(prediction.answer, ensure_ascii=False)
    return printable(f"{prediction.file}: {text}")


def printable(text: str) -> str:
    """Return the text with a replacement character for what must not reach a terminal."""
    # labels come from the service, names of files from anywhere: escape sequences would change the terminal
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _line_of(found: Classification | None) -> str:
    if found is None:
        return ""
    return f"{found.label} {found.score:.2f} ({', '.join(f'{name} {score:.3f}' for name, score in found.scores)})"
