"""What `submit` shows of a job's log, which the platform gives whole up to 5 MB and then its end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelarts_local.signing import Keys
from modelarts_local.submit.api import Api, Signed
from modelarts_local.submit.calls import JOB
from modelarts_local.submit.settings import Platform
from modelarts_local.submit.state import Thing
from modelarts_local.submit.telling import Teller
from modelarts_local.submit.waiting import Log
from tests.scripted_server import Answer, ScriptedServer


def shown_of(capsys: pytest.CaptureFixture[str], *answers: Any) -> list[str]:
    """The lines that are shown when the platform gives these answers one after the other."""
    given = iter(answers)

    def script(_: Any) -> Answer:
        answer = next(given)
        return answer if isinstance(answer, Answer) else Answer(200, json.dumps(answer).encode())

    server = ScriptedServer(script)
    with server.running():
        api = Api(Platform(server.url, "r", "p", "obs.example.com"), Signed(Keys("AK", "SK"), "p"), retries=0)
        log = Log(api, Thing({"kind": JOB, "label": "a", "id": "1"}), Teller())
        for _ in answers:
            log.show_new()
        log.close()
        api.close()
    return capsys.readouterr().out.splitlines()


def whole(text: str) -> dict[str, Any]:
    size = len(text.encode())
    return {"content": text, "current_size": size, "full_size": size}


def test_each_line_is_shown_once_and_when_it_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    shown = shown_of(capsys, whole("one\ntw"), whole("one\ntwo\n"), whole("one\ntwo\n"), whole("one\ntwo\nthree"))
    assert shown == ["  | one", "  | two", "  | three"]


def test_a_letter_that_is_cut_in_its_middle_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    text = "豹\nend\n"
    assert shown_of(capsys, whole(text[:1]), whole(text)) == ["  | 豹", "  | end"]


def test_only_what_is_new_of_the_end_of_a_long_log_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    long = {"content": "b\nc\nd\n", "current_size": 6, "full_size": 8}
    assert shown_of(capsys, whole("a\nb\n"), long) == ["  | a", "  | b", "  | c", "  | d"]


def test_what_was_missed_between_two_looks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    far = {"content": "y\nz\n", "current_size": 4, "full_size": 104}
    shown = shown_of(capsys, whole("a\n"), far)
    assert shown[1].strip() == "(98 bytes of the log are left out here; they are in the log in the bucket)"
    assert shown[2:] == ["  | y", "  | z"]


def test_a_log_that_is_not_there_yet_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown_of(capsys, Answer(404), Answer(500), whole("a\n")) == ["  | a"]


def test_the_older_name_of_the_content_is_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown_of(capsys, {"context": "a\n"}) == ["  | a"]


def test_what_a_terminal_would_obey_is_shown_as_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown_of(capsys, whole("\x1b[2J\n")) == ["  | \\x1b[2J"]
