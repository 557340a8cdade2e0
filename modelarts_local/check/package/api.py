"""M4 and M5: the api that config.json describes, from which the platform draws its form."""

from __future__ import annotations

import difflib
from typing import Any, Iterator

from ...platform_rules import INPUT_NAME, LIMITS
from ..findings import Finding, listed, quoted
from ..rules import finding
from .config import CODE_BLANK, CODE_INVALID_VALUE, Config

CODE_API = LIMITS["model-apis"].code
CONTENT_TYPE = "Content-type"  # spelt exactly so (contract 2.3)
MULTIPART = "multipart/form-data"
CONTENT_TYPES = ("application/json", MULTIPART)
_DESCRIBE = "Describe the one api; model_template/config.json has it."
_MEMBERS = ("url", "method", "request", "response")  # all mandatory in 2019; protocol has a default since and is gone


def check_api(config: Config) -> Iterator[Finding]:
    """Yield what is amiss with the one api."""
    apis = config.get("apis")
    if apis is None:
        yield config.absent("M4", (), "apis", "a list of one api with url / and method POST", _DESCRIBE, CODE_API)
        return
    if not isinstance(apis, list) or len(apis) != LIMITS["model-apis"].strictest or not isinstance(apis[0], dict):
        yield config.amiss(
            "M4",
            ("apis",),
            f"apis is {quoted(apis)}",
            "a list of one api with url / and method POST",
            _DESCRIBE,
            CODE_API,
        )
        return
    api = apis[0]
    for name in _MEMBERS:
        if api.get(name) in (None, ""):
            # optional since 2021, mandatory in the era of MXNet-1.2.1-python3.6
            yield config.absent(
                "M4",
                ("apis", 0),
                name,
                f"an api with {', '.join(_MEMBERS)}",
                f"Add {name}; model_template/config.json has it.",
                CODE_BLANK,
            )
    yield from _address(config, api)
    if isinstance(api.get("request"), dict):
        yield from _request(config, api["request"])
    for name in ("request", "response"):
        if api.get(name) and not isinstance(api[name], dict):
            yield config.amiss(
                "M4",
                ("apis", 0, name),
                quoted(api[name]),
                "an object with Content-type and data",
                "Describe it as model_template/config.json does.",
                CODE_API,
            )


def _address(config: Config, api: dict[str, Any]) -> Iterator[Finding]:
    url, method, protocol = api.get("url"), api.get("method"), api.get("protocol")
    if url and url != "/":
        yield config.amiss(
            "M4",
            ("apis", 0, "url"),
            f"url {quoted(url)}",
            "url /",
            'Write "url": "/"; only custom images have others.',
            CODE_INVALID_VALUE,
        )
    # the platform's own samples write post in small letters
    if method and str(method).upper() != "POST":
        yield config.amiss(
            "M4",
            ("apis", 0, "method"),
            f"method {quoted(method)}",
            "method POST",
            'Write "method": "post".',
            CODE_INVALID_VALUE,
        )
    if protocol is not None and protocol not in ("http", "https"):
        yield config.amiss(
            "M4",
            ("apis", 0, "protocol"),
            f"protocol {quoted(protocol)}",
            "http or https",
            'Write "protocol": "https".',
            CODE_INVALID_VALUE,
        )


def _request(config: Config, request: dict[str, Any]) -> Iterator[Finding]:
    path = ("apis", 0, "request")
    if CONTENT_TYPE not in request:
        similar = difflib.get_close_matches(CONTENT_TYPE.lower(), [name.lower() for name in request], 1, 0.8)
        wrong = next((name for name in request if name.lower() in similar), None)
        remedy = f"Rename {wrong} to {CONTENT_TYPE}." if wrong else f'Add "{CONTENT_TYPE}": "{MULTIPART}".'
        yield config.amiss(
            "M4",
            (*path, wrong) if wrong else path,
            f"a request with {listed(list(request))}",
            f"{CONTENT_TYPE}, spelt so",
            remedy,
            CODE_BLANK,
        )
    elif request[CONTENT_TYPE] not in CONTENT_TYPES:
        yield config.amiss(
            "M4",
            (*path, CONTENT_TYPE),
            quoted(request[CONTENT_TYPE]),
            " or ".join(CONTENT_TYPES),
            f'Write "{CONTENT_TYPE}": "{MULTIPART}".',
            CODE_INVALID_VALUE,
        )
    elif request[CONTENT_TYPE] == MULTIPART:
        yield from _file_field(config, request)


def _file_field(config: Config, request: dict[str, Any]) -> Iterator[Finding]:
    path: tuple[str | int, ...] = ("apis", 0, "request", "data", "properties")
    properties = config.get(*path)
    fields = file_fields(config)
    expected = f'{INPUT_NAME}, of type "file"'
    if fields is None or not isinstance(properties, dict):
        yield config.amiss(
            "M5",
            path,
            "no properties in the request's data",
            expected,
            f'Add "{INPUT_NAME}": {{"type": "file"}}; the form is drawn from it.',
        )
    elif not fields:
        yield config.amiss(
            "M5",
            path,
            f"no property of type file among {listed(list(properties))}",
            expected,
            f'Add "{INPUT_NAME}": {{"type": "file"}}; without one the form has no upload.',
        )
    elif INPUT_NAME not in fields:
        yield config.amiss(
            "M5",
            (*path, fields[0]),
            f"the file is called {quoted(fields[0])}",
            expected,
            f"Rename it to {INPUT_NAME}, the name of the signature's input.",
        )


def file_fields(config: Config) -> list[str] | None:
    """Return the names of the request's file properties; None when it describes none."""
    properties = config.get("apis", 0, "request", "data", "properties")
    if not isinstance(properties, dict):
        return None
    return [name for name, schema in properties.items() if isinstance(schema, dict) and schema.get("type") == "file"]


def promised_members(config: Config) -> list[str]:
    """Return the names that the response's description has; empty when there is none."""
    properties = config.get("apis", 0, "response", "data", "properties")
    return list(properties) if isinstance(properties, dict) else []


def check_input_names(config: Config, input_names: list[str]) -> Iterator[Finding]:
    """Yield where the handler's own inputs are not the fields that the form sends."""
    fields = file_fields(config)
    if fields and set(input_names) != set(fields):
        line = config.text.line("apis", 0, "request", "data", "properties", fields[0])
        yield finding(
            "M5",
            config.place,
            line,
            f"the form sends {listed(fields)}, the handler's signature takes {listed(input_names)}",
            f"{INPUT_NAME} in both",
            f"Call the signature's input {INPUT_NAME} in the handler.",
        )
