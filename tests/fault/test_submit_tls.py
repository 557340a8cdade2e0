"""`submit` speaks to nobody whose certificate it does not trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.certificates import write_certificate
from tests.platform_stub import refusal
from tests.scripted_server import ScriptedServer
from tests.submissions import Bundle


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls"))


def test_a_platform_that_nobody_vouches_for_is_told_nothing(bundle: Bundle, certificate: Path) -> None:
    server = ScriptedServer(lambda _: refusal(403, ""), str(certificate))
    with server.running():
        done = bundle.submit(f"--endpoint={server.url}", "--until=train", "--retries=0")
    assert done.code == 3 and "CERTIFICATE_VERIFY_FAILED" in done.err
    assert (
        "Its certificate is not trusted: name its authority's file in SSL_CERT_FILE, or check --endpoint." in done.err
    )
    assert server.requests == [] and bundle.state["made"] == []


def test_an_authority_of_ones_own_is_trusted(
    bundle: Bundle, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = ScriptedServer(lambda _: refusal(403, ""), str(certificate))
    with server.running():
        done = bundle.submit(f"--endpoint={server.url}", "--until=train")
    assert done.code == 1 and len(server.requests) == 1
