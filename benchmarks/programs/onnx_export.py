"""Write the network of a model package as ONNX: `python -m benchmarks.programs.onnx_export MODEL FILE`.

For the layers that residual networks have. With --int8=FILE it also quantizes the network as ONNX Runtime advises: for
convolutions of each channel by itself, in QDQ form, with the ranges that pictures have.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.programs.packaged_model import Package, read_package

from network.params_file import read_params

OPSET = 17
LABEL = "softmax_label"


def main(argv: Sequence[str] | None = None) -> None:
    """Write the files."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path, help="the folder model/ of a package")
    parser.add_argument("output", type=Path)
    parser.add_argument("--int8", type=Path, metavar="FILE")
    parser.add_argument("--pictures", type=Path, nargs="+", default=[], help="that tell the ranges for --int8")
    options = parser.parse_args(argv)
    package = read_package(options.model)
    graph = json.loads((options.model / f"{package.prefix}-symbol.json").read_text(encoding="utf-8"))
    weights = read_params(str(options.model / f"{package.prefix}-0000.params"))
    onnx.save(to_onnx(graph, weights, package.side), str(options.output))
    if options.int8:
        quantize(options.output, options.int8, package, options.pictures)


def to_onnx(graph: Mapping[str, Any], weights: Mapping[str, np.ndarray], side: int) -> onnx.ModelProto:
    """Return the model, from `data` (N, 3, side, side) to the probabilities (N, classes), for any N.

    graph: content of MXNet's *-symbol.json. Exits with a sentence for a layer that is not known here.
    """
    nodes = graph["nodes"]
    layers, used = [], {}
    for node in nodes:
        inputs = [nodes[entry[0]]["name"] for entry in node["inputs"]]
        if node["op"] == "null":
            continue
        if node["op"] not in LAYERS:
            sys.exit(
                f"the network has a layer {node['op']}, which this export does not know; it knows {', '.join(LAYERS)}"
            )
        inputs = [name for name in inputs if name != LABEL]
        used.update({name: weights[name] for name in inputs if name in weights})
        layers.append(LAYERS[node["op"]](node["name"], inputs, node.get("attrs", {}), used))
    last = nodes[graph["heads"][0][0]]["name"]
    return helper.make_model(
        helper.make_graph(
            layers,
            "package",
            [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 3, side, side])],
            [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["N", None])],
            [numpy_helper.from_array(array, name) for name, array in used.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )


Attributes = Mapping[str, str]


def _pair(attributes: Attributes, name: str, default: tuple[int, int]) -> list[int]:
    return list(ast.literal_eval(attributes.get(name, "()")) or default)


def _is_true(attributes: Attributes, name: str) -> bool:
    return attributes.get(name, "False") in ("True", "1")


def _window(attributes: Attributes) -> dict[str, list[int]]:
    return {
        "kernel_shape": _pair(attributes, "kernel", (1, 1)),
        "strides": _pair(attributes, "stride", (1, 1)),
        "pads": _pair(attributes, "pad", (0, 0)) * 2,
    }


def _convolution(name: str, inputs: Sequence[str], attributes: Attributes, weights: Any) -> onnx.NodeProto:
    groups = int(attributes.get("num_group", "1"))
    dilations = _pair(attributes, "dilate", (1, 1))
    return helper.make_node("Conv", inputs, [name], name, group=groups, dilations=dilations, **_window(attributes))


def _batch_norm(name: str, inputs: Sequence[str], attributes: Attributes, weights: Any) -> onnx.NodeProto:
    if attributes.get("fix_gamma", "True") in ("True", "1"):
        weights[inputs[1]] = np.ones_like(weights[inputs[1]])
    return helper.make_node("BatchNormalization", inputs, [name], name, epsilon=float(attributes.get("eps", "1e-3")))


def _activation(name: str, inputs: Sequence[str], attributes: Attributes, weights: Any) -> onnx.NodeProto:
    if attributes["act_type"] != "relu":
        sys.exit(f"{name} is an activation {attributes['act_type']}; this export knows relu only")
    return helper.make_node("Relu", inputs, [name], name)


def _pooling(name: str, inputs: Sequence[str], attributes: Attributes, weights: Any) -> onnx.NodeProto:
    kind = {"max": "MaxPool", "avg": "AveragePool"}[attributes.get("pool_type", "max")]
    if _is_true(attributes, "global_pool"):
        return helper.make_node("Global" + kind, inputs, [name], name)
    is_full = attributes.get("pooling_convention", "valid") == "full"
    more = {"count_include_pad": int(not is_full)} if kind == "AveragePool" else {}
    return helper.make_node(kind, inputs, [name], name, ceil_mode=int(is_full), **more, **_window(attributes))


def _fully_connected(name: str, inputs: Sequence[str], attributes: Attributes, weights: Any) -> onnx.NodeProto:
    return helper.make_node("Gemm", inputs, [name], name, transB=1)


def _plain(op: str) -> Callable[..., onnx.NodeProto]:
    return lambda name, inputs, attributes, weights: helper.make_node(op, inputs, [name], name)


LAYERS: Mapping[str, Callable[..., onnx.NodeProto]] = {
    "Convolution": _convolution,
    "BatchNorm": _batch_norm,
    "Activation": _activation,
    "Pooling": _pooling,
    "FullyConnected": _fully_connected,
    "Flatten": _plain("Flatten"),
    "elemwise_add": _plain("Add"),
    "SoftmaxOutput": _plain("Softmax"),
}


class _Pictures(CalibrationDataReader):
    def __init__(self, package: Package, paths: Sequence[Path]) -> None:
        self._left: Iterator[dict[str, np.ndarray]] = (
            {"data": package.prepare(path.read_bytes())[np.newaxis]} for path in paths
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._left, None)


def quantize(network: Path, output: Path, package: Package, pictures: Sequence[Path]) -> None:
    """Write the INT8 form of a network, with the ranges that it has on `pictures`.

    Activations are unsigned, which is the fast form on x86-64. Weights are signed where the processor multiplies both
    exactly (VNNI); where it does not, sums of such products are cut off and unsigned ones are as fast.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # BatchNorm goes into the convolutions first; all shapes but N are known without sympy's help
        quant_pre_process(str(network), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(output),
            _Pictures(package, pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8 if has_vnni() else QuantType.QUInt8,
        )


def has_vnni() -> bool:
    """Whether the processor multiplies bytes and sums them up exactly in one instruction; False where it is unknown."""
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
