"""How the service does, as the block of the test page is told it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelarts_local.service.tally import Tally
from tests.model_packages import (
    COLOUR_ENVIRONMENT,
    ServerProcess,
    one_colour_image,
    wait_until,
    write_colour_package,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    parent = write_colour_package(tmp_path_factory.mktemp("served") / "colours")
    process = ServerProcess(parent, tmp_path_factory.mktemp("server"), COLOUR_ENVIRONMENT)
    with contextlib.closing(process) as running:
        yield running.wait_until_serving()


def status_of(server: ServerProcess) -> Any:
    (model,) = server.get("/page/status.json").json()["models"]
    return model


def test_it_counts_what_became_of_requests_and_how_long_they_took(server: ServerProcess, tmp_path: Path) -> None:
    before = status_of(server)
    red = one_colour_image(tmp_path / "red.png", "red").read_bytes()
    for content in (red, red, b"no picture"):
        server.post(files={"images": content})
    after = status_of(server)
    assert (before["answered"], before["p50_ms"], before["mean_batch"]) == (0, None, None)
    assert (after["answered"], after["refused"], after["turned_away"], after["failed"]) == (2, 1, 0, 0)
    assert 0 < after["p50_ms"] <= after["p99_ms"]
    assert after["mean_batch"] == 1
    assert (after["waiting"], after["in_flight"], after["restarts"]) == (0, 0, 0)
    assert (after["name"], after["health"], after["reason"]) == ("colours", "healthy", "")
    assert after["workers"] == {"healthy": 1}
    assert after["memory_bytes"] > 1024 * 1024


def test_its_own_requests_do_not_fill_the_log(server: ServerProcess) -> None:
    status_of(server)
    server.get("/health")
    log = server.wait_for_log("GET /health 200")
    assert "status.json" not in log


def test_the_log_in_json_has_one_object_a_line_with_the_facts_of_each_request(tmp_path: Path) -> None:
    parent = write_colour_package(tmp_path / "colours")
    process = ServerProcess(parent, tmp_path, COLOUR_ENVIRONMENT, flags=["--log-format", "json"])
    with contextlib.closing(process) as server:
        wait_until(lambda: server.output().startswith("serving "), "serving")
        url = server.output().split(" on ")[1].strip()
        files = {"images": one_colour_image(tmp_path / "red.png", "red").read_bytes()}
        answer = httpx.post(url, files=files, headers={"X-Request-Id": "seen"}, trust_env=False)
        log = server.wait_for_log('"request": "seen"')
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("request") == "seen"]
    assert line["message"].startswith("POST / 200 ")
    assert (line["method"], line["path"], line["status"], line["model"]) == ("POST", "/", 200, "colours")
    assert line["bytes"] == len(answer.content)
    assert 0 < line["handler_ms"] <= line["ms"] and line["together"] == 1
    assert any(line["message"].startswith("listening on ") for line in lines)
    # MXNet writes by itself where nobody asks it
    others = [line for line in log.splitlines() if not line.startswith("{")]
    assert [line for line in others if "modelarts_local" in line] == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "answered"), (400, "refused"), (413, "refused"), (503, "turned_away"), (500, "failed"), (504, "failed")],
)
def test_every_status_is_counted_once(status: int, kind: str) -> None:
    tally = Tally()
    tally.count(status, 0.1)
    kinds = ("answered", "refused", "turned_away", "failed")
    assert {name: getattr(tally, name) for name in kinds} == {name: int(name == kind) for name in kinds}


def test_percentiles_are_those_of_the_answers_only() -> None:
    tally = Tally()
    for milliseconds in range(1, 101):
        tally.count(200, milliseconds / 1000)
    tally.count(504, 40)
    assert tally.percentile_ms(50) == pytest.approx(50.5)
    assert tally.percentile_ms(99) == pytest.approx(99.01)
