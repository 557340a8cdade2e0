"""The benchmark of services: what it measures, compares, prints and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import serving_report
from benchmarks.failures import BenchmarkFailed
from benchmarks.http_load import Service
from benchmarks.peers import ROOT
from benchmarks.programs.packaged_model import Package
from benchmarks.serving import build_parser, spread
from benchmarks.serving_agreement import Agreement, wrong_answer
from benchmarks.serving_report import Life, Run, Speed
from benchmarks.serving_rounds import percentile, run_of
from benchmarks.serving_server import PORTS, RunningServer, Start, free_port
from tests.fixtures_engines import FinishedJob
from tests.peer_programs import stand_in, write_program

SMALL = ("--network=resnet18-48", "--rounds=1", "--seconds=0.5", "--connections=1,2", "--pictures=3")
# stands where the Python of the server of 2018 is, and answers what it is told at its last argument, the port
STAND_IN = """#!{python}
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({answer!r}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""


def run_benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_services_and_networks_are_measured_and_a_peer_that_fails_is_left_out(
    drawn_images: Path, finished_job: FinishedJob, tmp_path: Path
) -> None:
    stand_in(tmp_path / "tools", "onnx", "#!/bin/sh\necho no such runtime\nexit 3\n")
    done = run_benchmark(
        f"--images={drawn_images}",
        *SMALL,
        "--only=ours,ours-int8,mms-0.4,onnx,networks",
        f"--int8-package={finished_job.folder}",
        f"--parity={tmp_path / 'python3.6'}",
        f"--tools={tmp_path / 'tools'}",
        f"--json={tmp_path / 'result.json'}",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    measured = [(run["side"], run["round"], run["connections"]) for run in result["runs"]]
    assert measured == [(side, 1, connections) for side in ("ours", "ours-int8") for connections in (1, 2)]
    for run in result["runs"]:
        assert run["answers"] > 0
        assert run["refused"] == run["mixed_up"] == 0
        assert 0 < run["p50_ms"] <= run["p99_ms"]
        assert run["cpu_ms"] > 0
    assert [life["side"] for life in result["lives"]] == ["ours", "ours-int8"]
    assert all(life["start_s"] > 0 and life["peak_bytes"] > 50 << 20 for life in result["lives"])
    speeds = [(speed["network"], speed["batch"]) for speed in result["speeds"]]
    assert speeds == [(network, batch) for network in ("mxnet", "mxnet-int8") for batch in (1, 32)]
    assert {name: why.splitlines()[-1] for name, why in result["left_out"].items()} == {
        "mms-0.4": f"there is no {tmp_path / 'python3.6'}; `make parity` installs it, or name it with --parity.",
        "onnx": "no such runtime",
        "onnx-network": "no such runtime",
        "onnx-network-int8": "no such runtime",
        "torch": f"PyTorch is not in {tmp_path / 'tools'}; `make bench-training` puts it there.",
    }
    assert done.stdout.startswith("Network: ResNet-18, 48 px, 102 classes, random weights\n\n1 connection\n")
    assert "round 1 of 1: ours, 2 connections: " in done.stderr


def test_a_peer_that_serves_another_network_ends_the_benchmark(drawn_images: Path, tmp_path: Path) -> None:
    answer = {"prediction": {"predicted_label": "house", "scores": [["house", 0.9], ["key", 0.1]]}}
    python = write_program(tmp_path / "python3.6", STAND_IN.format(python=sys.executable, answer=answer))
    done = run_benchmark(f"--images={drawn_images}", *SMALL, "--only=ours,mms-0.4", f"--parity={python}")
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("benchmarks.serving: mms-0.4 does not serve the same network: image_0")
    assert "is house 0.900, key 0.100; expected is class " in last
    assert "connections: " not in done.stderr


def test_a_package_that_is_not_served_ends_the_benchmark(drawn_images: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    done = run_benchmark(f"--images={drawn_images}", *SMALL, f"--package={tmp_path}", "--only=ours")
    assert done.returncode == 1
    assert " -m modelarts_local serve ...` ended with status 1; its last words:\n" in done.stderr
    assert done.stderr.splitlines()[-1].endswith(
        f"{tmp_path}/model: there is no network file, one ending in -symbol.json. Found: nothing."
    )
    assert "Traceback" not in done.stderr


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    done = run_benchmark(f"--images={tmp_path}", *SMALL)
    assert done.returncode == 1
    assert done.stderr == f"benchmarks.serving: there is no .jpeg or .jpg below {tmp_path}.\n"


def a_server(script: str, folder: Path, picture: Path) -> RunningServer:
    start = Start(["sh", "-c", script], os.environ, folder)
    return RunningServer(start, Service("127.0.0.1", free_port(), "/", "images"), picture)


def test_a_server_that_ends_at_once_is_shown_with_its_last_words(drawn_images: Path, tmp_path: Path) -> None:
    picture = next(drawn_images.rglob("*.jpg"))
    with pytest.raises(BenchmarkFailed, match="ended with status 7; its last words:\nno model"):
        with a_server("echo no model; exit 7", tmp_path, picture):
            pass


def test_a_server_goes_with_its_children_though_they_ignore_to_be_told(drawn_images: Path, tmp_path: Path) -> None:
    answer = {"predicted_label": "house", "scores": [["house", 0.9]]}
    program = write_program(tmp_path / "server", STAND_IN.format(python=sys.executable, answer=answer))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    service = Service("127.0.0.1", free_port(), "/", "images")
    script = f"(trap '' TERM; exec >/dev/null 2>&1; sleep 1000 > {pipe}) & exec {program} {service.port}"
    start = Start(["sh", "-c", script], os.environ, tmp_path)
    picture = next(drawn_images.rglob("*.jpg"))
    with RunningServer(start, service, picture) as server:
        held = pipe.open("rb")  # its other end is the child's
        assert server.answers([picture, picture]) == [answer, answer]
        assert server.start_s > 0
    with held:
        assert held.read() == b""


def test_a_port_is_one_that_every_server_takes() -> None:
    assert free_port() in PORTS
    assert PORTS.stop <= 32767  # the largest that multi-model-server takes


def test_the_pictures_that_are_sent_are_spread_over_the_folder() -> None:
    files = [Path(str(number)) for number in range(10)]
    assert spread(files, 3) == [Path("0"), Path("3"), Path("6")]
    assert spread(files, 20) == files


def test_a_peer_prepares_a_picture_as_the_handler_does(drawn_images: Path) -> None:
    import numpy as np
    from PIL import Image

    from dataset.preprocessing import Preprocessing, prepare_image

    preprocessing = Preprocessing.for_image_size(48)
    path = next(drawn_images.rglob("*.jpg"))
    with Image.open(path) as image:
        expected = prepare_image(image.convert("RGB"), preprocessing)
    assert np.array_equal(Package("p", ["a"], preprocessing.to_json()).prepare(path.read_bytes()), expected)


def an_answer(*scores: tuple[str, float]) -> dict[str, Any]:
    return {"predicted_label": scores[0][0], "scores": [list(score) for score in scores]}


def test_the_same_answer_within_rounding_is_right() -> None:
    expected = [an_answer(("cat", 0.6), ("dog", 0.3))]
    assert wrong_answer([an_answer(("cat", 0.61), ("dog", 0.29))], expected, ["a.jpg"]) is None
    # two that are as good as equally likely may change places
    close = [an_answer(("cat", 0.41), ("dog", 0.40))]
    assert wrong_answer([an_answer(("dog", 0.41), ("cat", 0.40))], close, ["a.jpg"]) is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (an_answer(("dog", 0.6), ("cat", 0.3)), "b.jpg is dog 0.600, cat 0.300; expected is cat 0.600, dog 0.300"),
        (an_answer(("cat", 0.5), ("dog", 0.3)), "b.jpg is cat 0.500, dog 0.300; expected is cat 0.600, dog 0.300"),
        (an_answer(("cow", 0.6), ("pig", 0.3)), "b.jpg is cow 0.600, pig 0.300; expected is cat 0.600, dog 0.300"),
    ],
)
def test_another_answer_is_told_with_its_picture(answer: dict[str, Any], said: str) -> None:
    expected = an_answer(("cat", 0.6), ("dog", 0.3))
    assert wrong_answer([expected, answer], [expected, expected], ["a.jpg", "b.jpg"]) == said


def test_a_percentile_is_one_of_the_times() -> None:
    times = [float(number) for number in range(1, 101)]
    assert percentile(times, 0.99) == 99.0
    assert percentile(times[:3], 0.99) == 3.0
    assert percentile([5.0], 0.01) == 5.0


FOUND = {
    "seconds": 2.0,
    "latencies_s": [0.3, 0.1, 0.2],
    "refused": {"503": 2},
    "labels": {"0": {"cat": 1, "dog": 1}, "1": {"dog": 1}},
    "server_cpu_s": 0.6,
    "client_cpu_s": 0.02,
}


def test_the_figures_of_a_run_are_those_of_its_answers() -> None:
    run = run_of("ours", 1, 4, FOUND, ["cat", "dog"])
    assert run.requests_per_s == 1.5
    assert (run.p50_ms, run.p99_ms) == (200.0, 300.0)
    assert run.cpu_ms == pytest.approx(200.0)
    assert run.client_share == pytest.approx(0.01)
    assert (run.answers, run.refused, run.mixed_up) == (3, 2, 1)


def test_a_run_without_an_answer_is_a_failure() -> None:
    nothing = {**FOUND, "latencies_s": []}
    with pytest.raises(BenchmarkFailed, match=r"no answer came within 2\.0 s: refused by status: \{'503': 2\}"):
        run_of("ours", 1, 4, nothing, [])
    with pytest.raises(BenchmarkFailed, match="no answer came within 2.0 s: give --seconds more"):
        run_of("ours", 1, 4, {**nothing, "refused": {}}, [])


def a_run(side: str, speed: float, number: int = 1, connections: int = 1, **more: int) -> Run:
    return Run(side, number, connections, 100, speed, 80.0, 120.0, 150.0, 0.01, **more)


def a_result(*runs: Run, **parts: Any) -> dict[str, Any]:
    result = {
        "network": "ResNet-34",
        "runs": runs,
        "lives": [],
        "speeds": [],
        "agreement": [],
        "left_out": {},
        "sides": {run.side: "as it comes" for run in sorted(runs, reverse=True)},
        "networks": {},
        "versions": {},
        "pictures": "3 of 45",
        "seconds": 10.0,
        "machine": {"cores": 2},
    }
    return {**result, **parts}


def test_the_tables_show_medians_and_the_spread_of_the_ratio_within_rounds() -> None:
    ours = [a_run("ours", speed, number) for number, speed in enumerate((20.0, 12.0, 10.0), 1)]
    onnx = [a_run("onnx", speed, number) for number, speed in enumerate((10.0, 6.0, 10.0), 1)]
    lines = serving_report.as_text(a_result(*onnx, *ours)).splitlines()
    row = next(line for line in lines if line.startswith("    ours "))
    assert row.split() == ["ours", "12.00", "10.00", "-", "20.00", "80", "120", "150", "1.0%", "300"]
    assert lines.index(row) < next(number for number, line in enumerate(lines) if line.startswith("    onnx "))
    ratio = next(line for line in lines if "ours / onnx" in line)
    assert ratio.split() == ["ours", "/", "onnx", "1.20", "1.00", "-", "2.00"]
    assert lines[-2:] == ["Pictures: 3 of 45. 10 s a measurement", "Machine: cores 2"]


def test_ratios_are_those_of_the_same_number_of_connections() -> None:
    runs = [a_run("ours", 10.0, connections=4), a_run("onnx", 5.0, connections=16), a_run("ours", 9.0, connections=16)]
    found = serving_report.as_json(a_result(*runs))["ratios"]
    assert [(ratio["over"], ratio["under"], ratio["of"], ratio["ratio"]) for ratio in found] == [
        ("ours", "onnx", 16, 1.8)
    ]


def test_starts_memory_and_networks_alone_have_tables() -> None:
    lives = [Life("ours", 1, 2.0, 600 << 20), Life("ours", 2, 4.0, 700 << 20)]
    speeds = [Speed("mxnet", 1, 32, 20.0), Speed("onnx-network", 1, 32, 10.0)]
    text = serving_report.as_text(a_result(a_run("ours", 10.0), lives=lives, speeds=speeds))
    rows = [line.split() for line in text.splitlines()]
    assert ["ours", "3.0", "2.0", "-", "4.0", "650"] in rows
    assert ["mxnet", "20.00", "20.00", "-", "20.00"] in rows
    assert ["mxnet", "/", "onnx-network", "2.00", "2.00", "-", "2.00"] in rows


def test_what_was_left_out_and_what_was_answered_otherwise_is_told() -> None:
    runs = [a_run("mms-0.4", 10.0, mixed_up=3), a_run("mms-0.4", 10.0, 2, refused=4)]
    text = serving_report.as_text(
        a_result(*runs, left_out={"onnx": "cannot install it\npip said: no"}, agreement=[Agreement("ours", 3, 4, 0.02)])
    )
    assert "left out: onnx: cannot install it pip said: no\n" in text
    assert "ours: 3 of 4 labels as ours, scores differ by up to 0.0200\n" in text
    assert "mms-0.4: 3 of 200 answers under load named another class than when asked alone\n" in text
    assert "mms-0.4: 4 requests beside 200 answers were refused\n" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images=no-such-folder"], "'no-such-folder' is not there"),
        (["--images=.", "--only=ours,torchserve"], "'torchserve' is none of ours,ours-workers,ours-int8,mms-0.4,"),
        (["--images=.", "--network=resnet101-224"], "'resnet101-224' is not like resnet34-224, with 18, 34 or 50"),
        (["--images=.", "--package=docs"], "'docs' holds no folder model/"),
        (["--images=.", "--seconds=0"], "'0' is not a number of seconds above 0 and up to 3600"),
        (["--images=.", "--connections=1,0"], "'0' is not a whole number of at least 1"),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


PEERS = ROOT / ".venv-bench"


@pytest.mark.skipif(not (PEERS / "onnx" / "done").exists(), reason="ONNX Runtime comes with make bench-serving")
def test_onnx_runtime_answers_as_the_handler_does(
    drawn_images: Path, finished_job: FinishedJob, tmp_path: Path
) -> None:
    done = run_benchmark(
        f"--images={drawn_images}",
        *SMALL[1:],
        f"--package={finished_job.folder}",
        "--only=ours,onnx,onnx-int8",
        f"--tools={PEERS}",
        f"--json={tmp_path / 'result.json'}",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["left_out"] == {}
    exact = {found["side"]: found for found in result["agreement"]}["onnx"]
    assert exact["same"] == exact["pictures"] == 3
    assert exact["largest"] < 1e-4
