"""I1 to I4: the config.json of a custom image, with which a model is served on today's platform, without an engine.

Such a bundle is config.json alone: the image holds the model and the HTTP server (contract 8). What else lies in
model/ is looked at as files only.
"""

from __future__ import annotations

import re
from typing import Any, Iterator

from ...package.image_config import IMAGE_TYPE
from ..findings import WARNING, Finding, listed, quoted
from ..rules import finding
from .api import CONTENT_TYPE, CONTENT_TYPES, MULTIPART
from .config import CODE_BLANK, CODE_INVALID_VALUE, CODE_UNSUPPORTED, Config, as_list

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PROTOCOLS = ("http", "https")
TIMES = ("initial_delay_seconds", "timeout_seconds")
EXAMPLE = "swr.cn-north-4.myhuaweicloud.com/my-organization/caltech-inference:1.0"
# registry/organization/name:tag; the sections of the contract show it in examples only
_LOCATION = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+){2,}:\w[\w.-]{0,127}", re.ASCII)
_OF_ENGINES = ("dependencies", "runtime")


def check_image(config: Config) -> Iterator[Finding]:
    """Yield what is amiss with the place of the image, its health, and the apis that it answers on."""
    yield from _location(config)
    yield from _health(config)
    yield from _of_engines(config)
    yield from _apis(config)


def _location(config: Config) -> Iterator[Finding]:
    location = config.get("swr_location")
    expected = "registry/organization/name:tag of an image in SWR"
    if location in (None, ""):
        remedy = f'Add "swr_location": "{EXAMPLE}", with yours.'
        yield config.absent("I1", (), "swr_location", expected, remedy, CODE_BLANK)
    elif not isinstance(location, str) or not _LOCATION.fullmatch(location):
        remedy = f"Write it as it was pushed, such as {EXAMPLE}."
        yield config.amiss("I1", ("swr_location",), quoted(location, 100), expected, remedy, CODE_INVALID_VALUE)


def _health(config: Config) -> Iterator[Finding]:
    health = config.get("health")
    if health is None:
        return
    if not isinstance(health, dict):
        remedy = 'Write {"url": "/health", "protocol": "http"}.'
        yield config.amiss("I2", ("health",), quoted(health), "an object with a url", remedy, CODE_UNSUPPORTED)
        return
    url, protocol = health.get("url"), health.get("protocol")
    if url in (None, ""):
        remedy = 'Add "url": "/health"; serve answers there.'
        yield config.absent("I2", ("health",), "url", "a path of the service", remedy, CODE_BLANK)
    elif not isinstance(url, str) or not url.startswith("/"):
        remedy = "Write the path alone, from / on."
        yield config.amiss("I2", ("health", "url"), quoted(url), "a path of the service", remedy, CODE_INVALID_VALUE)
    if protocol not in (None, "http"):
        found = f"protocol {quoted(protocol)}"
        yield config.amiss("I2", ("health", "protocol"), found, "http", 'Write "protocol": "http".', CODE_INVALID_VALUE)
    for name in TIMES:
        value = health.get(name)
        if value is not None and not (isinstance(value, str) and value.isascii() and value.isdigit()):
            remedy = f'Write "{name}": "30", or another number between quotes.'
            found = f"{name} {quoted(value)}"
            yield config.amiss("I2", ("health", name), found, "seconds as text", remedy, CODE_UNSUPPORTED)


def _of_engines(config: Config) -> Iterator[Finding]:
    for name in _OF_ENGINES:
        if config.get(name) is None:
            continue
        # the first is an event on the platform, Customize model does not support dependencies; nothing is known of the
        # other
        severity = None if name == "dependencies" else WARNING
        line = config.text.line(name)
        remedy = "Remove it; what the service needs is in the image."
        expected = f"no {name} beside model_type {IMAGE_TYPE}"
        yield finding("I3", config.place, line, name, expected, remedy, CODE_UNSUPPORTED, severity)


def _apis(config: Config) -> Iterator[Finding]:
    apis = config.get("apis")
    if apis is None or apis == []:
        # POST / with JSON is the default then (contract 2.3), and the console's form has a box for text (contract 4.4)
        remedy = "Describe how a picture is sent; `modelarts-local image-config` writes it."
        expected = "an api that takes a picture"
        line = config.text.line("apis")
        yield finding("I4", config.place, line, "no apis", expected, remedy, severity=WARNING)
        return
    if not isinstance(apis, list):
        yield config.amiss("I4", ("apis",), quoted(apis), "a list", "Write a list of apis.", CODE_UNSUPPORTED)
    for index, api in enumerate(as_list(apis)):
        path = ("apis", index)
        if isinstance(api, dict):
            yield from _address(config, path, api)
            yield from _request(config, path, api.get("request"))
        else:
            remedy = "Describe it with url, method, request and response."
            yield config.amiss("I4", path, quoted(api), "an object", remedy, CODE_UNSUPPORTED)


def _address(config: Config, path: tuple[str | int, ...], api: dict[str, Any]) -> Iterator[Finding]:
    url, method, protocol = api.get("url"), api.get("method"), api.get("protocol")
    if url is not None and not (isinstance(url, str) and url.startswith("/")):
        remedy = 'Write the path alone, such as "/".'
        yield config.amiss("I4", (*path, "url"), f"url {quoted(url)}", "a path", remedy, CODE_INVALID_VALUE)
    if method is not None and str(method).upper() not in METHODS:
        remedy = 'Write "method": "post".'
        expected = f"one of {listed(list(METHODS))}"
        yield config.amiss("I4", (*path, "method"), f"method {quoted(method)}", expected, remedy, CODE_INVALID_VALUE)
    if protocol is not None and protocol not in PROTOCOLS:
        found, remedy = f"protocol {quoted(protocol)}", 'Write "protocol": "https".'
        yield config.amiss("I4", (*path, "protocol"), found, " or ".join(PROTOCOLS), remedy, CODE_INVALID_VALUE)


def _request(config: Config, path: tuple[str | int, ...], request: Any) -> Iterator[Finding]:
    if request is None:
        return
    where = (*path, "request")
    if not isinstance(request, dict):
        expected, remedy = f"an object with {CONTENT_TYPE} and data", "Describe the request, or leave it out."
        yield config.amiss("I4", where, quoted(request), expected, remedy, CODE_UNSUPPORTED)
        return
    kind = request.get(CONTENT_TYPE)
    if kind is not None and kind not in CONTENT_TYPES:
        remedy = f'Write "{CONTENT_TYPE}": "{MULTIPART}".'
        expected = " or ".join(CONTENT_TYPES)
        yield config.amiss("I4", (*where, CONTENT_TYPE), quoted(kind), expected, remedy, CODE_INVALID_VALUE)
    properties = config.get(*where, "data", "properties")
    schemas = properties.values() if isinstance(properties, dict) else ()
    if kind == MULTIPART and not any(isinstance(schema, dict) and schema.get("type") == "file" for schema in schemas):
        remedy = 'Add "images": {"type": "file"} to its properties; without one the form has no upload.'
        line = config.text.line(*where)
        expected = "a property of type file"
        yield finding("I4", config.place, line, f"{MULTIPART} without a file", expected, remedy, severity=WARNING)
