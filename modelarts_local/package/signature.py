"""The signature of a service, its inputs and their shapes, from the environment that one deploys with."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ..errors import CommandLineError

NAME_VARIABLE = "input_data_name"
INPUT_SHAPE_VARIABLE = "input_data_shape"
OUTPUT_SHAPE_VARIABLE = "output_data_shape"

_SHAPE = re.compile(r"[0-9]+(,[0-9]+)*")


def signature_from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the signature that the three deployment variables describe; empty where none is set.

    A handler may add to it: the platform hands out this very dict in manifest['Model']['Signature'].

    Raises CommandLineError when a shape is not numbers and commas, or when name and shape of the input are
    not given together.
    """
    signature: dict[str, Any] = {}
    name, shape = environ.get(NAME_VARIABLE), environ.get(INPUT_SHAPE_VARIABLE)
    if bool(name) != bool(shape):
        missing = INPUT_SHAPE_VARIABLE if name else NAME_VARIABLE
        raise CommandLineError(
            f"{NAME_VARIABLE} and {INPUT_SHAPE_VARIABLE} belong together, and there is no {missing} in the "
            f"environment. Set both or none."
        )
    if name and shape:
        signature["inputs"] = [{"data_name": name, "data_shape": parse_shape(INPUT_SHAPE_VARIABLE, shape)}]
    if environ.get(OUTPUT_SHAPE_VARIABLE):
        lengths = parse_shape(OUTPUT_SHAPE_VARIABLE, environ[OUTPUT_SHAPE_VARIABLE])
        signature["outputs"] = [{"data_name": "output", "data_shape": lengths}]
    return signature


def parse_shape(variable: str, text: str) -> list[int]:
    """Return the lengths in `text`, such as '0,3,224,224'; 0 stands for any batch.

    variable: the name that a message gives `text`.

    Raises CommandLineError for anything but numbers and commas.
    """
    # one space after a comma makes every prediction on the platform fail
    if not _SHAPE.fullmatch(text):
        raise CommandLineError(f"{variable} is {text!r}; write numbers and commas without spaces, such as 0,3,224,224.")
    return [int(length) for length in text.split(",")]
