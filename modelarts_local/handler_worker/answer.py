"""What a handler returns, as the JSON that the client gets."""

import json
import math


class UnserialisableAnswer(ValueError):
    """The handler's answer has no JSON form; the message names the value."""


def answer_to_json(answer):
    """Return `answer` as UTF-8 JSON.

    Raises UnserialisableAnswer for what JSON has no words for: NumPy values, arrays, bytes, NaN, infinity.
    """
    try:
        return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8")
    # RecursionError: nested too deep; UnicodeEncodeError, a ValueError: half a surrogate pair
    except (TypeError, ValueError, RecursionError) as error:
        offender = find_unserialisable(answer) or f"answers what is not JSON: {error}"
        raise UnserialisableAnswer(offender) from error


def find_unserialisable(value, path="", depth=0):
    """Return a clause that names the first part of `value` that JSON cannot hold; None when there is none.

    path: how to reach `value` from the whole answer, such as "['scores'][0]".
    depth: levels already descended; a structure deeper than 50 is searched no further.
    """
    where = f"answer{path}"
    if value is None or isinstance(value, (str, bool, int)):
        return None
    if isinstance(value, float):
        if math.isfinite(value):
            return None
        # float(), because numpy.float64 is a float that prints otherwise
        return f"answers {float(value)} at {where}; JSON has no such number."
    if depth >= 50:
        return None
    children = []
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, (str, int, float, bool, type(None))):
                return f"answers a {_kind(key)} as a key of {where}; JSON keys are text."
        children = list(value.items())
    elif isinstance(value, (list, tuple)):
        children = list(enumerate(value))
    else:
        return f"answers a {_kind(value)} at {where}; convert it to a number, text, list or dict."
    found = (find_unserialisable(child, f"{path}[{key!r}]", depth + 1) for key, child in children)
    return next((clause for clause in found if clause), None)


def _kind(value):
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
