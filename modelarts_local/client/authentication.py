"""Proves to a service who sends a request: token, AppCode, or a signature made with AK and SK (contract 4.2)."""

from __future__ import annotations

import getpass
import sys
import time
from typing import Callable, Generator, Mapping, NamedTuple

import httpx

from .. import signing
from ..credentials import METHODS, NONE, TEMPORARY_KEYS_VARIABLE, VARIABLES
from ..errors import CommandLineError
from .refusals import ANY

_FLAGS = {"token": ("--token",), "appcode": ("--app-code",), "aksk": ("--ak", "--sk")}
_HEADERS = {"token": "X-Auth-Token", "appcode": "X-Apig-AppCode"}
_MAX_SECRET_BYTES = 64 << 10  # tokens of the platform have some thousands
# Signed where a request has them; the rest is free to be changed by a proxy
_SIGNED = ("host", "content-type", signing.DATE_HEADER, signing.PAYLOAD_HEADER, "x-security-token", "x-stage")


class GivenSecrets(NamedTuple):
    """Flags of the command line, None where a flag is not given: a secret, @FILE that holds it, or - to ask for it."""

    token: str | None = None
    app_code: str | None = None
    ak: str | None = None
    sk: str | None = None

    def of(self, method: str) -> tuple[str | None, ...]:
        """The flags of one of credentials.METHODS, in the order of its VARIABLES."""
        return {"token": (self.token,), "appcode": (self.app_code,), "aksk": (self.ak, self.sk)}[method]


def choose_authentication(method: str, given: GivenSecrets, environ: Mapping[str, str]) -> httpx.Auth | None:
    """Return what adds the proof to each request, None when there is nothing to prove.

    method: one of credentials.METHODS, none, or any: that of the flags, or else the first that the environment has.

    Raises CommandLineError when a secret is missing, cannot be read, or is no text for a header; it is never told.
    """
    by_flag = [name for name in METHODS if any(given.of(name))]
    if len(by_flag) > 1:
        raise CommandLineError(f"flags of {' and '.join(by_flag)} are given; prove yourself in one way.")
    if method == ANY:
        by_environment = [name for name in METHODS if all(environ.get(variable) for variable in VARIABLES[name])]
        method = (by_flag + by_environment + [NONE])[0]
    if method == NONE:
        return None
    names = zip(_FLAGS[method], given.of(method), VARIABLES[method])
    values = [_secret(flag, value, variable, environ) for flag, value, variable in names]
    if method in _HEADERS:
        return FixedHeader(method, values[0])
    return Signature(signing.Keys(*values), environ.get(TEMPORARY_KEYS_VARIABLE))


def method_of(auth: httpx.Auth | None) -> str:
    """Return which of credentials.METHODS, or none, a request proves itself by."""
    if auth is None:
        return NONE
    return auth.method if isinstance(auth, (FixedHeader, Signature)) else ANY


def _secret(flag: str, given: str | None, variable: str, environ: Mapping[str, str]) -> str:
    value = _read_flag(flag, given) if given else environ.get(variable, "")
    if given and not value:
        raise CommandLineError(
            f"{flag}={given} gives nothing; give the secret itself, @FILE that holds it, or - to be asked."
        )
    if not value:
        raise CommandLineError(f"{variable} is not set; set it, or give {flag}.")
    if not all("!" <= char <= "~" for char in value):
        source = flag if given else variable
        raise CommandLineError(f"what {source} gives holds characters that no header takes; copy it again.")
    return value


def _read_flag(flag: str, given: str) -> str:
    if given == "-":
        return (getpass.getpass(f"{flag}: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not given.startswith("@"):
        return given
    try:
        with open(given[1:], "rb") as file:
            return file.read(_MAX_SECRET_BYTES).decode("latin-1").strip()
    except OSError as error:
        raise CommandLineError(f"{flag}={given}: {given[1:]!r} cannot be read: {error.strerror}.") from error


class FixedHeader(httpx.Auth):
    """Sends the secret itself in a header, for TLS to keep. method: token or appcode."""

    def __init__(self, method: str, value: str) -> None:
        self.method = method
        self._value = value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers[_HEADERS[self.method]] = self._value
        yield request


class Signature(httpx.Auth):
    """Signs each request at the time at which it is sent, a repeated one anew.

    keys: AK and SK. security_token: goes with temporary keys. clock: seconds since 1970.
    """

    method = "aksk"

    def __init__(
        self, keys: signing.Keys, security_token: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._security_token = security_token
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the date, what the platform wants signed, and the signature."""
        headers = request.headers
        headers[signing.DATE_HEADER] = signing.date_of(self._clock())
        headers[signing.PAYLOAD_HEADER] = signing.UNSIGNED_PAYLOAD
        headers["x-stage"] = "RELEASE"
        if self._security_token:
            headers["x-security-token"] = self._security_token
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        signed = signing.Request(request.method, path, query, {name.lower(): value for name, value in headers.items()})
        names = [name for name in _SIGNED if name in headers]
        headers["authorization"] = signing.sign(signed, self._keys, names)
        yield request
