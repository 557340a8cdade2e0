"""Where a network takes pictures of any size, check names the handler's size, and none where nobody states one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelarts_local.check.package.checking import PackageSettings, check_package
from mxnet_support import engine
from tests.faultless_package import HANDLER, write_faultless_package
from tests.model_packages import COLOURS

SIDE = 48
REFUSING = """
        if self._signature["inputs"][0]["data_shape"][1:] != [3, SIDE, SIDE]:
            raise ValueError("this model takes 0,3,%d,%d" % (SIDE, SIDE))
"""
PREFIX = '        prefix = os.path.join(model_dir, manifest["Model"]'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package for pictures of 48 x 48 whose network has global pooling."""
    mx = engine.import_mxnet()
    model = write_faultless_package(tmp_path_factory.mktemp("any") / "V0001") / "model"
    handler = HANDLER.replace("SIDE = 8", f"SIDE = {SIDE}").replace(PREFIX, f"{REFUSING[1:]}{PREFIX}")
    (model / "customize_service.py").write_text(handler)
    pooled = mx.sym.Pooling(mx.sym.Variable("images"), global_pool=True, kernel=(1, 1), pool_type="avg")
    network = mx.sym.softmax(mx.sym.FullyConnected(mx.sym.Flatten(pooled), num_hidden=len(COLOURS), name="fc"))
    network.save(str(model / "pred_model-symbol.json"))
    weights = {"arg:fc_weight": mx.nd.ones((len(COLOURS), 3)), "arg:fc_bias": mx.nd.zeros((len(COLOURS),))}
    mx.nd.save(str(model / "pred_model-0000.params"), weights)
    return model


def findings(model: Path, shape: str, run: bool = True) -> list[tuple[str, str, str]]:
    environ = {"input_data_name": "images", "input_data_shape": shape, "output_data_shape": "0,5"}
    found = check_package(str(model.parent), "V0001", PackageSettings(environ=environ, run=run))
    return [(one.rule, one.expected, one.remedy) for one in found]


def test_the_size_that_a_remedy_names_is_the_handlers_and_obeying_it_helps(model: Path) -> None:
    remedy = "Write input_data_shape=0,3,48,48."
    assert findings(model, "3,48,48") == [("M8", "4 lengths, 0,3,48,48, as the handler has it", remedy)]
    assert findings(model, "0,3,224,224") == [("M8", "0,3,48,48, as the handler has it", remedy)]
    assert findings(model, "0,3,48,48") == []


def test_without_running_it_the_size_is_that_of_preprocessing_json_or_none(model: Path) -> None:
    anything = "Write input_data_shape=0,3,H,W, with the height and width to which the handler brings its pictures."
    assert findings(model, "3,48,48", run=False) == [("M8", "4 lengths, 0,3,H,W", anything)]
    for size, expected in ((SIDE, "4 lengths, 0,3,48,48, as preprocessing.json has it"), (-1, "4 lengths, 0,3,H,W")):
        (model / "preprocessing.json").write_text(json.dumps({"image_size": size}))
        assert [one[1] for one in findings(model, "3,48,48", run=False)] == [expected]
    (model / "preprocessing.json").unlink()
