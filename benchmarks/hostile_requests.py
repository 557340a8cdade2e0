"""Requests as strangers send them, each with the answer that it must get."""

from __future__ import annotations

import base64
import json
import random
from typing import Iterator, NamedTuple, Sequence

from benchmarks.hostile_pictures import bad_pictures, good_pictures, odd_pictures

BOUNDARY = b"a-boundary"
JSON = b"application/json"
FORM = b"multipart/form-data; boundary=" + BOUNDARY
LARGE_BYTES = 2 * 1024 * 1024  # so that it lies in a temporary file
TOO_LARGE_BYTES = 13 * 1024 * 1024
TOO_LONG_HEADER_BYTES = 100 * 1024
FILE_NAMES = ("cat.jpg", "../../../etc/passwd", "C:\\boot.ini", "/dev/null", "猫.jpg", ".", "a" * 3000, "a\0b.jpg")

PICTURE_REFUSED = "MR.0105"
BODY_REFUSED = "ModelArts.4104"
BODY_TOO_LARGE = "APIG.0201"
TOO_SLOW = "ModelArts.4205"


class Expected(NamedTuple):
    """What a request must be answered. picture: whose answer it is, where it is 200; code: of a refusal."""

    status: int
    code: str | None = None
    picture: str | None = None


class Request(NamedTuple):
    """One request.

    content: all its bytes. is_whole: whether the server may take it for a request, so that its connection can go on.
    expected: None when the client leaves and hears nothing.
    """

    kind: str
    content: bytes
    expected: Expected | None
    is_whole: bool = True


class SlowRequest(NamedTuple):
    """A request whose pieces come until it is answered. pause_s: between them; expected: None for no answer at all."""

    kind: str
    start: bytes
    piece: bytes
    pause_s: float
    expected: Expected | None


def head(line: bytes, *headers: bytes) -> bytes:
    """Return the head of a request."""
    return b"\r\n".join([line + b" HTTP/1.1", b"Host: service", *headers, b"", b""])


def post(content_type: bytes, body: bytes, path: bytes = b"/") -> bytes:
    """Return a request with a body."""
    return head(b"POST " + path, b"Content-Type: " + content_type, b"Content-Length: %d" % len(body)) + body


def part(field: str, content: bytes, file_name: str | None = "cat.jpg") -> bytes:
    """Return one field of a form, a file unless it has no name."""
    of_file = "" if file_name is None else f'; filename="{file_name}"'
    disposition = f'Content-Disposition: form-data; name="{field}"{of_file}'.encode()
    return b"--" + BOUNDARY + b"\r\n" + disposition + b"\r\n\r\n" + content + b"\r\n"


def form(*parts: bytes, path: bytes = b"/") -> bytes:
    """Return a request with a form of these fields."""
    return post(FORM, b"".join(parts) + b"--" + BOUNDARY + b"--\r\n", path)


def chunked(body: bytes) -> bytes:
    """Return a body as one chunk, without the end that a body has."""
    return b"%x\r\n" % len(body) + body + b"\r\n"


def good_requests(fields: Sequence[str]) -> list[Request]:
    """Return each odd picture, and each good one in each way to send it. fields: those of the model, one."""
    (field,) = fields
    found = [
        Request(name, form(part(field, picture)), Expected(200, picture=name))
        for name, picture in odd_pictures().items()
    ]
    for name, picture in good_pictures().items():
        right = Expected(200, picture=name)
        text = base64.b64encode(picture)
        found.append(Request(name, form(part(field, picture)), right))
        found.append(Request(f"{name} to an id", form(part(field, picture), path=b"/v1/infers/8f3a"), right))
        found.append(Request(f"{name} as JSON", post(JSON, json.dumps({field: text.decode()}).encode()), right))
        found.append(Request(f"{name} as base64 in a form", form(part(field, text, None)), right))
    return found


def hostile_requests(fields: Sequence[str], chance: random.Random) -> list[Request]:
    """Return one request of each kind that is to be refused, or that tries to do harm."""
    (field,) = fields
    picture = good_pictures()["JPEG 0"]
    found = [
        Request(kind, form(part(field, content)), Expected(400, PICTURE_REFUSED))
        for kind, content in bad_pictures(chance).items()
    ]
    found += [
        Request(f"file name {name[:20]!r}", form(part(field, picture, name)), Expected(200, picture="JPEG 0"))
        for name in FILE_NAMES
    ]
    return [*found, *_odd_bodies(field, picture), *_odd_heads(), *_torn(field, picture)]


def _odd_bodies(field: str, picture: bytes) -> Iterator[Request]:
    refused = Expected(400, BODY_REFUSED)
    yield Request("wrong field", form(part("file", picture)), refused)
    yield Request("no field", form(), refused)
    yield Request("a form without its end", post(FORM, part(field, bytes(LARGE_BYTES))[:-2]), refused)
    yield Request("two files", form(part(field, picture), part(field, picture)), refused)
    yield Request("no boundary", post(b"multipart/form-data", picture), refused)
    yield Request("a picture that is no form", post(b"image/jpeg", picture), refused)
    yield Request("JSON that is not base64", post(JSON, json.dumps({field: "no base64!"}).encode()), refused)
    yield Request("JSON with half a surrogate pair", post(JSON, b'{"\\ud800": 1}'), refused)
    yield Request("JSON nested deep", post(JSON, b"[" * 100_000), refused)
    yield Request("no JSON", post(JSON, b"\xff\xfe{"), refused)
    yield Request("13 MB", form(part(field, bytes(TOO_LARGE_BYTES))), Expected(413, BODY_TOO_LARGE))
    whole = part(field, bytes(TOO_LARGE_BYTES))
    head_of_chunks = head(b"POST /", b"Content-Type: " + FORM, b"Transfer-Encoding: chunked")
    yield Request("13 MB in chunks", head_of_chunks + chunked(whole) + b"0\r\n\r\n", Expected(413, BODY_TOO_LARGE))


def _odd_heads() -> Iterator[Request]:
    refused = Expected(400, BODY_REFUSED)
    long = head(b"GET /", b"X-Long: " + b"x" * TOO_LONG_HEADER_BYTES)
    yield Request("100 KB of headers", long, Expected(431, BODY_REFUSED), is_whole=False)
    for method in (b"PUT", b"DELETE", b"PATCH", b"MADE-UP"):
        yield Request(f"{method.decode()} /", head(method + b" /"), Expected(405, "Method Not Allowed"))
    for path in (b"/admin.php", b"/..%2f..%2fetc/passwd", b"/%00", b"/page/../../../etc/passwd", b"/v1/infers"):
        yield Request(f"GET {path.decode()}", head(b"GET " + path), Expected(404, "APIG.0101"))
    for kind, content in {
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "no host": b"GET / HTTP/1.1\r\n\r\n",
        "two lengths": head(b"POST /", b"Content-Length: 1", b"Content-Length: 2"),
        "a negative length": head(b"POST /", b"Content-Length: -1"),
        "a broken chunk": head(b"POST /", b"Content-Type: " + JSON, b"Transfer-Encoding: chunked") + b"none\r\n\r\n",
    }.items():
        yield Request(kind, content, refused, is_whole=False)


def _torn(field: str, picture: bytes) -> Iterator[Request]:
    whole = form(part(field, picture))
    yield Request("upload aborted in the picture", whole[: len(whole) // 2], None, is_whole=False)
    yield Request("upload aborted in the headers", whole[:30], None, is_whole=False)
    yield Request("answer not waited for", whole, None, is_whole=False)


def slow_requests() -> list[SlowRequest]:
    """Return one of each kind that would hold a connection for ever."""
    late = Expected(408, TOO_SLOW)
    to_json = (b"Content-Type: " + JSON,)
    endless = head(b"POST /", *to_json, b"Transfer-Encoding: chunked")
    return [
        SlowRequest("headers that drip", b"POST / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n", 0.5, late),
        SlowRequest("a body that drips", head(b"POST /", *to_json, b"Content-Length: 99999"), b" ", 0.5, late),
        SlowRequest("chunks that drip", endless, chunked(b" "), 0.5, late),
        SlowRequest("chunks without end", endless, chunked(b" " * 65536), 0, Expected(413, BODY_TOO_LARGE)),
        SlowRequest("silence", b"", b"", 0.5, None),
    ]
