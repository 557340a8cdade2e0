"""`serve --auth` lets in those who know the secret, as the platform's gateway does, and nothing tells it to others."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from modelarts_local import signing
from modelarts_local.client.authentication import FixedHeader, Signature
from modelarts_local.credentials import Secrets
from modelarts_local.platform_rules import MAX_BODY_BYTES
from modelarts_local.service.access_log import AccessLog
from modelarts_local.service.authentication import Guard
from modelarts_local.service.metrics import Metrics
from tests.asking import Asked, ask
from tests.model_packages import ServerProcess, one_colour_image, refusal_of, serve_command, write_package

KEYS = signing.Keys("AKAKAKAKAK", "SKSKSKSKSKSKSK")
SECRETS = {
    "MODELARTS_TOKEN": "MIITOKEN",
    "MODELARTS_APP_CODE": "appcode-of-the-app",
    "HUAWEICLOUD_SDK_AK": KEYS.access,
    "HUAWEICLOUD_SDK_SK": KEYS.secret,
}
HANDLER = """
import os
from mms.model_service.mxnet_model_service import MXNetBaseService


class OneAnswer(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._signature = manifest["Model"]["Signature"]

    def inference(self, data):
        print("the handler's environment: %s" % sorted(os.environ.items()))
        return {"predicted_label": "cat", "scores": [["cat", 1.0]]}
"""
NOW_S = 1573789015.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    parent = write_package(tmp_path_factory.mktemp("package"), HANDLER)
    work = tmp_path_factory.mktemp("server")
    with contextlib.closing(ServerProcess(parent, work, SECRETS, ["--auth=token,appcode,aksk"])) as running:
        yield running.wait_until_serving()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return one_colour_image(tmp_path / "red.jpg", "red")


@pytest.fixture
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*SECRETS, "HUAWEICLOUD_SDK_SECURITY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_prediction_without_a_secret_is_401(server: ServerProcess) -> None:
    for path in ("/", "/v1/infers/8f3c"):
        response = server.post(path, files={"images": b"1"})
        assert response.status_code == 401
        assert refusal_of(response) == {
            "error_code": "APIG.0301",
            "error_msg": "Incorrect IAM authentication information: send X-Auth-Token or X-Apig-AppCode or "
            "Authorization: SDK-HMAC-SHA256",
        }


def test_health_and_the_page_stay_open(server: ServerProcess) -> None:
    assert server.get("/health").json()["health"] == "healthy"
    assert server.get("/metrics").status_code != 401
    assert "<form" in server.get("/", headers={"Accept": "text/html"}).text


@pytest.mark.parametrize(
    ("header", "value", "code", "message"),
    [
        ("X-Auth-Token", "wrong", "APIG.0301", "Incorrect IAM authentication information: decrypt token fail"),
        ("X-Apig-AppCode", "wrong", "APIG.0303", "Incorrect app authentication information: app not found"),
        ("X-Auth-Token", "\xff", "APIG.0301", "Incorrect IAM authentication information: decrypt token fail"),
        (
            "Authorization",
            "Basic dTpw",
            "APIG.0303",
            "Incorrect app authentication information: the header Authorization is not SDK-HMAC-SHA256 Access=, "
            "SignedHeaders=, Signature=",
        ),
    ],
)
def test_a_wrong_secret_is_401(server: ServerProcess, header: str, value: str, code: str, message: str) -> None:
    response = server.post(files={"images": b"1"}, headers={header: value.encode("latin-1")})
    assert (response.status_code, refusal_of(response)) == (401, {"error_code": code, "error_msg": message})


@pytest.mark.parametrize(
    "flags",
    [
        ["--token=MIITOKEN"],
        ["--app-code=appcode-of-the-app"],
        [f"--ak={KEYS.access}", f"--sk={KEYS.secret}"],
    ],
)
def test_predict_proves_itself_by_flags(
    server: ServerProcess, picture: Path, no_secrets: pytest.MonkeyPatch, flags: list[str]
) -> None:
    asked = ask(picture, f"--url={server.url}/v1/infers/a%20b?x=1&a=2", *flags)
    assert asked == Asked(0, f"{picture}: cat 1.00 (cat 1.000)\n", "")


@pytest.mark.parametrize("method", ["token", "appcode", "aksk"])
def test_predict_proves_itself_by_the_environment(
    server: ServerProcess, picture: Path, no_secrets: pytest.MonkeyPatch, method: str
) -> None:
    for name, value in SECRETS.items():
        no_secrets.setenv(name, value)
    assert ask(picture, f"--url={server.url}", f"--auth={method}").code == 0


def test_a_refused_secret_says_what_to_check_and_sends_no_other_picture(
    server: ServerProcess, picture: Path, no_secrets: pytest.MonkeyPatch
) -> None:
    asked = ask(picture, picture, picture, f"--url={server.url}", "--token=wrong")
    assert asked.out == (
        f"{picture}: 401: Incorrect IAM authentication information: decrypt token fail. Check the token: it is good "
        "for one project and region, and lives for 24 hours.\n"
    )
    assert asked.code == 1


def test_a_wrong_secret_key_gets_the_canonical_request(
    server: ServerProcess, picture: Path, no_secrets: pytest.MonkeyPatch
) -> None:
    asked = ask(picture, f"--url={server.url}", f"--ak={KEYS.access}", "--sk=wrong")
    host = server.url.partition("//")[2]
    assert (
        "401: Incorrect app authentication information: verify signature fail, canonicalRequest:POST|/||" in asked.out
    )
    assert f"|host:{host}|x-sdk-content-sha256:UNSIGNED-PAYLOAD|x-sdk-date:20" in asked.out
    assert "|x-stage:RELEASE||content-type;host;x-sdk-content-sha256;x-sdk-date;x-stage|UNSIGNED-PAYLOAD. " in asked.out
    assert "Check both keys, --ak and --sk, and this computer's clock: it may be 15 minutes off." in asked.out


def test_no_secret_reaches_the_logs_nor_the_handler(server: ServerProcess) -> None:
    server.post(files={"images": b"1"}, headers={"X-Auth-Token": "a-token-that-is-wrong"})
    log = server.log() + server.output()
    assert "/ answered 401 APIG.0301" in log and "the handler's environment: " in log
    for secret in (*SECRETS.values(), "a-token-that-is-wrong", "Signature="):
        assert secret not in log


@pytest.mark.parametrize(
    ("method", "missing"),
    [
        ("token", "MODELARTS_TOKEN"),
        ("appcode", "MODELARTS_APP_CODE"),
        ("aksk", "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"),
    ],
)
def test_a_secret_that_is_not_set_ends_serve_with_code_2(
    tmp_path: Path, no_secrets: pytest.MonkeyPatch, method: str, missing: str
) -> None:
    ended = subprocess.run(serve_command(str(tmp_path), f"--auth={method}"), capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"modelarts-local: --auth={method} needs {missing} in the environment; set what clients must know.\n"
    )


def test_an_unknown_method_is_a_wrong_command_line(tmp_path: Path) -> None:
    ended = subprocess.run(serve_command(str(tmp_path), "--auth=token,basic"), capture_output=True, text=True)
    assert ended.returncode == 2
    assert "'basic' is no way to authenticate; give token, appcode, aksk or none" in ended.stderr


# the guard alone, with a clock of its own


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


def guarded(*asked: dict[str, Any], secrets: Secrets | None = None, now_s: float = NOW_S) -> list[httpx.Response]:
    """Send POST requests, each what httpx takes, to an application that gives back their bodies."""
    app = Starlette(routes=[Route("/v1/infers/{id:path}", echo, methods=["POST"])])
    guard = Guard(app, secrets or Secrets(keys=KEYS), lambda: now_s)
    transport = httpx.ASGITransport(AccessLog(guard, Metrics()))

    async def send() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return [await client.post("/v1/infers/1", **request) for request in asked]

    return asyncio.run(send())


@pytest.mark.keeps("signature-age", "serve")
@pytest.mark.parametrize(("skew_s", "status"), [(-901, 401), (-900, 200), (900, 200), (901, 401)])
def test_the_clocks_may_differ_by_15_minutes(skew_s: int, status: int) -> None:
    proof = Signature(KEYS, clock=lambda: NOW_S + skew_s)
    (response,) = guarded({"files": {"images": b"1"}, "auth": proof})
    assert response.status_code == status
    if status == 401:
        assert refusal_of(response) == {
            "error_code": "APIG.0303",
            "error_msg": "Incorrect app authentication information: signature expired, signature time:"
            f"{signing.date_of(NOW_S + skew_s)},server time:20191115T033655Z",
        }


def test_the_body_of_a_signed_request_arrives_as_it_was() -> None:
    body = os.urandom(100_000)
    plain = signing.Request(
        "POST",
        "/v1/infers/1",
        "",
        {"host": "here", "x-sdk-date": signing.date_of(NOW_S)},
        hashlib.sha256(body).hexdigest(),
    )
    headers = {"X-Sdk-Date": plain.headers["x-sdk-date"]}
    headers["Authorization"] = signing.sign(plain, KEYS, ["host", "x-sdk-date"])
    good, changed = guarded({"content": body, "headers": headers}, {"content": body[:-1], "headers": headers})
    assert (good.status_code, good.content) == (200, body)
    assert changed.status_code == 401 and "verify signature fail" in changed.text


def test_a_body_above_the_limit_is_not_read_to_the_end_for_its_hash() -> None:
    date = signing.date_of(NOW_S)
    plain = signing.Request("POST", "/v1/infers/1", "", {"x-sdk-date": date})
    headers = {"X-Sdk-Date": date, "Authorization": signing.sign(plain, KEYS, ["x-sdk-date"])}
    (response,) = guarded({"content": bytes(MAX_BODY_BYTES + 1), "headers": headers})
    assert response.status_code == 413
    assert refusal_of(response) == {"error_code": "APIG.0201", "error_msg": "the body has more than 12582912 bytes."}


def test_the_body_of_a_stranger_is_not_read() -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append("a byte")
        yield b"1"

    headers = {"Authorization": f"SDK-HMAC-SHA256 Access=other, SignedHeaders=host, Signature={'0' * 64}"}
    (response,) = guarded({"content": body(), "headers": headers})
    assert (response.status_code, read) == (401, [])
    assert response.json()["error_msg"] == "Incorrect app authentication information: app not found, appkey other"


def test_a_way_that_is_not_asked_for_stays_closed() -> None:
    (response,) = guarded({"auth": FixedHeader("token", "None")}, secrets=Secrets(app_code="code"))
    assert response.status_code == 401
    assert response.json()["error_msg"] == "Incorrect IAM authentication information: send X-Apig-AppCode"


def test_temporary_keys_send_their_token_signed() -> None:
    request = httpx.Request("POST", "https://here/v1/infers/1", files={"images": b"1"})
    (sent,) = list(Signature(KEYS, "temporary", lambda: NOW_S).auth_flow(request))
    assert sent.headers["x-security-token"] == "temporary"
    assert ";x-security-token;x-stage, " in sent.headers["authorization"]


def test_a_secret_in_a_file_or_on_standard_input_is_taken(
    server: ServerProcess, picture: Path, tmp_path: Path, no_secrets: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("MIITOKEN\n")
    assert ask(picture, f"--url={server.url}", f"--token=@{tmp_path / 'token'}").code == 0
    command = [sys.executable, "-m", "modelarts_local", "predict", str(picture), f"--url={server.url}", "--token=-"]
    assert subprocess.run(command, input="MIITOKEN\n", text=True, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--ak=A"], "HUAWEICLOUD_SDK_SK is not set; set it, or give --sk."),
        (["--auth=token"], "MODELARTS_TOKEN is not set; set it, or give --token."),
        (["--token=a", "--app-code=b"], "flags of token and appcode are given; prove yourself in one way."),
        (
            ["--token=sec\nret"],
            "what --token gives holds characters that no header takes; copy it again.",
        ),
        (["--token=@gone"], "--token=@gone: 'gone' cannot be read: No such file or directory."),
        (
            [f"--app-code=@{os.devnull}"],
            f"--app-code=@{os.devnull} gives nothing; give the secret itself, @FILE that holds it, or - to be asked.",
        ),
        (
            ["--token=a", "--url=http://infers.example.com/"],
            "--url is 'http://infers.example.com/'; over http:// everybody on the way could read the secret. Use "
            "https://, or --insecure to send it all the same.",
        ),
        (
            ["--url=http://me:word@infers.example.com/"],
            "--url holds a name or a password; a service of the platform takes --token or the like.",
        ),
    ],
)
def test_a_proof_that_cannot_be_made_is_a_wrong_command_line(
    picture: Path, no_secrets: pytest.MonkeyPatch, flags: list[str], said: str
) -> None:
    assert ask(picture, *flags) == Asked(2, "", f"modelarts-local: {said}\n")
