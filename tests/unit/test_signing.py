"""Requests are signed as the platform's signing guide says, and verified to the byte."""

from __future__ import annotations

import hashlib
import string
from typing import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelarts_local import signing
from modelarts_local.platform_rules import LIMITS
from modelarts_local.signing import Keys, Request, SignatureRefused

KEYS = Keys("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")
DATE = "20191115T033655Z"
DATE_S = 1573789015.0
MAX_AGE_S = float(LIMITS["signature-age"].strictest)
SIGNED = ("host", "x-sdk-date")


def request(**changes: object) -> Request:
    """A POST to an inference path, with `changes`."""
    headers = {"host": "infers.example.com", "x-sdk-date": DATE}
    return Request("POST", "/v1/infers/8f3c", "", headers)._replace(**changes)  # type: ignore[arg-type]


def signed(plain: Request, names: tuple[str, ...] = SIGNED, keys: Keys = KEYS) -> Request:
    """The request with its Authorization."""
    return plain._replace(headers={**plain.headers, "authorization": signing.sign(plain, keys, names)})


def with_headers(plain: Request, **changes: str) -> Request:
    return plain._replace(
        headers={**plain.headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
    )


def refusal(asked: Request, now_s: float = DATE_S) -> str:
    with pytest.raises(SignatureRefused) as refused:
        signing.verify(asked, KEYS, now_s, MAX_AGE_S)
    return str(refused.value)


# Contract 4.2: the signing guide publishes this pair
def test_the_published_example_has_the_published_signature() -> None:
    text = f"SDK-HMAC-SHA256\n{DATE}\nb25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a"
    assert signing.signature_of(text, KEYS.secret) == "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe"


def test_a_canonical_request_is_six_parts_with_a_blank_line_after_the_headers() -> None:
    assert signing.canonical_request(request(query="b=2&a=1"), ("x-sdk-date", "host")) == (
        "POST\n/v1/infers/8f3c/\na=1&b=2\nhost:infers.example.com\nx-sdk-date:20191115T033655Z\n\nhost;x-sdk-date\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/", "/"),
        ("/a", "/a/"),
        ("/a/", "/a/"),
        ("/a%20b/~c", "/a%20b/~c/"),
        ("/%e8%b1%b9", "/%E8%B1%B9/"),
        ("/a+b", "/a%2Bb/"),
        ("/%ff", "/%FF/"),
    ],
)
def test_a_path_is_encoded_anew_and_ends_with_a_slash(path: str, canonical: str) -> None:
    assert signing.canonical_request(request(path=path), SIGNED).split("\n")[1] == canonical


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", ""),
        ("b=1&a=2&a=1", "a=1&a=2&b=1"),
        ("a", "a="),
        ("a=x+y&b=%7E", "a=x%20y&b=~"),
        ("%E8%B1%B9=%e8%b1%b9", "%E8%B1%B9=%E8%B1%B9"),
    ],
)
def test_a_query_is_sorted_and_encoded_anew(query: str, canonical: str) -> None:
    assert signing.canonical_request(request(query=query), SIGNED).split("\n")[2] == canonical


def test_a_payload_that_is_not_signed_stands_by_its_word() -> None:
    asked = with_headers(request(body_sha256="0" * 64), x_sdk_content_sha256="UNSIGNED-PAYLOAD")
    assert signing.canonical_request(asked, SIGNED).endswith("\nUNSIGNED-PAYLOAD")


def test_an_authorization_has_no_comma_after_the_algorithm() -> None:
    value = signing.sign(request(), KEYS, SIGNED)
    start = f"SDK-HMAC-SHA256 Access={KEYS.access}, SignedHeaders=host;x-sdk-date, Signature="
    assert value.startswith(start) and len(value) == len(start) + 64


def test_a_signed_request_is_verified() -> None:
    signing.verify(signed(request()), KEYS, DATE_S, MAX_AGE_S)


@pytest.mark.keeps("signature-age", "serve")
@pytest.mark.parametrize("skew_s", [-900, 900])
def test_a_signature_of_15_minutes_is_taken_and_an_older_or_later_one_is_not(skew_s: int) -> None:
    asked = signed(request())
    signing.verify(asked, KEYS, DATE_S + skew_s, MAX_AGE_S)
    later_s = DATE_S + skew_s * 901 / 900
    assert refusal(asked, later_s) == (
        f"signature expired, signature time:{DATE},server time:{signing.date_of(later_s)}"
    )


def test_another_secret_is_refused_with_the_canonical_request() -> None:
    asked = signed(request(), keys=KEYS._replace(secret="other"))
    assert refusal(asked) == (
        "verify signature fail, canonicalRequest:POST|/v1/infers/8f3c/||host:infers.example.com|"
        f"x-sdk-date:{DATE}||host;x-sdk-date|e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_the_canonical_request_of_a_refusal_masks_secrets_that_were_signed() -> None:
    plain = with_headers(request(), x_security_token="temporary", x_auth_token="eternal")
    asked = signed(plain, (*SIGNED, "x-security-token", "x-auth-token"), KEYS._replace(secret="other"))
    said = refusal(asked)
    assert "x-security-token:***|" in said
    assert "temporary" not in said and "eternal" not in said and KEYS.secret not in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda asked: with_headers(asked, authorization=""),
            "the header Authorization is not SDK-HMAC-SHA256 Access=",
        ),
        (
            lambda asked: with_headers(asked, authorization="Bearer x"),
            "the header Authorization is not SDK-HMAC-SHA256",
        ),
        (lambda asked: signed(request(), keys=KEYS._replace(access="OTHER")), "app not found, appkey OTHER"),
        (lambda asked: signed(request(), ("host",)), "the header X-Sdk-Date is missing, not signed, or not such as"),
        (lambda asked: signed(with_headers(request(), x_sdk_date="now")), "the header X-Sdk-Date is missing, not sign"),
        (lambda asked: signed(with_headers(request(), x_sdk_date="20191315T033655Z")), "X-Sdk-Date is no date: 201913"),
        (lambda asked: signed(request(), (*SIGNED, "x-stage")), "signed headers that are not there: x-stage"),
    ],
)
def test_what_is_no_signature_is_refused_in_words(change: Callable[[Request], Request], said: str) -> None:
    assert refusal(change(signed(request()))).startswith(said)


def test_a_body_that_is_not_the_announced_one_is_refused() -> None:
    plain = with_headers(request(), x_sdk_content_sha256=hashlib.sha256(b"cat").hexdigest())
    asked = signed(plain)._replace(body_sha256=hashlib.sha256(b"dog").hexdigest())
    assert refusal(asked) == "the body is not the one whose hash X-Sdk-Content-Sha256 holds"
    signing.verify(asked._replace(body_sha256=hashlib.sha256(b"cat").hexdigest()), KEYS, DATE_S, MAX_AGE_S)


wire_text = st.text(string.ascii_letters + string.digits + "%/-._~!$&'()*+,;=:@[]", max_size=30)
header_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Any request that a client can send."""
    more = draw(st.dictionaries(st.sampled_from(["x-a", "x-b", "content-type"]), header_text))
    body = draw(st.binary(max_size=20))
    return Request(
        draw(st.sampled_from(["POST", "GET"])),
        f"/{draw(wire_text)}",
        draw(wire_text),
        {**request().headers, **more},
        hashlib.sha256(body).hexdigest(),
    )


@settings(deadline=None)
@given(requests())
def test_whatever_is_signed_is_verified(plain: Request) -> None:
    signing.verify(signed(plain, tuple(plain.headers)), KEYS, DATE_S, MAX_AGE_S)


@settings(deadline=None)
@given(requests(), st.sampled_from(["method", "path", "query", "body_sha256"]), st.data())
def test_a_request_that_means_something_else_is_refused(plain: Request, part: str, data: st.DataObject) -> None:
    asked = signed(plain, tuple(plain.headers))
    replacement = data.draw(wire_text.map(lambda text: f"/{text}")) if part == "path" else data.draw(wire_text)
    changed = asked._replace(**{part: replacement})
    same = signing.canonical_request(changed, plain.headers) == signing.canonical_request(plain, plain.headers)
    if same:
        signing.verify(changed, KEYS, DATE_S, MAX_AGE_S)
    else:
        assert refusal(changed).startswith("verify signature fail")


@settings(deadline=None)
@given(requests(), st.data())
def test_a_changed_byte_of_a_signed_header_is_refused(plain: Request, data: st.DataObject) -> None:
    asked = signed(plain, tuple(plain.headers))
    name = data.draw(st.sampled_from(sorted(set(plain.headers) - {"x-sdk-date"})))
    value = data.draw(header_text)
    changed = asked._replace(headers={**asked.headers, name: value})
    if value.strip() != plain.headers[name].strip():
        assert refusal(changed).startswith("verify signature fail")


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(0, 255))
def test_bytes_that_are_no_utf8_are_told_apart(first: int, second: int) -> None:
    asked = signed(request(path=f"/%{first:02x}", query=f"%{first:02x}"))
    for changed in (asked._replace(path=f"/%{second:02x}"), asked._replace(query=f"%{second:02x}")):
        if first != second:
            assert refusal(changed).startswith("verify signature fail")
