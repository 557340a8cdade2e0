"""The line that predict prints for an image."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelarts_local.client.prediction import Prediction, as_json_line, as_line

ANSWER = {"predicted_label": "leopards", "scores": [["leopards", 0.93], ["wild_cat", 0.05]]}


def test_a_classification_is_shown_with_its_scores() -> None:
    line = as_line(Prediction("cat.jpg", 200, ANSWER))
    assert line == "cat.jpg: leopards 0.93 (leopards 0.930, wild_cat 0.050)"


def test_scores_sent_as_text_are_shown_too() -> None:
    answer = {"predicted_label": "cat", "scores": [["cat", "0.5"]]}
    assert as_line(Prediction("cat.jpg", 200, answer)) == "cat.jpg: cat 0.50 (cat 0.500)"


@pytest.mark.parametrize("answer", [["cat"], {"boxes": []}, {"predicted_label": "x", "scores": [["y", 1]]}, None, 3])
def test_any_other_answer_is_shown_as_json(answer: Any) -> None:
    assert as_line(Prediction("cat.jpg", 200, answer)) == f"cat.jpg: {json.dumps(answer)}"


def test_a_refusal_is_shown_with_status_and_reason() -> None:
    line = as_line(Prediction("cat.txt", 400, {"error_code": "MR.0105", "error_msg": "not an image"}))
    assert line == "cat.txt: 400: not an image"


def test_a_refusal_without_a_reason_is_shown_as_it_came() -> None:
    assert as_line(Prediction("cat.jpg", 418, {"erno": "MR.1"})) == 'cat.jpg: 418: {"erno": "MR.1"}'


def test_a_refusal_that_the_platform_documents_says_what_to_check() -> None:
    assert as_line(Prediction("cat.jpg", 500, {"erno": "MR.0105", "msg": "Recognition failed"})) == (
        "cat.jpg: 500: Recognition failed. customize_service.py failed on it: look into the service's log for the "
        "traceback."
    )


def test_a_file_name_that_is_no_utf8_makes_json_all_the_same() -> None:
    line = as_json_line(Prediction("cat\udcff.jpg", 200, ANSWER))
    assert json.loads(line.encode("utf-8"))["file"] == "cat\udcff.jpg"


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    answer = {"predicted_label": "\x1b[2Jcat", "scores": [["\x1b[2Jcat", 1.0]]}
    assert "\x1b" not in as_line(Prediction("cat.jpg", 200, answer))


def test_a_json_line_has_file_status_and_answer() -> None:
    line = as_json_line(Prediction("豹.jpg", 200, ANSWER))
    assert line == json.dumps({"file": "豹.jpg", "status": 200, "answer": ANSWER}, ensure_ascii=False)
