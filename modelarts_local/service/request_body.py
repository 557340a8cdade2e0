"""Takes the images out of a request, and refuses a body that the platform would refuse."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from typing import Any, Sequence

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from ..errors import RequestError
from ..platform_rules import CODE_BODY_TOO_LARGE, CODE_CONNECTION_TIMEOUT, CODE_INVALID_BODY, MAX_BODY_BYTES
from .access_log import shown_url

_MAX_FORM_PARTS = 100

_FILE_NAME = re.compile(r"[^\x00-\x1f'\"]{1,250}\.(jpe?g|png|bmp|gif|webp|tiff?)", re.IGNORECASE)  # base64 has no dot

# chosen: a body that drips holds one of the places for requests; the picture of a phone on a bad line does not
SLOW_BODY_S = 10.0
MIN_BODY_BYTES_PER_S = 4096

MAX_FOUND_CHARACTERS = 100  # chosen: a body that is no form reads as one field with a very long name


async def read_images(request: Request, input_names: Sequence[str], slow_body_s: float = SLOW_BODY_S) -> list[bytes]:
    """Return the bytes of each input, in the order of `input_names`.

    A file part is taken as it is; a form field, and a member of a JSON object, as base64.

    Raises RequestError: 413 for a body above MAX_BODY_BYTES, whose rest is not kept; 408 for one of which less than
    MIN_BODY_BYTES_PER_S has come after slow_body_s; 400 when an input is missing or not what it should be.
    """
    bounded = Request(request.scope, _bounded(request, slow_body_s))
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    url = shown_url(request.scope)
    if content_type == "application/json":
        fields = _json_object(await bounded.body())
        return [_from_json(fields, name, url) for name in input_names]
    try:
        async with bounded.form(
            max_files=_MAX_FORM_PARTS, max_fields=_MAX_FORM_PARTS, max_part_size=MAX_BODY_BYTES
        ) as form:
            return [await _from_form(form, name, content_type, url) for name in input_names]
    # starlette's own refusal, and before its version 1 also what its parser of forms raises
    except (HTTPException, ValueError) as error:
        raise _invalid(f"the body is not a form: {getattr(error, 'detail', error)}") from error


def _bounded(request: Request, slow_body_s: float) -> Receive:
    """Return the request's receive channel with limits on how many bytes pass through it, and how slowly."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        raise _too_large(f"{int(declared)} bytes")
    received = 0
    began = time.monotonic()

    async def receive() -> Message:
        nonlocal received
        limit_s = slow_body_s + received / MIN_BODY_BYTES_PER_S
        try:
            message = await asyncio.wait_for(request.receive(), max(began + limit_s - time.monotonic(), 0.001))
        except asyncio.TimeoutError:
            raise _too_slow(received, limit_s) from None
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise _too_large(f"more than {MAX_BODY_BYTES} bytes")
        return message

    return receive


async def _from_form(form: FormData, name: str, content_type: str, url: str) -> bytes:
    values = form.getlist(name)
    if not values:
        found = ", ".join(sorted(set(form))) or f"no form fields (Content-Type: {content_type or 'none'})"
        raise _missing(name, found, url)
    if len(values) > 1:
        raise _invalid(f"field {name!r} is there {len(values)} times; send one image a request.")
    value = values[0]
    if isinstance(value, UploadFile):
        return await value.read()
    if _FILE_NAME.fullmatch(value):
        raise _invalid(
            f"{name!r} is the text {value!r}: the @ before the name of a file is missing. {_hint(name, url, value)}"
        )
    return _decoded(name, value)


def _from_json(fields: dict[str, Any], name: str, url: str) -> bytes:
    if name not in fields:
        raise _missing(name, ", ".join(sorted(fields)) or "an empty object", url)
    if not isinstance(fields[name], str):
        kind = type(fields[name]).__name__
        raise _invalid(f"{name!r} is a JSON {kind}; send the image's bytes as base64 text.")
    return _decoded(name, fields[name])


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    # RecursionError: brackets nested too deep
    except (ValueError, RecursionError) as error:
        raise _invalid(f"the body is not JSON: {error}.") from error
    if not isinstance(fields, dict):
        raise _invalid(f"the body is a JSON {type(fields).__name__}; send an object with the image's field.")
    return fields


def _decoded(name: str, text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    # ValueError: characters beyond ASCII
    except (binascii.Error, ValueError) as error:
        message = f"{name!r} is text and not base64: {error}. Send the image as a file, or as base64."
        raise _invalid(message) from error


def _missing(name: str, found: str, url: str) -> RequestError:
    expected = f"the image is expected in field {name!r}"
    shown = found if len(found) <= MAX_FOUND_CHARACTERS else f"{found[:MAX_FOUND_CHARACTERS]!r}..."
    return _invalid(f"{expected}. Found: {shown}. {_hint(name, url)}")


def _hint(name: str, url: str, file: str = "cat.jpg") -> str:
    return f"Send it as: curl -F '{name}=@{file}' {url}"


def _invalid(message: str) -> RequestError:
    return RequestError(400, CODE_INVALID_BODY, message)


def _too_slow(received: int, limit_s: float) -> RequestError:
    return RequestError(
        408, CODE_CONNECTION_TIMEOUT, f"{received} bytes of the body came in {limit_s:.1f} s. Send it in one go."
    )


def _too_large(found: str) -> RequestError:
    return RequestError(
        413,
        CODE_BODY_TOO_LARGE,
        f"the body has {found}; the platform takes {MAX_BODY_BYTES} (12 MB). Send a smaller image.",
    )
