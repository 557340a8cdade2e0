"""M8 and M13: the three variables that one fills in when deploying."""

from __future__ import annotations

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

_EXAMPLE = {NAME_VARIABLE: INPUT_NAME, INPUT_SHAPE_VARIABLE: "0,3,224,224", OUTPUT_SHAPE_VARIABLE: "0,102"}


class Deployment(NamedTuple):
    """What the variables say. signature: as the handler gets it, empty where they are not set or wrong."""

    signature: dict[str, Any]
    input_shape: list[int]
    output_shape: list[int]


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
                    f"Write {variable}={_without_spaces(text, variable)}.",
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
                f"Set {missing}={_EXAMPLE[missing]}, or neither.",
            )
        )
        return Deployment({}, [], []), found
    for variable, shape in shapes.items():
        if shape and shape[0] != 0:
            written = ",".join(map(str, [0, *shape[1:]]))
            found.append(
                finding(
                    "M13",
                    variable,
                    None,
                    f"a batch of {shape[0]}",
                    "0, which stands for any batch",
                    f"Write {variable}={written}.",
                )
            )
    signature = signature_from_environment(environ)
    return Deployment(signature, shapes[INPUT_SHAPE_VARIABLE], shapes[OUTPUT_SHAPE_VARIABLE]), found


def check_against_network(deployment: Deployment, input_shape: list[int], output_shape: list[int]) -> Iterator[Finding]:
    """Yield where the variables do not say what the network is.

    input_shape, output_shape: of the network for one picture, where they are known, else empty.
    """
    for variable, said, actual in (
        (INPUT_SHAPE_VARIABLE, deployment.input_shape, input_shape),
        (OUTPUT_SHAPE_VARIABLE, deployment.output_shape, output_shape),
    ):
        if said and actual and said[1:] != actual[1:]:
            fitting = ",".join(map(str, [0, *actual[1:]]))
            yield _amiss(
                variable, ",".join(map(str, said)), f"{fitting}, as the network has it", f"Write {variable}={fitting}."
            )


def _amiss(variable: str, found: str, expected: str, remedy: str) -> Finding:
    return finding("M8", variable, None, found, expected, remedy)


def _without_spaces(text: str, variable: str) -> str:
    closed = "".join(text.split())
    return printable(closed) if closed and set(closed) <= set("0123456789,") else _EXAMPLE[variable]
