"""Whatever a body is, form or JSON, it reaches the handler as it was sent or is refused in the platform's form."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.model_packages import START_DEADLINE_S, write_package
from tests.served_models import Asgi, Defects, warm_application

# Answers what it was given
HANDLER = """
import base64

from mms.model_service.mxnet_model_service import MXNetBaseService


class EchoService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._signature = {"inputs": [{"data_name": "images", "data_shape": [0, 3, 8, 8]}]}

    def inference(self, data):
        return {"got": base64.b64encode(data[0]).decode()}
"""
BOUNDARY = "b"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
# starlette leaves the file of a part that never ends to Python, which closes it
pytestmark = pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile")
LIMITS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asgi]:
    parent = write_package(tmp_path_factory.mktemp("echo"), HANDLER)
    with warm_application(parent) as app:
        yield app


def answer_to(application: Asgi, content_type: str, body: bytes, path: str = "/", **headers: str) -> httpx.Response:
    """Send a body through the application, and check what holds for every answer."""
    with Defects.logged() as defects:
        answer = asyncio.run(_post(application, path, content_type, body, headers))
    assert defects == []
    content = answer.json()
    if answer.status_code != 200:
        assert answer.status_code in (400, 404, 405), answer.text
        assert content["error_code"] and content["error_msg"]
        assert content["request_id"] == answer.headers["x-request-id"]
    return answer


async def _post(
    application: Asgi, path: str, content_type: str, body: bytes, headers: dict[str, str]
) -> httpx.Response:
    transport = httpx.ASGITransport(application)  # raises what the application does not catch
    async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=START_DEADLINE_S) as client:
        sent = {"Content-Type": content_type, **headers}
        return await client.post(
            path, content=body, headers={key: value.encode("latin-1") for key, value in sent.items()}
        )


def echoed(answer: httpx.Response) -> bytes:
    assert answer.status_code == 200, answer.text
    return base64.b64decode(answer.json()["got"])


# with half surrogate pairs, which are too few among all characters to come by themselves
any_text = st.text(max_size=30) | st.text(st.sampled_from(["\ud800", "\udfff", "\0", "\n", "'", "a"]), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)
token = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
charsets = st.sampled_from(
    ["utf-8", "utf-7", "utf-16", "idna", "punycode", "unicode_escape", "base64", "undefined", "\0"]
)

tricky = st.sampled_from(
    [b"aGk=", rb"\ud800.jpg", b"+2AA-.jpg", b"cat.jpg", b"\xff\xfe\0\xd8"]
)  # in one charset or another


@st.composite
def parts_of_forms(draw: st.DrawFn) -> bytes:
    """One part of a form: well-formed in most places, and anything in one of them."""
    name = draw(st.sampled_from(["images", "image", ""]) | token)
    parameters = draw(st.sampled_from(["", '; filename="cat.jpg"', "; filename*=utf-8''%ff", "; filename="]) | token)
    kind = draw(st.sampled_from(["form-data", "attachment", ""]))
    line = f'Content-Disposition: {kind}; name="{name}"{parameters}'.encode("latin-1", "replace")
    more = draw(
        st.sampled_from([b"", b"\r\nContent-Type: image/png", b"\r\nContent-Transfer-Encoding: base64", b"\r\n:"])
    )
    content = draw(st.binary(max_size=60) | tricky)
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b""]))
    return f"--{BOUNDARY}".encode() + end + line + more + end + end + content + end


@LIMITS
@given(image=st.binary(max_size=2000), name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_a_picture_in_a_form_reaches_the_handler_byte_by_byte_whatever_its_name(
    application: Asgi, image: bytes, name: str
) -> None:
    request = httpx.Request("POST", "http://service", files={"images": (name, image)})
    answer = answer_to(application, request.headers["content-type"], request.read())
    assert echoed(answer) == image


@LIMITS
@given(image=st.binary(max_size=2000), wrap=st.integers(min_value=1, max_value=100))
def test_a_picture_as_base64_reaches_the_handler_whatever_its_line_breaks(
    application: Asgi, image: bytes, wrap: int
) -> None:
    text = base64.b64encode(image).decode()
    lines = "\r\n".join(text[start : start + wrap] for start in range(0, len(text), wrap))
    assert echoed(answer_to(application, "application/json", json.dumps({"images": lines}).encode())) == image


@LIMITS
@given(
    value=json_values | st.dictionaries(st.just("images") | any_text, json_values, max_size=4),
    more=st.just("") | any_text,
)
@example(value={"\ud800": 1}, more="")
def test_any_json_is_answered_or_refused(application: Asgi, value: Any, more: str) -> None:
    body = json.dumps(value).encode() + more.encode("utf-8", "surrogatepass")
    answer_to(application, "application/json", body)


@LIMITS
@given(parts=st.lists(parts_of_forms(), max_size=4), end=st.sampled_from([b"--b--\r\n", b"--b--", b"--b", b""]))
def test_any_form_is_answered_or_refused(application: Asgi, parts: list[bytes], end: bytes) -> None:
    answer_to(application, FORM, b"".join(parts) + end)


@LIMITS
@given(charset=charsets | token, name=tricky | st.just(b"images"), content=tricky | st.binary(max_size=60))
@example(charset="unicode_escape", name=b"images", content=rb"\ud800.jpg")
def test_a_form_of_any_charset_is_answered_or_refused(
    application: Asgi, charset: str, name: bytes, content: bytes
) -> None:
    field = b'--b\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + content
    answer_to(application, f"{FORM}; charset={charset}", field + b"\r\n--b--\r\n")


@LIMITS
@given(content_type=token, body=st.binary(max_size=100), host=token, path=any_text)
@example(content_type="application/json", body=b"{}", host="[", path="")
def test_any_header_and_path_is_answered_or_refused(
    application: Asgi, content_type: str, body: bytes, host: str, path: str
) -> None:
    quoted = httpx.QueryParams({"": path.encode("utf-8", "replace")}).__str__()[1:]
    answer_to(application, content_type, body, f"/v1/infers/{quoted}", Host=host, Origin=content_type)


@LIMITS
@given(
    pairs=st.lists(st.tuples(st.sampled_from([b"images", b"%ff", b""]) | st.binary(max_size=9), st.binary(max_size=20)))
)
def test_any_url_encoded_form_is_answered_or_refused(application: Asgi, pairs: list[tuple[bytes, bytes]]) -> None:
    body = b"&".join(name + b"=" + value for name, value in pairs)
    answer_to(application, "application/x-www-form-urlencoded", body)
