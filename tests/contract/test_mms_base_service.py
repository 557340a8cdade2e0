"""MXNetBaseService of the stand-in loads and runs a model folder as version 0.4.0 does."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from mxnet_support import engine
from tests.model_packages import COLOURS, write_colour_package

STAND_IN_FOLDER = Path(__file__).resolve().parents[2] / "modelarts_local" / "handler_worker" / "mms_standin"


def signature() -> dict[str, Any]:
    return {"inputs": [{"data_name": "images", "data_shape": [0, 3, 8, 8]}]}


@pytest.fixture(scope="module")
def base_class() -> Any:
    engine.import_mxnet()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STAND_IN_FOLDER))
        yield importlib.import_module("mms.model_service.mxnet_model_service").MXNetBaseService


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_package(tmp_path_factory.mktemp("colour")) / "model"


def load(base_class: Any, model_dir: Path, signature: Any, name: str = "pred_model") -> Any:
    files = {"Symbol": "pred_model-symbol.json", "Parameters": "pred_model-0000.params"}
    return base_class(name, str(model_dir), {"Model": {"Signature": signature, **files}})


def test_signature_dict_is_the_handlers_own_and_gets_the_bound_lengths(base_class: Any, model_dir: Path) -> None:
    given = signature()
    service = load(base_class, model_dir, given)
    assert service.signature is given
    assert given["inputs"][0]["data_shape"] == [1, 3, 8, 8]


def test_signature_may_be_a_file_in_the_model_folder(base_class: Any, model_dir: Path) -> None:
    (model_dir / "signature.json").write_text(json.dumps(signature()))
    assert load(base_class, model_dir, "signature.json").signature["inputs"][0]["data_name"] == "images"


def test_labels_come_from_synset_txt(base_class: Any, model_dir: Path) -> None:
    assert load(base_class, model_dir, signature()).labels == list(COLOURS)


def test_epoch_0_is_loaded_when_the_model_is_named_otherwise(base_class: Any, model_dir: Path) -> None:
    assert load(base_class, model_dir, signature(), name="a_longer_name_than_the_file").mx_model.binded


def test_inference_runs_the_network_on_a_list_of_arrays(base_class: Any, model_dir: Path) -> None:
    mx = engine.import_mxnet()
    image = mx.nd.zeros((1, 3, 8, 8))
    image[0, 1] = 255  # green
    (probabilities,) = load(base_class, model_dir, signature())._inference([image])
    assert probabilities.shape == (1, len(COLOURS))
    assert COLOURS[int(probabilities.asnumpy().argmax())] == "green"


def test_ping_tells_the_version_of_mxnet(base_class: Any, model_dir: Path) -> None:
    assert load(base_class, model_dir, signature()).ping() == engine.import_mxnet().__version__
