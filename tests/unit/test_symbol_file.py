"""Reading MXNet's symbol files before MXNet does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.networks_of_others import residual_network

from network.symbol_file import SymbolFormatError, read_symbol

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def graph_text() -> str:
    return str(residual_network().tojson())


def read(text: str, folder: Path) -> Any:
    (folder / "x-symbol.json").write_text(text)
    return read_symbol(str(folder / "x-symbol.json"))


def changed(text: str, change: Change) -> str:
    graph = json.loads(text)
    change(graph)
    return json.dumps(graph)


def node(graph: dict[str, Any], name: str) -> Any:
    return next(node for node in graph["nodes"] if node["name"] == name)


def test_the_last_layer_with_weights_is_found(graph_text: str, tmp_path: Path) -> None:
    saved = read(graph_text, tmp_path)
    assert saved.head[:3] == ("fc1", "FullyConnected", ("fc1_weight", "fc1_bias"))
    assert saved.head.features.startswith("flatten")  # MXNet counts them
    assert "Convolution" in saved.operators and saved.saved_by.count(".") == 2


def test_first_values_shapes_and_devices_are_left_out_and_decay_is_kept(graph_text: str, tmp_path: Path) -> None:
    marks = {"__init__": '["load", {"param": "/etc/passwd"}]', "__ctx_group__": "x", "__shape__": "(9,)"}
    marks.update(__wd_mult__="0.0", __lr_mult__="nonsense")
    text = changed(graph_text, lambda graph: node(graph, "conv0_weight")["attrs"].update(marks))
    settings = node(json.loads(read(text, tmp_path).text), "conv0_weight")["attrs"]
    assert {key for key in settings if key.startswith("__")} == {"__wd_mult__"}
    assert settings["kernel"] == "(3, 3)"


def test_settings_of_newer_versions_that_change_nothing_are_left_out(graph_text: str, tmp_path: Path) -> None:
    text = changed(graph_text, lambda graph: node(graph, "pool1")["attrs"].update(layout="NCHW"))
    assert "layout" not in node(json.loads(read(text, tmp_path).text), "pool1")["attrs"]


def test_a_sum_begins_with_the_input_that_is_computed_last(graph_text: str, tmp_path: Path) -> None:
    sums = [node for node in json.loads(read(graph_text, tmp_path).text)["nodes"] if node["op"] == "elemwise_add"]
    assert [[first > second for (first, *_), (second, *_) in [node["inputs"]]] for node in sums] == [[True]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda graph: node(graph, "conv0").update(inputs=[[9000, 0, 0]]), "takes its input from node 9000"),
        (lambda graph: node(graph, "conv0").update(inputs=[[-1, 0, 0]]), "takes its input from node -1"),
        (lambda graph: node(graph, "conv0").update(inputs=[[0, 1000000, 0]]), "output 1000000 of node 0, which has 1"),
        (lambda graph: node(graph, "conv0").update(op="_Native"), "'conv0' is a _Native, which runs more"),
        (lambda graph: node(graph, "conv0").update(op="Custom"), "'conv0' is a Custom"),
        (lambda graph: node(graph, "conv0").update(subgraphs=[{}]), "which runs more than the file holds"),
        (lambda graph: node(graph, "conv0_weight").update(name="data"), "have one name"),
        (lambda graph: node(graph, "conv0").update(name=["a"]), "has no readable name"),
        (lambda graph: graph.update(heads=graph["heads"] * 2), "it has 2 outputs"),
        (lambda graph: graph.update(heads=[]), "it has 0 outputs"),
        (lambda graph: graph.update(heads=[[1, 0, 0]]), "a FullyConnected or a 1 x 1 Convolution is looked for"),
        (lambda graph: graph.update(attrs={"mxnet_version": ["int", "x"]}), "mxnet_version is 'x'"),
        (lambda graph: graph.pop("nodes"), "it is not what MXNet writes"),
        (lambda graph: graph.update(nodes=5), "it is not what MXNet writes"),
        (lambda graph: graph["nodes"].insert(0, 7), "it is not what MXNet writes"),
    ],
)
def test_a_hostile_network_is_refused_with_a_sentence(
    change: Change, sentence: str, graph_text: str, tmp_path: Path
) -> None:
    with pytest.raises(SymbolFormatError, match=sentence):
        read(changed(graph_text, change), tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", "[" * 100000, "null"])
def test_what_is_no_network_at_all_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SymbolFormatError, match="it is not what MXNet writes"):
        read(text, tmp_path)
