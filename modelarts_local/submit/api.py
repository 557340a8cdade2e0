"""Sends the requests of `submit`: signed, repeated where that helps, and refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from typing import Any, Callable, Generator, Mapping

import httpx

from .. import signing
from ..check.findings import printable
from ..client.sending import retry_after_s
from ..credentials import TEMPORARY_KEYS_VARIABLE, secrets_from_environment
from ..errors import CommandLineError, PlatformRefused, PlatformSilent
from .calls import Call
from .refusals import advice_on, code_and_message
from .settings import Platform

RETRY_DELAYS_S = (1, 2, 4, 8, 16)  # where the platform names no time; chosen
MAX_ANSWER_BYTES = 32 << 20  # chosen: the log, by far the longest, has 5 MB, in JSON up to six times as much
_TIMEOUT = httpx.Timeout(60, connect=10)  # s; chosen
_REFUSED_UNREAD = frozenset({429, 503})  # nothing was done, so that even what creates may be sent once more
_FAILED = frozenset({500, 502, 504})  # nobody knows whether it was done

logger = logging.getLogger(__name__)


class Signed(httpx.Auth):
    """Signs each request with all that it says, its body included, at the time at which it is sent.

    keys: AK and SK. security_token: goes with temporary keys. project_id: what the keys are used for.
    """

    requires_request_body = True

    def __init__(
        self,
        keys: signing.Keys,
        project_id: str,
        security_token: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys = keys
        self.security_token = security_token
        self._project_id = project_id
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the date, the project and the signature."""
        headers = request.headers
        headers[signing.DATE_HEADER] = signing.date_of(self._clock())
        headers["x-project-id"] = self._project_id
        names = ["host", "content-type", signing.DATE_HEADER, "x-project-id"]
        if self.security_token:
            headers["x-security-token"] = self.security_token
            names.append("x-security-token")
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        by_name = {name.lower(): value for name, value in headers.items()}
        body_sha256 = hashlib.sha256(request.content).hexdigest()
        signed = signing.Request(request.method, path, query, by_name, body_sha256)
        headers["authorization"] = signing.sign(signed, self.keys, [name for name in names if name in headers])
        yield request


def signed_by_environment(platform: Platform, environ: Mapping[str, str]) -> Signed:
    """Return what signs with the keys of the environment. Raises CommandLineError when there are none."""
    try:
        keys = secrets_from_environment(["aksk"], environ).keys
    except CommandLineError:
        keys = None
    if keys is None or not all("!" <= char <= "~" for char in "".join(keys)):
        raise CommandLineError(
            "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are not set, or hold more than keys do. Set them to the access "
            "key that My Credentials, Access Keys gives; no flag takes them, since all users of a computer see flags."
        )
    return Signed(keys, platform.project_id, environ.get(TEMPORARY_KEYS_VARIABLE))


class Api:
    """The platform's API. retries: of one request. sleep: waits so many seconds."""

    def __init__(
        self, platform: Platform, signed: Signed, retries: int, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.platform = platform
        self.signed = signed
        self.sleep = sleep
        self._retries = retries
        is_here = platform.endpoint.startswith("http://")
        self._http = httpx.Client(
            base_url=platform.endpoint,
            timeout=_TIMEOUT,
            auth=signed,
            verify=True if is_here else httpx.create_ssl_context(trust_env=True),
            trust_env=not is_here,  # a proxy cannot reach what is on this computer
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call) -> dict[str, Any]:
        """Return the answer, an object of JSON; empty where the platform answers with nothing.

        Raises PlatformRefused when it is refused, PlatformSilent when nothing answers, or only with errors.
        """
        for retry in range(self._retries + 1):
            failure: PlatformRefused | PlatformSilent
            delay_s, may_repeat = None, True
            try:
                response = self._http.send(self._request(call))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = self._unreachable(call, error)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                failure = PlatformSilent(
                    f"could not {call.what}: no answer from {self.platform.endpoint}, {error or type(error).__name__}. "
                    "Check the network, and give the same command again."
                )
                may_repeat = not call.is_creating
            else:
                if response.is_success:
                    return _decoded(call, response)
                failure = _refusal(call, response)
                may_repeat = response.status_code in _REFUSED_UNREAD or (
                    response.status_code in _FAILED and not call.is_creating
                )
                delay_s = retry_after_s(response)
            if retry == self._retries or not may_repeat:
                raise failure
            wait_s = RETRY_DELAYS_S[min(retry, len(RETRY_DELAYS_S) - 1)] if delay_s is None else delay_s
            logger.info("%s; retry %d of %d in %g s", failure, retry + 1, self._retries, wait_s)
            self.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def _request(self, call: Call) -> httpx.Request:
        content = b"" if call.body is None else json.dumps(call.body).encode("ascii")
        headers = {"content-type": "application/json", "accept": "application/json"}
        return self._http.build_request(call.method, call.path, content=content, headers=headers)

    def _unreachable(self, call: Call, error: Exception) -> PlatformSilent:
        reason = str(error) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            advice = "Its certificate is not trusted: name its authority's file in SSL_CERT_FILE, or check --endpoint"
        else:
            advice = "Check --region or --endpoint, the network, and HTTPS_PROXY where there is a proxy"
        return PlatformSilent(
            f"could not {call.what}: nothing answers at {self.platform.endpoint}: {reason}. {advice}.", is_undone=True
        )


def _refusal(call: Call, response: httpx.Response) -> PlatformRefused | PlatformSilent:
    status = response.status_code
    code, told = code_and_message(_json_or_none(response))
    if response.is_redirect:
        told = f"the API is elsewhere, at {response.headers.get('location', '')[:200]!r}; give that as --endpoint"
    said = printable(told or response.text[:200] or "it says nothing")
    shown = f"{status} {code}".strip()
    advice = advice_on(status, code)
    if status >= 500 or status == 429:
        advice = advice or "The platform has trouble of its own: wait, and give the same command again."
        return PlatformSilent(
            f"could not {call.what}: the platform answered {shown}: {said.rstrip('.')}. {advice}",
            is_undone=status in _REFUSED_UNREAD,
        )
    return PlatformRefused(
        f"could not {call.what}: the platform answered {shown}: {said.rstrip('.')}. {advice}".rstrip(), status, code
    )


def _decoded(call: Call, response: httpx.Response) -> dict[str, Any]:
    if not response.content.strip() or response.content.strip() == b'""':
        return {}
    answer = _json_or_none(response)
    if not isinstance(answer, dict):
        found = printable(response.text[:80])
        raise PlatformSilent(
            f"could not {call.what}: the answer is no object of JSON but {found!r}. Check --endpoint; something on the "
            "way to the platform may answer in its place."
        )
    if answer.get("is_success") is False:  # how version 1 refuses (contract 5.1)
        code, told = code_and_message(answer)
        advice = advice_on(response.status_code, code)
        raise PlatformRefused(
            f"could not {call.what}: the platform answered {code}: {printable(told)}. {advice}".rstrip(), None, code
        )
    return answer


def _json_or_none(response: httpx.Response) -> Any:
    if len(response.content) > MAX_ANSWER_BYTES:
        return None
    try:
        return json.loads(response.content)
    # RecursionError: brackets nested too deep
    except (ValueError, RecursionError):
        return None


def open_api(platform: Platform, retries: int) -> Api:
    """Return the API with the keys of the environment. Raises CommandLineError when there are none."""
    return Api(platform, signed_by_environment(platform, os.environ), retries)
