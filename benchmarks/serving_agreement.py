"""Whether services say the same of the same pictures."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

# Of a probability. The same network differs by less than a thousandth; decoders of JPEG of 2018 and of today differ by
# single grey levels, which a network of random weights makes more of than a trained one
TOLERANCE = 0.03

Answers = Sequence[Mapping[str, Any]]


class Agreement(NamedTuple):
    """How two services agree. same: pictures of the same label; largest: difference of a score that both tell."""

    side: str
    same: int
    pictures: int
    largest: float


def agreement_of(side: str, answers: Answers, expected: Answers) -> Agreement:
    """Compare the answers of `side` with those that are expected, picture by picture."""
    same = sum(one["predicted_label"] == other["predicted_label"] for one, other in zip(answers, expected))
    largest = max((_difference(one, other) for one, other in zip(answers, expected)), default=0.0)
    return Agreement(side, same, len(expected), largest)


def wrong_answer(answers: Answers, expected: Answers, pictures: Sequence[str]) -> str | None:
    """Say where answers are not those that are expected, within TOLERANCE; None when all are.

    Another label is right where the expected answer takes its first two for as good as equally likely.
    """
    for one, other, picture in zip(answers, expected, pictures):
        scores = [score for _, score in other["scores"][:2]]
        is_close = len(scores) > 1 and scores[0] - scores[1] <= TOLERANCE
        if _difference(one, other) > TOLERANCE or not (is_close or one["predicted_label"] == other["predicted_label"]):
            return f"{picture} is {_shown(one)}; expected is {_shown(other)}"
    return None


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    scores, expected = dict(one["scores"]), dict(other["scores"])
    return max((abs(scores[label] - expected[label]) for label in scores.keys() & expected.keys()), default=0.0)


def _shown(answer: Mapping[str, Any]) -> str:
    return ", ".join(f"{label} {score:.3f}" for label, score in answer["scores"][:2])
