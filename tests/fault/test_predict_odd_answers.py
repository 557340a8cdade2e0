"""Odd answers, lost connections and untrusted certificates: predict says what came of each picture and what to do."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelarts_local.client.sending import MAX_ANSWER_BYTES
from tests.asking import Asked, ask
from tests.certificates import write_certificate
from tests.scripted_server import Answer, Request, ScriptedServer

GOOD = {"predicted_label": "cat", "scores": [["cat", 1.0]]}
DEADLINE_S = 30


def answer(status: int = 200, content: Any = GOOD, **headers: str) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def refused(status: int, code: str, message: str) -> Answer:
    return answer(status, {"error_code": code, "error_msg": message})


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    (tmp_path / "cat.jpg").write_bytes(b"a picture")
    return tmp_path / "cat.jpg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for number in range(30):
        (tmp_path / "images" / f"{number:02d}.jpg").write_bytes(b"picture %d" % number)
    return tmp_path / "images"


@contextlib.contextmanager
def serving(*answers: Answer) -> Iterator[ScriptedServer]:
    """A service that gives these answers one after the other, the last one for ever."""
    left = list(answers)

    def script(_: Request) -> Answer:
        return left.pop(0) if len(left) > 1 else left[0]

    with ScriptedServer(script).running() as server:
        yield server


@pytest.mark.parametrize(
    ("odd", "line"),
    [
        (
            refused(401, "APIGW.0301", "Incorrect IAM authentication information: token expires"),
            "401: Incorrect IAM authentication information: token expires. Nothing was sent to prove who asks: give "
            "--token, --app-code, or --ak and --sk.",
        ),
        (
            refused(403, "ModelArts.0212", "wrong project"),
            "403: wrong project. Nothing was sent to prove who asks: give --token, --app-code, or --ak and --sk.",
        ),
        (
            refused(403, "", "no"),
            "403: no. Nothing was sent to prove who asks: give --token, --app-code, or --ak and --sk; the account may "
            "lack the right to call this service.",
        ),
        (
            refused(404, "APIG.0101", "The API does not exist"),
            "404: The API does not exist. Check --url: the gateway knows no such API; copy the address from the "
            "service's usage guide.",
        ),
        (
            answer(405, b"<html>not allowed</html>"),
            "405: the answer is not JSON but '<html>not allowed</html>'. Check --url: this path takes no POST, so it "
            "is not that of a service.",
        ),
        (
            answer(413, b""),
            "413: the answer is not JSON but ''. Send a smaller picture; the platform takes 12 MB.",
        ),
        (
            refused(500, "ModelArts.4302", "forward failed"),
            "500: forward failed. The gateway does not reach the service: it is stopped, or it refuses. Look into the "
            "service's log.",
        ),
        (
            answer(500, {"erno": "MR.0105", "msg": "Recognition failed", "words_result": {}}),
            "500: Recognition failed. customize_service.py failed on it: look into the service's log for the "
            "traceback.",
        ),
        (
            answer(504, b"<html>504</html>"),
            "504: the answer is not JSON but '<html>504</html>'. The service took too long: look into the service's "
            "log and at its load.",
        ),
        (answer(200, b"<html>log in</html>"), "the answer is not JSON but '<html>log in</html>'"),
        (answer(200, b"[" * 100_000), f"the answer is not JSON but {'[' * 80!r}"),
        (
            answer(302, b"", Location="https://elsewhere/"),
            "302: the service is elsewhere, at 'https://elsewhere/'; give that as --url",
        ),
        (answer(200, bytes(MAX_ANSWER_BYTES + 1)), "the answer is not read, it has more than 8388608 bytes"),
    ],
)
def test_an_answer_that_is_no_prediction_is_told_with_what_to_check(picture: Path, odd: Answer, line: str) -> None:
    with serving(odd) as server:
        asked = ask(picture, "--url", server.url)
    assert (asked.code, asked.out) == (1, f"{picture}: {line}\n")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("flags", "code", "advice"),
    [
        (["--token=t"], "APIG.0301", "Check the token: it is good for one project and region, and lives for 24 hours."),
        (["--app-code=c"], "APIG.0303", "Check the AppCode."),
        (["--app-code=c"], "APIG.0301", "Check the AppCode; a service may take --token or --ak and --sk only."),
        (["--ak=a", "--sk=s"], "APIG.0301", "Check both keys, --ak and --sk."),
        (
            ["--ak=a", "--sk=s"],
            "APIG.0303",
            "Check both keys, --ak and --sk, and this computer's clock: it may be 15 minutes off.",
        ),
        (["--ak=a", "--sk=s"], "", "Check both keys, --ak and --sk."),
    ],
)
def test_a_refused_proof_is_told_with_what_to_check_of_that_one(
    picture: Path, flags: list[str], code: str, advice: str
) -> None:
    with serving(refused(401, code, "no")) as server:
        asked = ask(picture, "--url", server.url, *flags)
    assert asked == Asked(1, f"{picture}: 401: no. {advice}\n", "not answered: 1 of 1 pictures\n")


def test_an_answer_that_breaks_off_is_told_and_not_repeated(picture: Path) -> None:
    with serving(Answer(200, b'{"predicted_label"', cut_after=5)) as server:
        asked = ask(picture, "--url", server.url)
    assert asked.code == 1
    assert asked.out.startswith(f"{picture}: the answer broke off after 5 bytes: ")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again_when_it_says(picture: Path, status: int) -> None:
    busy = answer(status, {"error_code": "ModelArts.4206"}, Retry_After="0")
    with serving(busy, busy, answer()) as server:
        asked = ask(picture, "--url", server.url, "--retries=2")
    assert (asked.code, asked.out) == (0, f"{picture}: cat 1.00 (cat 1.000)\n")
    assert [request.body for request in server.requests] == [server.requests[0].body] * 3


def test_a_service_that_stays_busy_is_asked_so_often_and_no_more(picture: Path) -> None:
    busy = answer(429, {"error_code": "ModelArts.4206", "error_msg": "flow control"}, Retry_After="0")
    with serving(busy) as server:
        asked = ask(picture, "--url", server.url, "--retries=2")
    assert asked.out == (
        f"{picture}: 429: flow control. The service takes fewer requests at a time: lower --connections, or raise "
        "--retries.\n"
    )
    assert (asked.code, len(server.requests)) == (1, 3)


def test_a_date_that_has_passed_is_no_reason_to_wait(picture: Path) -> None:
    with serving(answer(503, Retry_After="Fri, 15 Nov 2019 03:36:55 GMT"), answer()) as server:
        assert ask(picture, "--url", server.url).code == 0


@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 422])
def test_a_refused_request_is_never_repeated(picture: Path, status: int) -> None:
    with serving(answer(status, Retry_After="0")) as server:
        assert ask(picture, "--url", server.url).code == 1
    assert len(server.requests) == 1


def read_request(connection: socket.socket) -> None:
    request = b""
    while not request.endswith(b"--\r\n"):
        request += connection.recv(65536)


@contextlib.contextmanager
def one_by_one(*plan: bool) -> Iterator[tuple[str, list[bool]]]:
    """A server that answers, or closes the connection instead, as planned, and then is gone; gives URL and what it did.

    Nobody listens any more when the last answer is sent.
    """
    body = json.dumps(GOOD).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    done: list[bool] = []

    def run() -> None:
        for number, answers in enumerate(plan, 1):
            connection, _ = listener.accept()
            with connection:
                read_request(connection)
                done.append(answers)
                if number == len(plan):
                    listener.close()
                if answers:
                    connection.sendall(head % len(body) + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", done
        thread.join(DEADLINE_S)


def test_a_connection_closed_before_an_answer_is_opened_anew(picture: Path) -> None:
    with one_by_one(False, True) as (url, done):
        assert ask(picture, "--url", url).code == 0
    assert done == [False, True]


def test_a_service_that_only_closes_connections_is_told(picture: Path) -> None:
    with one_by_one(False) as (url, _):
        asked = ask(picture, "--url", url, "--retries=0")
    assert (asked.code, asked.out) == (1, f"{picture}: the connection was closed before an answer\n")


def test_a_refusal_of_who_we_are_ends_the_run_after_one_picture(folder: Path) -> None:
    with serving(refused(401, "APIG.0301", "token expires")) as server:
        asked = ask("--dir", folder, "--url", server.url)
    assert len(server.requests) == 1
    assert asked.code == 1
    assert "30 pictures: 0 answered in " in asked.out and "1 failed, 29 not sent\n" in asked.out


def test_a_service_that_goes_away_leaves_what_it_has_answered(folder: Path) -> None:
    with one_by_one(*[True] * 5) as (url, _):
        asked = ask("--dir", folder, "--url", url, "--retries=0", "--connections=1")
    assert asked.code == 3
    assert "30 pictures: 5 answered in " in asked.out and "/s), 25 not sent\n" in asked.out
    assert asked.err.splitlines()[-1] == (
        f"modelarts-local: no service answers at {url}: [Errno 111] Connection refused. Start one with: "
        "modelarts-local serve PARENT"
    )


def test_pictures_go_over_few_connections_that_are_kept(folder: Path) -> None:
    ports = set()

    def script(request: Request) -> Answer:
        ports.add(threading.get_ident())  # the server has a thread for each connection
        return answer()

    with ScriptedServer(script).running() as server:
        assert ask("--dir", folder, "--url", server.url, "--connections=3").code == 0
    assert len(server.requests) == 30 and len(ports) <= 3


def test_answers_come_in_the_order_of_the_pictures(folder: Path) -> None:
    def script(request: Request) -> Answer:
        is_slow = b"0.jpg" in request.body
        return answer()._replace(delay_s=0.1 if is_slow else 0)

    with ScriptedServer(script).running() as server:
        asked = ask("--dir", folder, "--json", "--url", server.url)
    files = [Path(json.loads(line)["file"]).name for line in asked.out.splitlines()[:-1]]
    assert files == sorted(files) and len(files) == 30


def test_an_unreadable_file_is_told_and_the_others_are_sent(tmp_path: Path, picture: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    with serving(answer()) as server:
        asked = ask(tmp_path / "folder.jpg", picture, "--url", server.url)
    assert asked.out.splitlines() == [
        f"{tmp_path}/folder.jpg: cannot be read: Is a directory; --dir sends all pictures below a folder",
        f"{picture}: cat 1.00 (cat 1.000)",
    ]
    assert asked.code == 1


def test_a_file_whose_name_is_no_text_is_sent_under_a_name_that_is(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"cat\xff.jpg")).write_bytes(b"a picture")
    with serving(answer()) as server:
        asked = ask("--dir", tmp_path, "--json", "--csv", tmp_path / "table.csv", "--url", server.url)
    assert asked.code == 0
    assert json.loads(asked.out.splitlines()[0])["file"] == str(tmp_path / "cat\udcff.jpg")
    assert 'filename="cat\N{REPLACEMENT CHARACTER}.jpg"'.encode() in server.requests[0].body


def test_a_host_with_several_addresses_says_what_the_system_said(picture: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://localhost:{free.getsockname()[1]}/"
    asked = ask(picture, "--url", url)
    assert asked.code == 3
    assert asked.err.startswith(
        f"modelarts-local: no service answers at {url}: [Errno 111] Connection refused. Start one"
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and a certificate for 127.0.0.1, signed by itself."""
    return write_certificate(tmp_path_factory.mktemp("tls"))


@contextlib.contextmanager
def serving_tls(certificate: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: answer(), str(certificate)).running() as server:
        yield server


def test_a_certificate_that_nobody_vouches_for_is_refused(picture: Path, certificate: Path) -> None:
    with serving_tls(certificate) as server:
        asked = ask(picture, "--url", server.url, "--token=MIITOKEN")
        assert (asked.code, asked.out) == (3, "")
        assert asked.err.startswith(f"modelarts-local: the certificate of {server.url} is not trusted: ")
        assert asked.err.endswith("Name its authority's file in SSL_CERT_FILE, or trust any with --insecure.\n")
        assert server.requests == []


def test_an_authority_of_ones_own_is_trusted(picture: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving_tls(certificate) as server:
        assert ask(picture, "--url", server.url, "--token=MIITOKEN").code == 0
        assert server.requests[0].headers["X-Auth-Token"] == "MIITOKEN"  # type: ignore[index]


def test_insecure_trusts_any_certificate(picture: Path, certificate: Path) -> None:
    with serving_tls(certificate) as server:
        assert ask(picture, "--url", server.url, "--insecure").code == 0


def test_a_reader_that_has_seen_enough_ends_the_run_in_peace(folder: Path) -> None:
    with serving(answer()) as server:
        command = [sys.executable, "-m", "modelarts_local", "predict", "--dir", str(folder), "--url", server.url]
        asked = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert asked.stdout is not None
        asked.stdout.close()
        _, err = asked.communicate(timeout=DEADLINE_S)
    assert asked.returncode == 141
    assert all(line.startswith("asking ") for line in err.splitlines())


def test_an_interrupted_run_ends_at_once_with_130(folder: Path) -> None:
    reached, released = threading.Event(), threading.Event()

    def script(_: Request) -> Answer:
        reached.set()
        released.wait(DEADLINE_S)
        return answer()

    with ScriptedServer(script).running() as server:
        command = [sys.executable, "-m", "modelarts_local", "predict", "--dir", str(folder), "--url", server.url]
        asked = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert reached.wait(DEADLINE_S)
        asked.send_signal(2)
        out, err = asked.communicate(timeout=DEADLINE_S)
        released.set()
    assert (asked.returncode, out, err) == (130, "", "")
