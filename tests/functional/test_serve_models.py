"""Two trainings served side by side, and what the service says of each: health, metrics, one log line a request."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.model_packages import (
    COLOUR_ENVIRONMENT,
    COLOURS,
    ServerProcess,
    one_colour_image,
    wait_until,
    write_colour_package,
)

KEYS = ("secret-token", "secret-code", "secret-signature", "secret-query", "secret-cookie")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    first = write_colour_package(tmp_path_factory.mktemp("one") / "V0001")
    second = write_colour_package(tmp_path_factory.mktemp("two") / "V0002")
    # the second training knows the same colours by other names
    (second / "model" / "synset.txt").write_text("\n".join(f"{colour} thing" for colour in COLOURS))
    flags = [f"--model=v2={second}"]
    running = ServerProcess(first, tmp_path_factory.mktemp("server"), COLOUR_ENVIRONMENT, flags)
    with contextlib.closing(running):
        yield running.wait_until_serving()


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return one_colour_image(tmp_path_factory.mktemp("images") / "red.png", "red").read_bytes()


def samples(server: ServerProcess) -> dict[tuple[str, ...], float]:
    """Every sample of /metrics as Prometheus reads it, by its name and the values of its labels in their order."""
    response = server.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("path", "label", "model"),
    [
        ("/", "red", "V0001"),
        ("/v1/infers/V0001", "red", "V0001"),
        ("/v1/infers/v2", "red thing", "v2"),
        ("/v1/infers/cluster/v2", "red thing", "v2"),
        ("/v1/infers/8f3a-of-the-platform", "red", "V0001"),
        ("/v1/infers/v2/8f3a", "red", "V0001"),
    ],
)
def test_the_last_part_of_the_path_names_the_model_and_any_other_id_is_the_first_ones(
    server: ServerProcess, red: bytes, path: str, label: str, model: str
) -> None:
    response = server.post(path, files={"images": red})
    assert response.json()["predicted_label"] == label
    assert response.headers["x-model-name"] == model


def test_the_line_on_standard_output_names_every_model(server: ServerProcess) -> None:
    assert re.fullmatch(rf"serving V0001=\S+/V0001 v2=\S+/V0002 on {server.url}\n", server.output())


def test_the_log_says_how_long_each_model_took_and_on_which_engine(server: ServerProcess) -> None:
    for name in ("V0001", "v2"):
        assert re.search(
            rf"model {name}: loaded in \d+\.\d s on MXNet-1\.\d\.\d-python3\.\d+; MXNetBaseService is that of ",
            server.log(),
        )


def test_usage_lists_the_models_with_their_paths(server: ServerProcess) -> None:
    assert server.get("/").json()["models"] == {"V0001": "/v1/infers/V0001", "v2": "/v1/infers/v2"}


def test_a_model_that_dies_is_told_by_its_own_health_and_the_overall_one_and_the_other_answers(
    server: ServerProcess, red: bytes
) -> None:
    assert server.get("/health").json() == {
        "health": "healthy",
        "models": {"V0001": {"health": "healthy"}, "v2": {"health": "healthy"}},
    }
    os.kill(handler_pid(server, "V0002"), signal.SIGTERM)
    wait_until(lambda: server.get("/health/v2").status_code == 503, "the death is noticed")
    reason = "the process of customize_service.py ended: killed by SIGTERM"
    assert server.get("/health").json() == {
        "health": "restarting",
        "reason": reason,
        "models": {"V0001": {"health": "healthy"}, "v2": {"health": "restarting", "reason": reason}},
    }
    assert samples(server)["modelarts_model_state", "v2", "restarting"] == 1
    assert server.get("/health/V0001").status_code == 200
    assert server.post(files={"images": red}).json()["predicted_label"] == "red"
    wait_until(lambda: server.get("/health").status_code == 200, "healthy")
    assert samples(server)["modelarts_restarts_total", "v2"] == 1


def handler_pid(server: ServerProcess, folder: str) -> int:
    """The child of the server whose last argument is the model folder."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{server.process.pid}/task").glob("*/children"))
    commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in children.split()}
    (pid,) = [pid for pid, command in commands.items() if command.endswith(f"/{folder}/model\0")]
    return pid


def test_health_of_a_model_that_is_not_there_is_404(server: ServerProcess) -> None:
    assert server.get("/health/v3").status_code == 404


def test_metrics_count_requests_by_model_and_status_and_split_their_time(server: ServerProcess, red: bytes) -> None:
    before = samples(server)
    server.post("/v1/infers/v2", files={"images": red})
    server.post("/v1/infers/v2", files={"images": b"no picture"})
    server.post("/v1/infers/v2", json={})
    server.get("/v1/infers/v2")
    for path in ("/", "/health", "/metrics", "/page/page.js", "/nothing/there"):
        server.get(path)
    after = samples(server)

    def grown(*key: str) -> float:
        return after[key] - before.get(key, 0)

    assert grown("modelarts_requests_total", "v2", "200") == 1
    assert grown("modelarts_requests_total", "v2", "400") == 2
    assert grown("modelarts_requests_total", "none", "405") == 1
    assert sum(grown(*key) for key in after if key[0] == "modelarts_requests_total") == 4
    assert grown("modelarts_request_seconds_count", "v2") == 3
    assert grown("modelarts_batch_size_sum", "v2") == grown("modelarts_batch_size_count", "v2") == 2
    assert grown("modelarts_stage_seconds_count", "v2", "body") == 2
    stages = [grown("modelarts_stage_seconds_sum", "v2", stage) for stage in ("body", "queue", "handler")]
    assert all(seconds > 0 for seconds in stages)
    assert sum(stages) < grown("modelarts_request_seconds_sum", "v2")
    assert after["modelarts_request_seconds_bucket", "+Inf", "v2"] == after["modelarts_request_seconds_count", "v2"]


def test_an_id_that_no_model_has_is_answered_by_the_first_and_warned_of_once(server: ServerProcess, red: bytes) -> None:
    for _ in range(2):
        assert server.post("/v1/infers/v3", files={"images": red}).headers["x-model-name"] == "V0001"
    server.post("/v1/infers/%0aFORGED", files={"images": red})
    log = server.wait_for_log("FORGED")
    assert log.count("WARNING modelarts_local.service.server: no model is called 'v3', so V0001 answers; ") == 1
    assert "there are V0001, v2\n" in log
    assert not any(line.startswith("FORGED") for line in log.splitlines())


def test_metrics_tell_state_queue_requests_in_flight_and_memory_of_each_model(server: ServerProcess) -> None:
    found = samples(server)
    for model in ("V0001", "v2"):
        assert found["modelarts_model_state", model, "healthy"] == 1
        assert found["modelarts_model_state", model, "failed"] == 0
        assert found["modelarts_queue_length", model] == found["modelarts_in_flight", model] == 0
        assert found["modelarts_process_memory_bytes", model] > 20_000_000


def test_a_request_is_one_line_in_the_log_with_its_number_and_without_a_key(server: ServerProcess, red: bytes) -> None:
    token, code, signature, query, cookie = KEYS
    response = server.post(
        f"/v1/infers/v2?token={query}",
        files={"images": red},
        headers={
            "X-Auth-Token": token,
            "X-Apig-AppCode": code,
            "Authorization": f"SDK-HMAC-SHA256 Signature={signature}",
            "Cookie": cookie,
            "X-Request-Id": "walk-17",
        },
    )
    assert response.headers["x-request-id"] == "walk-17"
    log = server.wait_for_log("request=walk-17")
    (line,) = [line for line in log.splitlines() if "request=walk-17" in line]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO modelarts_local\.service\.access_log: "
        rf"POST /v1/infers/v2 200 {len(response.content)} bytes \d+ ms model=v2 request=walk-17 "
        r"queue_ms=\d+\.\d handler_ms=\d+\.\d together=1",
        line,
    )
    assert [key for key in KEYS if key in log] == []


def test_a_request_without_a_number_gets_one_and_one_that_could_break_the_line_is_not_taken(
    server: ServerProcess,
) -> None:
    numbers = {
        server.get("/health").headers["x-request-id"],
        server.get("/health", headers={"X-Request-Id": "a b\tc"}).headers["x-request-id"],
        server.get("/health", headers={"X-Request-Id": "a" * 129}).headers["x-request-id"],
    }
    assert len(numbers) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", number) for number in numbers)


def test_a_path_cannot_break_a_line_of_the_log(server: ServerProcess) -> None:
    server.get("/a%0aFORGED%20line" + "x" * 300)
    log = server.wait_for_log("GET /a%0aFORGED%20linexxx").splitlines()
    assert not any(line.startswith("FORGED") for line in log)
    assert "x" * 250 not in [line for line in log if " 404 " in line and "bytes" in line][-1]
