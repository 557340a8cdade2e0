"""The same codes/ and model/ on the engine MXNet-1.2.1-python3.6, with the real mxnet-model-server 0.4."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.fixtures_engines import CODES, TINY_JOB, FinishedJob, HandlerFactory, run_job

pytestmark = pytest.mark.parity

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
DEADLINE_S = 120


@pytest.fixture(scope="module")
def pictures(drawn_images: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Drawn pictures as PNG: the JPEG decoders of Pillow's wheels for Python 3.6 and for today differ a little."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for path in sorted(drawn_images.glob("*/image_000[0-4].jpg")):
        paths.append(folder / f"{path.parent.name}_{path.stem}.png")
        with Image.open(path) as image:
            image.save(paths[-1])
    return paths


@pytest.fixture(scope="module")
def parity_job(parity_python: str, packed_data: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedJob:
    """codes/ alone, in the place and under the command line of ModelArts, on the parity engine."""
    home = tmp_path_factory.mktemp("user-job-dir")
    shutil.copytree(CODES, home / "codes", ignore=shutil.ignore_patterns("__pycache__"))
    result = run_job(
        f"--data_url={packed_data}/",
        f"--train_url={home}/V0001/",
        "--num_gpus=1",
        "--num_epochs=1",
        *[flag for flag in TINY_JOB if not flag.startswith("--num_gpus")],
        python=parity_python,
        boot_file=Path("codes/train_caltech.py"),
        cwd=home,
        environment={"PYTHONPATH": str(home)},
    )
    assert result.returncode == 0, result.stderr
    return FinishedJob(home / "V0001", result.stderr)


def predict_with_mms(python: str, model_dir: Path, pictures: list[Path]) -> Any:
    done = subprocess.run(
        [python, "-W", "ignore", str(PROGRAMS / "predict_with_mms.py"), str(model_dir), *map(str, pictures)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs):
        assert one["predicted_label"] == other["predicted_label"]
        assert dict(one["scores"]) == pytest.approx(dict(other["scores"]), abs=1e-3)


def test_the_job_trains_and_exports_on_the_parity_engine(parity_job: FinishedJob, finished_job: FinishedJob) -> None:
    assert {path.name for path in parity_job.model.iterdir()} == {path.name for path in finished_job.model.iterdir()}
    assert "MXNet 1.2.1 finds 0 GPUs here; training on the CPU" in parity_job.log
    handler = (parity_job.model / "customize_service.py").read_bytes()
    assert handler == (finished_job.model / "customize_service.py").read_bytes()


def test_a_model_trained_here_predicts_the_same_with_the_real_mms(
    finished_job: FinishedJob, load_handler: HandlerFactory, parity_python: str, pictures: list[Path]
) -> None:
    service = load_handler()
    result = predict_with_mms(parity_python, finished_job.model, pictures)
    assert ".venv-parity" in result["mms"]
    assert_same(result["together"], result["answers"])
    assert_same([service.inference([path.read_bytes()]) for path in pictures], result["answers"])


def test_a_model_trained_on_the_parity_engine_predicts_the_same_here(
    parity_job: FinishedJob, load_handler: HandlerFactory, parity_python: str, pictures: list[Path]
) -> None:
    service = load_handler.module.CaltechService("caltech", str(parity_job.model), {})  # type: ignore[attr-defined]
    result = predict_with_mms(parity_python, parity_job.model, pictures)
    assert_same([service.inference([path.read_bytes()]) for path in pictures], result["answers"])


def test_a_training_begun_here_goes_on_on_the_parity_engine(
    finished_job: FinishedJob, packed_data: Path, parity_python: str, tmp_path: Path
) -> None:
    shutil.copytree(finished_job.folder / "checkpoints", tmp_path / "checkpoints")
    result = run_job(
        f"--data_url={packed_data}",
        f"--train_url={tmp_path}",
        "--num_epochs=3",
        *TINY_JOB,
        python=parity_python,
    )
    assert result.returncode == 0, result.stderr
    assert "going on after 2 epochs" in result.stderr
    # the two engines keep momentum with opposite signs
    assert "written by MXNet 1.9 on 1 devices, this is MXNet 1.2 on 1 devices: momentum starts at zero" in result.stderr


def test_the_real_model_server_serves_the_model_over_http(
    finished_job: FinishedJob,
    load_handler: HandlerFactory,
    parity_python: str,
    pictures: list[Path],
    tmp_path: Path,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    picture = pictures[0]
    url = f"http://127.0.0.1:{port}"
    with open(tmp_path / "server.log", "wb") as log, subprocess.Popen(
        [
            parity_python,
            "-W",
            "ignore",
            str(PROGRAMS / "serve_with_mms.py"),
            str(finished_job.model),
            str(port),
        ],
        stdout=log,
        stderr=log,
        cwd=tmp_path,
    ) as server:
        try:
            wait_until_healthy(url, server)
            with open(picture, "rb") as content:
                # open-source MMS insists on this content type, whatever the bytes are (contract 3.4)
                files = {"images": ("picture.png", content, "image/jpeg")}
                answer = httpx.post(f"{url}/caltech/predict", files=files)
        finally:
            server.terminate()
    assert answer.status_code == 200, (tmp_path / "server.log").read_text()
    # the open-source server wraps the answer, ModelArts does not (contract 3.3)
    assert_same([load_handler().inference([picture.read_bytes()])], [answer.json()["prediction"]])


def wait_until_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/ping").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("mxnet-model-server did not start")
