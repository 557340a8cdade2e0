"""M8 and M13: the three variables that one fills in when deploying."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, Mapping, NamedTuple

from ...errors import CommandLineError
from ...package.signature import (
    INPUT_SHAPE_VARIABLE,
    NAME_VARIABLE,
    OUTPUT_SHAPE_VARIABLE,
    parse_shape,
    signature_from_environment,
)
from ...platform_rules import INPUT_NAME
from ..findings import Finding, printable, quoted
from ..rules import finding
from .files import PackageFiles, Unreadable

PREPROCESSING_FILE = "preprocessing.json"
_MAX_SIDE = 4096

_EXAMPLE = {
    NAME_VARIABLE: INPUT_NAME,
    INPUT_SHAPE_VARIABLE: "0,3,H,W, with the height and width to which the handler brings its pictures",
    OUTPUT_SHAPE_VARIABLE: "0,N, with the number of classes",
}


class Deployment(NamedTuple):
    """What the variables say. signature: as the handler gets it, empty where they are not set or wrong."""

    signature: dict[str, Any]
    input_shape: list[int]
    output_shape: list[int]


class KnownShape(NamedTuple):
    """What is known of a shape. lengths: each 0 where any will do; source: who says so, empty where nobody does."""

    lengths: list[int]
    source: str = ""

    @property
    def written(self) -> str:
        """The shape as one writes it, with letters for the lengths that are not known."""
        letters = ("0", "3", "H", "W")
        return ",".join(
            ["0" if place == 0 else str(length or letters[min(place, 3)]) for place, length in enumerate(self.lengths)]
        )

    def remedy(self, variable: str) -> str:
        """Return the sentence that says how to set `variable`."""
        letters = ", with the height and width to which the handler brings its pictures" if "H" in self.written else ""
        return f"Write {variable}={self.written}{letters}."


PICTURES = KnownShape([0, 0, 0, 0])  # batch, channels, height, width


def check_deployment(environ: Mapping[str, str]) -> tuple[Deployment, list[Finding]]:
    """Return what the variables say, and what is amiss with each."""
    shapes, found = {}, []
    for variable in (INPUT_SHAPE_VARIABLE, OUTPUT_SHAPE_VARIABLE):
        text = environ.get(variable, "")
        try:
            shapes[variable] = parse_shape(variable, text) if text else []
        except (CommandLineError, ValueError):  # ValueError: more digits than Python reads
            # one space after a comma made every prediction fail (contract 7.1)
            found.append(
                _amiss(
                    variable,
                    quoted(text),
                    "numbers and commas without spaces",
                    f"Write {variable}={_mended(text, variable)}.",
                )
            )
    name = environ.get(NAME_VARIABLE, "")
    if name and name != INPUT_NAME:
        found.append(
            finding("M5", NAME_VARIABLE, None, quoted(name), INPUT_NAME, f"Write {NAME_VARIABLE}={INPUT_NAME}.")
        )
    if found:
        return Deployment({}, [], []), found
    if bool(name) != bool(shapes[INPUT_SHAPE_VARIABLE]):
        missing = INPUT_SHAPE_VARIABLE if name else NAME_VARIABLE
        found.append(
            _amiss(
                missing,
                f"no {missing}",
                f"{NAME_VARIABLE} and {INPUT_SHAPE_VARIABLE} together",
                f"Set {missing}={_EXAMPLE[missing]}; or set neither.",
            )
        )
        return Deployment({}, [], []), found
    signature = signature_from_environment(environ)
    return Deployment(signature, shapes[INPUT_SHAPE_VARIABLE], shapes[OUTPUT_SHAPE_VARIABLE]), found


def check_shapes(
    deployment: Deployment, known_input: KnownShape = PICTURES, known_output: KnownShape | None = None
) -> Iterator[Finding]:
    """Yield M8 or M13, one for each variable that is set and does not say what is known of its shape."""
    for variable, said, known in (
        (INPUT_SHAPE_VARIABLE, deployment.input_shape, known_input),
        (
            OUTPUT_SHAPE_VARIABLE,
            deployment.output_shape,
            known_output or KnownShape([0] * len(deployment.output_shape)),
        ),
    ):
        if said:
            yield from _check_shape(variable, said, known)


def _check_shape(variable: str, said: list[int], known: KnownShape) -> Iterator[Finding]:
    written, source = ",".join(map(str, said)), f", as {known.source} has it" if known.source else ""
    count = len(known.lengths)
    if len(said) != count:
        lengths = f"{len(said)} length{'s' * (len(said) != 1)}"
        yield _amiss(
            variable,
            f"{written}, which has {lengths}",
            f"{count} lengths, {known.written}{source}",
            known.remedy(variable),
        )
    elif any(length not in (0, given) for given, length in zip(said[1:], known.lengths[1:])):
        yield _amiss(variable, written, f"{known.written}{source}", known.remedy(variable))
    elif said[0] != 0:
        fitting = ",".join(map(str, [0, *said[1:]]))
        yield finding(
            "M13",
            variable,
            None,
            f"a batch of {said[0]}",
            "0, which stands for any batch",
            f"Write {variable}={fitting}.",
        )


def shape_in_preprocessing(files: PackageFiles) -> KnownShape:
    """Return the shape that the preprocessing.json of our own job names; that of any picture without one."""
    try:
        side = json.loads(files.read_text(PREPROCESSING_FILE))["image_size"]
    except (Unreadable, ValueError, KeyError, TypeError, RecursionError):
        return PICTURES
    is_side = isinstance(side, int) and not isinstance(side, bool) and 0 < side <= _MAX_SIDE
    return KnownShape([0, 3, side, side], PREPROCESSING_FILE) if is_side else PICTURES


def _amiss(variable: str, found: str, expected: str, remedy: str) -> Finding:
    return finding("M8", variable, None, found, expected, remedy)


def _mended(text: str, variable: str) -> str:
    """Return a wrong text as it should have been written, or an example where that cannot be told."""
    closed = "".join(text.split()).strip("()[]")
    return printable(closed) if re.fullmatch(r"[0-9]+(,[0-9]+)*", closed) else _EXAMPLE[variable]
