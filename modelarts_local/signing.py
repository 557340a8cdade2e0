"""Sign and verify requests with AK/SK as the platform's gateway does: SDK-HMAC-SHA256 (contract 4.2).

canonical request   METHOD, path, query, the signed headers, their names, hash of the body; one a line
string to sign      SDK-HMAC-SHA256, X-Sdk-Date, hex of SHA-256 of the canonical request
signature           hex of HMAC-SHA256 of it; the key is the SK as it is, which AWS's Version 4 derives another from
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from typing import Iterable, Mapping, NamedTuple
from urllib.parse import parse_qsl, quote, quote_from_bytes, unquote_to_bytes

ALGORITHM = "SDK-HMAC-SHA256"
DATE_HEADER = "x-sdk-date"
PAYLOAD_HEADER = "x-sdk-content-sha256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"  # the platform insists on it for multipart uploads (contract 4.2)

_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_AUTHORIZATION = re.compile(rf"{ALGORITHM} Access=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{{64}})")
# Never repeated in an answer, even when a client has signed them
_SECRET_HEADERS = ("authorization", "x-auth-token", "x-security-token", "x-apig-appcode", "apikey", "cookie")


class Keys(NamedTuple):
    """What a request is signed with: AK and SK, or the AppKey and AppSecret of an app."""

    access: str
    secret: str


class Request(NamedTuple):
    """What is signed of a request, as it goes over the wire.

    path, query: percent-encoded, the query without its question mark.
    headers: by lower-case name; text with surrogateescape for bytes that are not UTF-8.
    body_sha256: hex; counts where no header X-Sdk-Content-Sha256 stands for it.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body_sha256: str = hashlib.sha256().hexdigest()


class SignatureRefused(Exception):
    """A request is not signed as it should be; the message is what the gateway says of it."""


def canonical_request(request: Request, signed_headers: Iterable[str]) -> str:
    """Return the text that stands for a request; requests that mean the same have the same.

    signed_headers: lower-case names; those that the request lacks count as empty.
    """
    names = sorted(signed_headers)
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    payload = request.headers.get(PAYLOAD_HEADER, "").strip() or request.body_sha256
    parts = (request.method.upper(), _canonical_path(request.path), _canonical_query(request.query), headers)
    return "\n".join((*parts, ";".join(names), payload))


def string_to_sign(canonical: str, date: str) -> str:
    """Return what the HMAC is made of; date: the value of X-Sdk-Date."""
    return f"{ALGORITHM}\n{date}\n{hashlib.sha256(_as_bytes(canonical)).hexdigest()}"


def signature_of(text: str, secret: str) -> str:
    """Return the HMAC of a string to sign, lower-case hex."""
    return hmac.new(_as_bytes(secret), _as_bytes(text), hashlib.sha256).hexdigest()


def sign(request: Request, keys: Keys, signed_headers: Iterable[str]) -> str:
    """Return the value of the header Authorization.

    signed_headers: lower-case names of headers that the request has, X-Sdk-Date among them.
    """
    names = sorted(signed_headers)
    signature = _signature_by(keys, request, names)
    return f"{ALGORITHM} Access={keys.access}, SignedHeaders={';'.join(names)}, Signature={signature}"


def verify(request: Request, keys: Keys, now_s: float, max_age_s: float) -> None:
    """Return when the request was signed with `keys` at most max_age_s before or after now_s, seconds since 1970.

    Raises SignatureRefused otherwise, with the words of the platform's gateway and, where the signature differs, the
    canonical request that was expected, in which headers that are secrets are masked.
    """
    names, signature = check_claims(request, keys, now_s, max_age_s)
    if not hmac.compare_digest(_signature_by(keys, request, names), signature):
        shown = canonical_request(_without_secrets(request), names).replace("\n", "|")
        raise SignatureRefused(f"verify signature fail, canonicalRequest:{shown}")
    payload = request.headers.get(PAYLOAD_HEADER, "").strip()
    if payload and payload not in (UNSIGNED_PAYLOAD, request.body_sha256):
        raise SignatureRefused("the body is not the one whose hash X-Sdk-Content-Sha256 holds")


def check_claims(request: Request, keys: Keys, now_s: float, max_age_s: float) -> tuple[list[str], str]:
    """Return the names of the signed headers and the signature, which nothing has been compared with yet.

    Raises SignatureRefused for what is wrong whatever the body may be: the form, the access key, the date.
    """
    access, names, signature = _read_authorization(request.headers.get("authorization", ""))
    if not hmac.compare_digest(_as_bytes(access), _as_bytes(keys.access)):
        raise SignatureRefused(f"app not found, appkey {access}")
    date = _date_in(request)
    if DATE_HEADER not in names or not _DATE.fullmatch(date):
        raise SignatureRefused("the header X-Sdk-Date is missing, not signed, or not such as 20191115T033655Z")
    _check_age(date, now_s, max_age_s)
    missing = [name for name in names if name not in request.headers]
    if missing:
        raise SignatureRefused(f"signed headers that are not there: {';'.join(missing)}")
    return names, signature


def date_of(now_s: float) -> str:
    """Return the value of X-Sdk-Date for a time in seconds since 1970."""
    return time.strftime(_DATE_FORMAT, time.gmtime(now_s))


def _date_in(request: Request) -> str:
    return request.headers.get(DATE_HEADER, "").strip()


def _signature_by(keys: Keys, request: Request, names: list[str]) -> str:
    return signature_of(string_to_sign(canonical_request(request, names), _date_in(request)), keys.secret)


def _read_authorization(value: str) -> tuple[str, list[str], str]:
    found = _AUTHORIZATION.fullmatch(value.strip())
    if found is None:
        raise SignatureRefused(f"the header Authorization is not {ALGORITHM} Access=, SignedHeaders=, Signature=")
    access, names, signature = found.groups()
    return access, names.split(";"), signature


def _check_age(date: str, now_s: float, max_age_s: float) -> None:
    try:
        signed_s = calendar.timegm(time.strptime(date, _DATE_FORMAT))
    except ValueError:
        raise SignatureRefused(f"X-Sdk-Date is no date: {date}") from None
    if abs(now_s - signed_s) > max_age_s:
        raise SignatureRefused(f"signature expired, signature time:{date},server time:{date_of(now_s)}")


def _without_secrets(request: Request) -> Request:
    headers = {name: "***" if name in _SECRET_HEADERS else value for name, value in request.headers.items()}
    return request._replace(headers=headers)


def _canonical_path(path: str) -> str:
    # The slash at the end is added for the signature only; the request keeps its path
    encoded = quote_from_bytes(unquote_to_bytes(path), safe="/~")
    return encoded if encoded.endswith("/") else f"{encoded}/"


def _canonical_query(query: str) -> str:
    # latin-1 keeps every byte apart, where UTF-8 would turn all that is invalid into one character
    pairs = sorted(parse_qsl(query, keep_blank_values=True, encoding="latin-1"))
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)


def _encoded(text: str) -> str:
    return quote(text, safe="~", encoding="latin-1")


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
