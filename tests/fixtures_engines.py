"""The two engines, a small packed data set, and one finished training that many tests look at."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from demo.drawing import KINDS, draw_picture
from obs_layout.pack import PackSettings, pack

ROOT = Path(__file__).resolve().parents[1]
CODES = ROOT / "codes"
PARITY_PYTHON = ROOT / ".venv-parity" / "bin" / "python"
KINDS_USED = ("flower", "house", "key")
IMAGES_PER_KIND = 15
# Small enough for seconds, large enough for the stem of real pictures
TINY_JOB = (
    "--num_layers=18",
    "--image_size=48",
    "--batch_size=12",
    "--num_gpus=0",
    "--recipe=gentle",
    "--lr=0.01",
    "--disp_batches=1",
)
JOB_TIMEOUT_S = 300


@pytest.fixture(scope="session")
def parity_python() -> str:
    """The Python 3.6 with MXNet 1.2.1; CI fails where a user's machine without one skips."""
    if not PARITY_PYTHON.exists():
        message = "the parity engine is not installed; `make test-parity` says what it needs"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return str(PARITY_PYTHON)


@pytest.fixture(scope="session")
def drawn_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one folder a class: 3 kinds of drawn objects, 15 JPEGs each."""
    import numpy as np

    folder = tmp_path_factory.mktemp("drawn")
    for number, kind in enumerate(KINDS_USED):
        (folder / kind).mkdir()
        for index in range(IMAGES_PER_KIND):
            random = np.random.RandomState([number, index])
            draw_picture(KINDS[kind], random).save(folder / kind / f"image_{index:04d}.jpg", quality=90)
    return folder


@pytest.fixture(scope="session")
def packed_data(drawn_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn images as RecordIO: 36 to train, 9 to validate."""
    folder = tmp_path_factory.mktemp("data") / "mxnet_format"
    pack(drawn_images, folder, PackSettings(resize=64, workers=1))
    return folder


def run_job(
    *flags: str,
    python: str = sys.executable,
    boot_file: Path = CODES / "train_caltech.py",
    cwd: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the training job as a program; the result's stderr is its log."""
    return subprocess.run(
        [python, "-W", "ignore", str(boot_file), *flags],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=JOB_TIMEOUT_S,
    )


def start_job(*flags: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start the training job; the caller reads its log from `.stderr` while it runs."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(CODES / "train_caltech.py"), *flags],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def finished_job(packed_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A finished training of two epochs: `.folder` is its train_url, `.log` its log."""
    folder = tmp_path_factory.mktemp("job") / "V0001"
    result = run_job(
        f"--data_url={packed_data}", f"--train_url={folder}", "--num_epochs=2", "--tensorboard=1", *TINY_JOB
    )
    assert result.returncode == 0, result.stderr
    return FinishedJob(folder, result.stderr)


class FinishedJob:
    """What a training left behind."""

    def __init__(self, folder: Path, log: str) -> None:
        self.folder = folder
        self.model = folder / "model"
        self.log = log


HandlerFactory = Callable[..., Any]


@pytest.fixture(scope="session")
def handler_module() -> Any:
    """The module of the handler as the job copies it, without a model."""
    sys.path.insert(0, str(ROOT / "modelarts_local" / "handler_worker" / "mms_standin"))
    from mxnet_support import engine

    engine.import_mxnet()
    path = CODES / "model_template" / "customize_service.py"
    spec = importlib.util.spec_from_file_location("handler_of_the_template", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load_handler(finished_job: FinishedJob) -> HandlerFactory:
    """A function that builds the service of the finished model, with a manifest's Signature."""
    sys.path.insert(0, str(ROOT / "modelarts_local" / "handler_worker" / "mms_standin"))
    sys.path.insert(0, str(finished_job.model))
    from mxnet_support import engine

    engine.import_mxnet()
    import customize_service

    def load(**model: Any) -> Any:
        return customize_service.CaltechService("caltech", str(finished_job.model), {"Model": model})

    load.module = customize_service  # type: ignore[attr-defined]
    return load
