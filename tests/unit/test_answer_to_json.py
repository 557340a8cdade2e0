"""A handler's answer becomes JSON, or a sentence that names the value at fault."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_local.handler_worker.answer import UnserialisableAnswer, answer_to_json

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children) | st.dictionaries(st.text(max_size=5), children),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_every_json_value_is_answered_exactly(value: Any) -> None:
    assert json.loads(answer_to_json(value)) == value


def test_text_is_answered_as_utf_8_not_as_escapes() -> None:
    assert answer_to_json({"predicted_label": "豹"}) == '{"predicted_label": "豹"}'.encode()


@pytest.mark.parametrize(
    "answer, clause",
    [
        (
            {"scores": [["cat", float("nan")]]},
            "answers nan at answer['scores'][0][1]; JSON has no such number.",
        ),
        ([np.float64("inf")], "answers inf at answer[0]; JSON has no such number."),
        (
            {"scores": [["cat", np.float32(0.5)]]},
            "answers a numpy.float32 at answer['scores'][0][1]; convert it to a number, text, list or dict.",
        ),
        (np.zeros(2), "answers a numpy.ndarray at answer; convert it to a number, text, list or dict."),
        (
            {"image": b"raw"},
            "answers a bytes at answer['image']; convert it to a number, text, list or dict.",
        ),
        ({"a": {("x", 1): 2}}, "answers a tuple as a key of answer['a']; JSON keys are text."),
        (map(str, [1]), "answers a map at answer; convert it to a number, text, list or dict."),
    ],
)
def test_the_offending_value_is_named(answer: Any, clause: str) -> None:
    with pytest.raises(UnserialisableAnswer) as refusal:
        answer_to_json(answer)
    assert str(refusal.value) == clause


def test_an_answer_that_holds_itself_is_refused() -> None:
    answer: list[Any] = []
    answer.append(answer)
    with pytest.raises(UnserialisableAnswer, match="^answers what is not JSON: Circular reference detected"):
        answer_to_json(answer)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnserialisableAnswer, match="^answers what is not JSON: .*surrogates not allowed"):
        answer_to_json("\ud800")
