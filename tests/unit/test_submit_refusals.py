"""What `submit` makes of the platform's error answers."""

from __future__ import annotations

from typing import Any

import pytest

from modelarts_local.submit.refusals import BY_CODE, advice_on, code_and_message


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ({"error_code": "ModelArts.2751", "error_msg": "name"}, "ModelArts.2751", "name"),
        ({"error_code": "APIGW.0301", "error_msg": "a."}, "APIG.0301", "a."),
        ({"error_msg": "a.", "error_code": "ModelArts.2755", "error_solution": "do b."}, "ModelArts.2755", "a. do b."),
        ({"error": {"code": "403", "message": "no"}}, "403", "no"),
        ({}, "", ""),
        (["no object"], "", ""),
        (None, "", ""),
    ],
)
def test_every_form_of_an_error_is_read(answer: Any, code: str, message: str) -> None:
    assert code_and_message(answer) == (code, message)


@pytest.mark.parametrize("number", [2751, 2757, 2758, 2759, 2760, 2761, 2763, 2780, 2781, 2785, 2787, 2788, 2791, 2792])
def test_every_documented_code_of_a_training_job_has_its_advice(number: int) -> None:
    assert advice_on(400, f"ModelArts.{number}") not in ("", advice_on(400, "ModelArts.9999"))


@pytest.mark.parametrize("number", [2799, 2832, 2857, 2859, 3002, 3013, 3014, 3015, 3016, 3017, 3036, 3037, 3043, 3044])
def test_every_documented_code_of_limits_and_imports_has_its_advice(number: int) -> None:
    assert advice_on(400, f"ModelArts.{number}") != ""


def test_a_code_that_is_not_known_is_told_by_the_status() -> None:
    assert advice_on(401, "ModelArts.0207") == advice_on(401, "")
    assert advice_on(400, "ModelArts.9999") == ""


def test_an_advice_is_a_sentence() -> None:
    for code, advice in BY_CODE.items():
        assert (advice[0].isupper() or advice.startswith("config.json")) and advice.endswith("."), code
