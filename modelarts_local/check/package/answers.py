"""S3, S4 and S12 to S14: what a loaded handler answers to pictures of every kind, good and bad."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator, NamedTuple

from ...errors import HandlerDied, HandlerError, HandlerTooSlow
from ...handler_process import HandlerProcess, Loaded
from ...package.model_package import SERVICE_FILE
from ...platform_rules import CODE_ANSWERED_TOO_LATE, CODE_HANDLER_FAILED
from ...trial_pictures import draw_picture
from ..findings import Finding, listed, quoted
from ..rules import finding
from .api import promised_members
from .config import Config
from .files import PackageFiles
from .handler_output import HandlerOutput
from .slow_steps import slow_step

MAX_OUTPUT_BYTES = 1024 * 1024  # chosen: a line for each picture is a thousandth of it
_NOT_JSON = f"{SERVICE_FILE} answers "  # how the handler's host begins what it says of such an answer

_HANDLER_LINE = re.compile(rf'/{re.escape(SERVICE_FILE)}", line ([0-9]{{1,9}})')
_ENDS = (HandlerDied, HandlerTooSlow)  # after either the process is gone

Draw = Callable[[Any], bytes]


class Picture(NamedTuple):
    """A picture to send. draw: makes it for an input's specification."""

    name: str
    draw: Draw


def _good_pictures() -> tuple[Picture, ...]:
    """What clients send: the console's page admits all of these (contract 4.4)."""
    return (
        Picture("JPEG", lambda spec: draw_picture(spec)),
        Picture("PNG", lambda spec: draw_picture(spec, "PNG")),
        Picture("grey PNG", lambda spec: draw_picture(spec, "PNG", "L")),
        Picture("PNG with transparency", lambda spec: draw_picture(spec, "PNG", "RGBA")),
        Picture("JPEG of 16 x 12", lambda spec: draw_picture({"data_shape": [0, 3, 12, 16]})),
        Picture("JPEG of 1600 x 1200", lambda spec: draw_picture({"data_shape": [0, 3, 1200, 1600]})),
    )


def _bad_pictures() -> tuple[Picture, ...]:
    return (
        Picture("text", lambda spec: b"<html><body>404 Not Found</body></html>"),
        Picture("half a PNG", lambda spec: draw_picture(spec, "PNG")[:70]),
        Picture("an empty file", lambda spec: b""),
    )


class _Failure(NamedTuple):
    picture: str
    error: HandlerError


def check_answers(
    hosted: HandlerProcess, loaded: Loaded, config: Config | None, files: PackageFiles, limit_s: float
) -> Iterator[Finding]:
    """Yield what is amiss with the answers of a loaded handler; each kind of fault once."""
    place = files.place(SERVICE_FILE)
    answers, failures = _send(hosted, loaded, _good_pictures(), place, limit_s)
    if failures:
        yield _good_pictures_failed(failures, files)
    form = next(filter(None, (_odd_form(answer, config) for answer in answers)), None)
    if form is not None:
        yield finding(
            "S14",
            place,
            None,
            form,
            "the answer that config.json describes",
            "Answer so, or describe in config.json what the handler answers.",
        )
    if failures and (not answers or isinstance(failures[-1].error, _ENDS)):
        return  # it answers nothing, or is gone
    yield from _bad_pictures_failed(_send(hosted, loaded, _bad_pictures(), place, limit_s)[1], files)


def _bad_pictures_failed(failures: list[_Failure], files: PackageFiles) -> Iterator[Finding]:
    """Yield S13 where a bad picture is not refused with 400, or even ends the process."""
    unexplained = [failure for failure in failures if failure.error.http_status != 400]
    if not unexplained:
        return
    # what ends the process ends the service for everybody, so it is what is told
    worst = next((failure for failure in unexplained if isinstance(failure.error, _ENDS)), unexplained[0])
    of_it = [worst] if isinstance(worst.error, _ENDS) else unexplained
    yield finding(
        "S13",
        files.place(SERVICE_FILE),
        None,
        f"for {_names(of_it)}: {_reason(worst, files)}",
        "an exception with http_status = 400, or an answer that says so",
        "Look at the bytes before they are decoded and catch what the decoder raises; clients are told MR.0105, "
        "Recognition failed, for their mistake.",
        CODE_HANDLER_FAILED,
    )


def _send(
    hosted: HandlerProcess, loaded: Loaded, pictures: tuple[Picture, ...], place: str, limit_s: float
) -> tuple[list[bytes], list[_Failure]]:
    """Send pictures one after the other until the process is gone; returns the answers and the failures."""
    answers: list[bytes] = []
    failures: list[_Failure] = []
    for picture in pictures:
        try:
            drawn = [picture.draw(spec) for spec in loaded.inputs]
            with slow_step(f"{place}: the answer to {picture.name}", limit_s):
                answers.append(hosted.answer(drawn, limit_s))
        except HandlerError as error:
            failures.append(_Failure(picture.name, error))
            if isinstance(error, _ENDS):
                break
        # a handler that writes on our socket itself
        except (KeyError, IndexError, TypeError, ValueError, MemoryError, OverflowError) as error:
            hosted.close()
            failures.append(_Failure(picture.name, HandlerDied(f"it disturbs its host ({type(error).__name__})")))
            break
    return answers, failures


def _good_pictures_failed(failures: list[_Failure], files: PackageFiles) -> Finding:
    """Return S3 or S4: the failure that ended the process, else the first."""
    place = files.place(SERVICE_FILE)
    told = failures[-1] if isinstance(failures[-1].error, _ENDS) else failures[0]
    found = f"for {_names(failures)}: {_reason(told, files)}"
    if isinstance(told.error, HandlerTooSlow):
        remedy = "Look at what it waits for there; where it computes, make it quicker, or the network smaller."
        expected = "an answer to each picture in time"
        return finding("S4", place, line_of(told.error.trace), found, expected, remedy, CODE_ANSWERED_TOO_LATE)
    if str(told.error).startswith(_NOT_JSON):
        answered = files.told(str(told.error)[len(_NOT_JSON) :])
        remedy = "Convert it in _postprocess: float(x), x.tolist()."
        expected = "an answer that json.dumps takes, without NaN"
        return finding("S3", place, None, answered, expected, remedy, CODE_HANDLER_FAILED)
    remedy = "Repair it; a client would be told MR.0105, Recognition failed."
    return finding(
        "S4", place, line_of(told.error.trace), found, "an answer to each picture", remedy, CODE_HANDLER_FAILED
    )


def _reason(failure: _Failure, files: PackageFiles) -> str:
    text = str(failure.error)
    for beginning in (f"{SERVICE_FILE} raised ", f"{SERVICE_FILE} "):
        if text.startswith(beginning):
            text = text[len(beginning) :]
            break
    return files.told(text).rstrip(": ")


def _names(failures: list[_Failure]) -> str:
    if len(failures) == len(_good_pictures()):
        return "every picture"
    return listed([failure.picture for failure in failures])


def line_of(trace: str) -> int | None:
    """Return the innermost line of customize_service.py in a trace, None where there is none."""
    lines = _HANDLER_LINE.findall(trace)
    return int(lines[-1]) if lines else None


def _odd_form(content: bytes, config: Config | None) -> str | None:
    """Return a clause for an answer that is not what config.json promises; None for one that is."""
    promised = promised_members(config) if config else []
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None  # it was written by json.dumps and is only too deep to be read
    if not promised:
        return None
    if not isinstance(answer, dict):
        return f"an answer that is {quoted(answer)}"
    absent = [name for name in promised if name not in answer]
    if absent:
        return f"an answer without {listed(absent)}"
    if {"predicted_label", "scores"} <= set(promised):
        # classification convention: {"predicted_label": str, "scores": [[label, number], ...]} (contract 3.3)
        if not isinstance(answer["predicted_label"], str):
            return f"predicted_label is {quoted(answer['predicted_label'])}, no text"
        if not isinstance(answer["scores"], list) or not all(map(_is_score, answer["scores"])):
            return f"scores is {quoted(answer['scores'])}, no list of [label, number]"
    return None


def _is_score(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], (int, float))
        and not isinstance(pair[1], bool)
    )


def check_output(output: HandlerOutput, files: PackageFiles) -> Iterator[Finding]:
    """Yield S12 where the handler printed much during the trial."""
    if output.count > MAX_OUTPUT_BYTES:
        yield finding(
            "S12",
            files.place(SERVICE_FILE),
            None,
            f"{output.count} bytes printed in this trial",
            f"at most {MAX_OUTPUT_BYTES}",
            "Print less; a log of that size hides what matters.",
        )
