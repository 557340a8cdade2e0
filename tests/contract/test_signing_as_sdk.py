"""Requests are signed as Huawei's own SDK for Python signs them."""

from __future__ import annotations

import importlib
import os
import string
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelarts_local import signing
from modelarts_local.signing import Keys, Request

DATE = "20191115T033655Z"
DATE_S = 1573789015.0
text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
key = st.text(string.ascii_letters + string.digits, min_size=1, max_size=40)


@pytest.fixture(scope="module")
def sdk() -> Any:
    """Makes signer and request of huaweicloudsdkcore; CI fails where a user's machine without it skips."""
    try:
        signer = importlib.import_module("huaweicloudsdkcore.signer.signer")
        request = importlib.import_module("huaweicloudsdkcore.sdk_request")
        credentials = importlib.import_module("huaweicloudsdkcore.auth.credentials")
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("huaweicloudsdkcore is not installed; `make venv` installs it")
        pytest.skip("huaweicloudsdkcore is not installed")

    def sign(keys: Keys, **parts: Any) -> dict[str, str]:
        """The headers of a request that the SDK has signed."""
        basic = credentials.BasicCredentials(keys.access, keys.secret)
        asked = request.SdkRequest(schema="https", host="infers.example.com", **parts)
        return dict(signer.Signer(basic).sign(asked).header_params)

    return sign


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from(["POST", "GET", "PUT"]),
    path=st.lists(text, max_size=4),
    query=st.lists(st.tuples(text, text), max_size=4),
    headers=st.dictionaries(st.sampled_from(["X-Stage", "X-Project-Id", "X-Security-Token"]), text),
    body=st.binary(max_size=30),
    access=key,
    secret=key,
)
def test_both_sign_any_request_alike(
    sdk: Any, method: str, path: list[str], query: Any, headers: dict[str, str], body: bytes, access: str, secret: str
) -> None:
    keys = Keys(access, secret)
    wire_path = "/" + "/".join(quote(part, safe="") for part in path)
    given_headers = {**headers, "X-Sdk-Date": DATE, "Host": "infers.example.com"}
    theirs = sdk(
        keys,
        method=method,
        resource_path=wire_path,
        query_params=list(query),
        header_params=dict(given_headers),
        body=body,
        uri=None,
        stream=False,
    )
    lower = {name.lower(): value for name, value in given_headers.items()}
    ours = Request(method, wire_path, urlencode(query), lower, signing.hashlib.sha256(body).hexdigest())
    assert signing.sign(ours, keys, lower) == theirs["Authorization"]
    asked = ours._replace(headers={**lower, "authorization": theirs["Authorization"]})
    signing.verify(asked, keys, DATE_S, 900)


def test_both_leave_the_payload_of_an_upload_unsigned(sdk: Any) -> None:
    keys = Keys("AK", "SK")
    given_headers = {
        "X-Sdk-Date": DATE,
        "Host": "infers.example.com",
        "Content-Type": "multipart/form-data; boundary=1",
    }
    theirs = sdk(
        keys,
        method="POST",
        resource_path="/v1/infers/1",
        query_params=[],
        header_params=dict(given_headers),
        body=b"--1",
        uri=None,
        stream=False,
    )
    lower = {name.lower(): value for name, value in given_headers.items()}
    lower[signing.PAYLOAD_HEADER] = signing.UNSIGNED_PAYLOAD
    assert theirs["X-Sdk-Content-Sha256"] == "UNSIGNED-PAYLOAD"
    assert signing.sign(Request("POST", "/v1/infers/1", "", lower), keys, lower) == theirs["Authorization"]
