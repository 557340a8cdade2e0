"""Where --pretrained_url finds a network, and what a training takes of it."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mxnet_support import engine
from tests.fixtures_engines import FinishedJob
from tests.networks_of_others import (
    connected_network,
    convolutional_network,
    residual_network,
    save_gluon_network,
    save_network,
)

import recipes
from dataset.preprocessing import MEAN_RGB, STD_RGB
from errors import DataError
from network import starting_point
from network.pretrained_files import digest_of, preprocessing_for, stage_in_pretrained


def options(num_classes: int = 3, **more: Any) -> SimpleNamespace:
    flags = {"num_layers": 18, "image_size": 48, "recipe": recipes.TUTORIAL, "dtype": "float32", **more}
    return SimpleNamespace(num_classes=num_classes, **flags)


def load(prefix: Path, scratch: Path, *, num_classes: int = 3, **more: Any) -> starting_point.Network:
    return starting_point.network_for(options(num_classes, **more), stage_in_pretrained(str(prefix), str(scratch)))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("others")
    save_network(residual_network(), folder / "resnet-18")
    save_network(convolutional_network(), folder / "squeeze")
    save_network(connected_network(), folder / "connected")
    save_gluon_network(folder / "gluon")
    return folder


def train_once(network: starting_point.Network, num_classes: int) -> np.ndarray:
    """Bind a network with its weights as the job does and make one step; returns the answer."""
    mx = engine.import_mxnet()
    module = mx.mod.Module(network.symbol)
    module.bind([("data", (2, 3, 48, 48))], [("softmax_label", (2, num_classes))])
    weights = {name: mx.nd.array(array) for name, array in network.weights.items()}
    module.init_params(mx.init.Xavier(), weights, weights, allow_missing=True)
    module.init_optimizer()
    label = mx.nd.ones((2, num_classes)) / num_classes
    module.forward_backward(mx.io.DataBatch([mx.nd.random.uniform(shape=(2, 3, 48, 48))], [label]))
    module.update()
    return np.asarray(module.get_outputs()[0].asnumpy())


@pytest.mark.parametrize("name", ["resnet-18", "squeeze", "connected", "gluon"])
def test_a_network_of_others_trains_with_a_new_last_layer(name: str, others: Path, tmp_path: Path) -> None:
    network = load(others / name, tmp_path)
    assert train_once(network, 3).shape == (2, 3)
    arguments = network.symbol.list_arguments()
    assert (arguments[0], arguments[-1]) == ("data", "softmax_label")
    assert network.symbol.list_outputs() == ["softmax_output"]


def test_all_weights_but_those_of_the_last_layer_are_taken(others: Path, tmp_path: Path) -> None:
    mx = engine.import_mxnet()
    saved = {name[4:]: array for name, array in mx.nd.load(str(others / "resnet-18-0000.params")).items()}
    network = load(others / "resnet-18", tmp_path)
    assert set(saved) - set(network.weights) == {"fc1_weight", "fc1_bias"}
    for name, array in network.weights.items():
        np.testing.assert_array_equal(array, saved[name].asnumpy())


@pytest.mark.parametrize(("name", "last"), [("gluon", "fc1"), ("connected", "new_fc1"), ("resnet-18", "fc1")])
def test_the_last_layer_is_taken_too_when_it_has_as_many_classes(
    name: str, last: str, others: Path, tmp_path: Path
) -> None:
    assert load(others / name, tmp_path, num_classes=5).weights[f"{last}_weight"].shape[0] == 5
    assert f"{last}_weight" not in load(others / name, tmp_path, num_classes=6).weights


def test_a_network_of_this_job_is_trained_as_such(
    finished_job: FinishedJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    network = load(finished_job.folder, tmp_path, num_classes=4)
    assert "the network is one of this job, ResNet-18" in caplog.text
    assert (
        "100 of the network's 102 weights are taken from the file; the last layer, for 4 classes, begins" in caplog.text
    )
    assert network.symbol.list_arguments() == starting_point.network_for(options(4)).symbol.list_arguments()
    assert "fc1_weight" in load(finished_job.model, tmp_path, num_classes=3).weights


def test_another_depth_of_this_job_keeps_its_own(
    finished_job: FinishedJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    network = load(finished_job.model, tmp_path, num_layers=34)
    assert "stage3_unit6_conv1_weight" not in network.symbol.list_arguments()
    assert "--num_layers and the form of the recipe count for nothing" in caplog.text


def test_missing_unexpected_and_misfitting_weights_are_named(
    others: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mx = engine.import_mxnet()
    prefix = shutil.copy(others / "resnet-18-symbol.json", tmp_path) and tmp_path / "resnet-18"
    weights = mx.nd.load(str(others / "resnet-18-0000.params"))
    del weights["aux:bn1_moving_var"], weights["arg:bn1_gamma"]
    weights["arg:stranger"] = mx.nd.ones(3)
    weights["arg:conv0_weight"] = mx.nd.ones((8, 3, 5, 5))
    mx.nd.save(f"{prefix}-0000.params", weights)
    network = load(prefix, tmp_path)
    assert "begun anew, for the file has none: bn1_gamma, bn1_moving_var" in caplog.text
    assert "unused, for the network has none of that name: stranger" in caplog.text
    assert "conv0_weight (8, 3, 5, 5) in the file, (8, 3, 3, 3) here" in caplog.text
    assert np.isfinite(train_once(network, 3)).all()


@pytest.mark.parametrize(
    ("more", "name", "sentence"),
    [
        ({"dtype": "float16"}, "resnet-18", "only its own networks train in float16"),
        ({"image_size": 16, "dtype": "float32"}, "large", "does not take pictures of 16 x 16 pixels"),
        ({}, "two-inputs", "has the inputs data, second; one is needed, called data"),
        ({}, "pixels", "has the inputs pixels; one is needed, called data"),
    ],
)
def test_a_network_that_cannot_be_trained_here_is_refused(
    more: dict[str, Any], name: str, sentence: str, others: Path, tmp_path: Path
) -> None:
    mx = engine.import_mxnet()
    if name != "resnet-18":
        x = mx.sym.Variable("pixels" if name == "pixels" else "data")
        if name == "two-inputs":
            x = x + mx.sym.Variable("second")
        kernel = (40, 40) if name == "large" else (3, 3)
        x = mx.sym.Convolution(x, num_filter=2, kernel=kernel, no_bias=True, name="conv0")
        x = mx.sym.FullyConnected(x, num_hidden=5, name="fc1")
        mx.sym.SoftmaxOutput(x, name="softmax").save(str(tmp_path / f"{name}-symbol.json"))
        mx.nd.save(str(tmp_path / f"{name}-0000.params"), {"arg:conv0_weight": mx.nd.ones((2, 3, *kernel))})
    with pytest.raises(DataError, match=sentence):
        load((others if name == "resnet-18" else tmp_path) / name, tmp_path, **more)


def rewritten(others: Path, folder: Path, old: str, new: str) -> Path:
    """A copy of the residual network with another text in its symbol."""
    shutil.copy(others / "resnet-18-0000.params", folder)
    text = (others / "resnet-18-symbol.json").read_text()
    assert old in text
    (folder / "resnet-18-symbol.json").write_text(text.replace(old, new))
    return folder / "resnet-18"


def test_operators_and_settings_that_the_engine_lacks_are_named(others: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"operators that MXNet [\d.]+ does not have: TeleportPooling"):
        load(rewritten(others, tmp_path, '"Pooling"', '"TeleportPooling"'), tmp_path)
    with pytest.raises(DataError, match="Cannot find argument 'glow'. It was saved by MXNet"):
        load(rewritten(others, tmp_path, '"global_pool"', '"glow": "1", "global_pool"'), tmp_path)


def test_weights_that_are_damaged_or_not_finite_or_anothers_are_refused(others: Path, tmp_path: Path) -> None:
    mx = engine.import_mxnet()
    prefix = rewritten(others, tmp_path, "x", "x")
    path = Path(f"{prefix}-0000.params")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"resnet-18-0000.params is damaged or no .params file: at byte"):
        load(prefix, tmp_path)
    mx.nd.save(str(path), {"arg:conv0_weight": mx.nd.array([float("nan")])})
    with pytest.raises(DataError, match="holds numbers that are not finite, in conv0_weight"):
        load(prefix, tmp_path)
    mx.nd.save(str(path), {"arg:a": mx.nd.ones(1)})
    with pytest.raises(DataError, match="of the 1 weights in .* the network has none"):
        load(prefix, tmp_path)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_the_newest_weights_of_a_prefix_are_taken(tmp_path: Path) -> None:
    touch(tmp_path, "net-symbol.json", "net-0009.params", "net-0010.params", "net-2-0011.params", "net-0012.states")
    found = stage_in_pretrained(str(tmp_path / "net"), "")
    assert (os.path.basename(found.params_path), found.preprocessing_path) == ("net-0010.params", None)


@pytest.mark.parametrize("given", ["V0001", "V0001/", "V0001/model", "V0001/model/pred_model"])
def test_a_folder_of_this_job_will_do(given: str, tmp_path: Path) -> None:
    touch(tmp_path / "V0001" / "model", "pred_model-symbol.json", "pred_model-0000.params", "preprocessing.json")
    found = stage_in_pretrained(f"{tmp_path}/{given}", "")
    assert [os.path.basename(path) for path in found] == [
        "pred_model-symbol.json",
        "pred_model-0000.params",
        "preprocessing.json",
    ]


@pytest.mark.parametrize(
    ("names", "given", "sentence"),
    [
        ([], "net", "there is neither .*/net-symbol.json nor a folder"),
        (["net-symbol.json"], "net", "holds net-symbol.json and no net-NNNN.params"),
        (["a-symbol.json", "b-symbol.json"], "", "holds 2 networks: a-symbol.json, b-symbol.json. Add the name of one"),
        (["net-symbol.json", "net-0000.params/x"], "net", "net-0000.params in .* is no file"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(names: list[str], given: str, sentence: str, tmp_path: Path) -> None:
    touch(tmp_path, *names)
    with pytest.raises(DataError, match=sentence):
        stage_in_pretrained(str(tmp_path / given), "")


def test_a_network_in_a_bucket_is_copied_with_nothing_else(bucket: str, s3_client: Any, tmp_path: Path) -> None:
    for key in ("m/net-symbol.json", "m/net-0000.params", "m/net-0003.params", "m/other.bin", "top-symbol.json"):
        s3_client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    found = stage_in_pretrained(f"s3://{bucket}/m/net", str(tmp_path))
    assert Path(found.params_path).read_text() == "m/net-0003.params"
    assert sorted(os.listdir(os.path.dirname(found.symbol_path))) == ["net-0003.params", "net-symbol.json"]
    assert stage_in_pretrained(f"obs://{bucket}/m/", str(tmp_path)) == found
    with pytest.raises(DataError, match="no top-NNNN.params"):
        stage_in_pretrained(f"s3://{bucket}/top", str(tmp_path))


def test_pictures_are_normalised_as_the_network_saw_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "net-symbol.json", "net-0000.params")
    files = stage_in_pretrained(str(tmp_path / "net"), "")
    usual = preprocessing_for(options(), files)
    assert (usual.mean_rgb, usual.std_rgb) == (MEAN_RGB, STD_RGB)
    assert "give --rgb_mean=0,0,0 --rgb_std=1,1,1" in caplog.text
    (tmp_path / "preprocessing.json").write_text('{"mean_rgb": [1, 2, 3], "std_rgb": [4, 5, 6]}')
    files = stage_in_pretrained(str(tmp_path / "net"), "")
    beside = preprocessing_for(options(), files)
    assert (beside.mean_rgb, beside.std_rgb, beside.image_size) == ((1, 2, 3), (4, 5, 6), 48)
    assert preprocessing_for(options(rgb_mean=(0, 0, 0)), files)[2:] == ((0, 0, 0), (4, 5, 6))


@pytest.mark.parametrize(
    "content", ["", "[]", '{"mean_rgb": [1, 2, 3]}', '{"mean_rgb": [1], "std_rgb": [1]}', "NaN", "zero", "text"]
)
def test_a_preprocessing_file_that_does_not_tell_is_refused(content: str, tmp_path: Path) -> None:
    touch(tmp_path, "net-symbol.json", "net-0000.params")
    odd: dict[str, Any] = {"NaN": float("nan"), "zero": 0, "text": "x"}
    if content in odd:
        content = json.dumps({"mean_rgb": [1, 2, 3], "std_rgb": [odd[content]] * 3})
    (tmp_path / "preprocessing.json").write_text(content)
    with pytest.raises(DataError, match="Give --rgb_mean and --rgb_std"):
        preprocessing_for(options(), stage_in_pretrained(str(tmp_path / "net"), ""))


def test_the_digest_tells_networks_and_weights_apart(tmp_path: Path) -> None:
    digests = set()
    for name in ("net-symbol.json", "net-0000.params", "net-0000.params"):
        touch(tmp_path, "net-symbol.json", "net-0000.params")
        (tmp_path / name).write_text(f"{len(digests)}")
        digests.add(digest_of(stage_in_pretrained(str(tmp_path / "net"), "")))
    assert len(digests) == 3
