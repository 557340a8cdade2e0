"""What a handler finds when `serve` loads and calls it, compared with the platform."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.model_packages import ServerProcess, write_package

# Answers what it was constructed with and what it is given.
PROBE_HANDLER = """
import copy
import os
import threading

import labels
from mms.model_service.mxnet_model_service import MXNetBaseService


class Reading(MXNetBaseService):
    def _inference(self, data):
        return data


class ProbeService(Reading):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self.constructed = {
            "model_name": model_name,
            "model_dir": model_dir,
            "manifest": copy.deepcopy(manifest),
            "gpu": gpu,
            "thread": threading.get_ident(),
        }
        # the documented sample does this to the dict that it is given
        manifest["Model"]["Signature"]["inputs"] = [
            {"data_name": "images", "data_shape": [0, 3, 8, 8]},
            {"data_name": "mask", "data_shape": [0, 1, 8, 8]},
        ]
        self._signature = manifest["Model"]["Signature"]

    def _preprocess(self, data):
        return {"type": type(data).__name__, "items": [[type(item).__name__, len(item)] for item in data]}

    def _postprocess(self, data):
        return dict(data, constructed=self.constructed, thread=threading.get_ident(), label=labels.LABEL,
                    threads=os.environ.get("OMP_NUM_THREADS"))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    parent = write_package(tmp_path_factory.mktemp("probe"), PROBE_HANDLER, labels="LABEL = '豹'")
    # an empty value lets Python write bytecode, whatever the environment of the tests says
    environment = {"PYTHONDONTWRITEBYTECODE": ""}
    with contextlib.closing(ServerProcess(parent, tmp_path_factory.mktemp("server"), environment)) as running:
        yield running.wait_until_serving()


@pytest.fixture(scope="module")
def answer(server: ServerProcess) -> Any:
    return server.post(files={"mask": ("mask.png", b"12"), "images": ("cat.jpg", b"1234")}).json()


def test_data_is_a_list_of_bytes_in_the_order_of_the_signature(answer: Any) -> None:
    assert answer["type"] == "list"
    assert answer["items"] == [["bytes", 4], ["bytes", 2]]


def test_the_constructor_gets_name_folder_manifest_and_no_gpu(server: ServerProcess, answer: Any) -> None:
    constructed = answer["constructed"]
    assert constructed["model_name"] == "pred_model"
    assert constructed["model_dir"] == str(Path(server.parent) / "model")
    assert constructed["gpu"] is None
    assert constructed["manifest"] == {
        "Model": {
            "Signature": {},
            "Symbol": "pred_model-symbol.json",
            "Parameters": "pred_model-0000.params",
            "Service": "customize_service.py",
        }
    }


def test_everything_runs_on_the_thread_that_loaded_the_model(server: ServerProcess, answer: Any) -> None:
    again = server.post(files={"mask": b"1", "images": b"1"}).json()
    assert again["thread"] == answer["thread"] == answer["constructed"]["thread"]


def test_a_module_beside_the_handler_can_be_imported(answer: Any) -> None:
    assert answer["label"] == "豹"


def test_serving_writes_nothing_into_the_model_folder(server: ServerProcess, answer: Any) -> None:
    assert sorted(path.name for path in (Path(server.parent) / "model").iterdir()) == [
        "config.json",
        "customize_service.py",
        "labels.py",
        "pred_model-0000.params",
        "pred_model-symbol.json",
    ]


def test_the_engine_has_its_thread_count(answer: Any) -> None:
    assert int(answer["threads"]) >= 1


def test_a_missing_second_input_is_named(server: ServerProcess) -> None:
    response = server.post(files={"images": b"1234"})
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith("the image is expected in field 'mask'. Found: images.")


def test_every_field_stands_in_the_usage(server: ServerProcess) -> None:
    assert server.get("/").json()["fields"] == ["images", "mask"]
