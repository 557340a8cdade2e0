"""Write a package of the job's own network with random weights: `python -m benchmarks.programs.random_package ...`.

Such a network costs as much as a trained one. It is drawn so that it also answers like one: BatchNorm has the
statistics of the pictures that are given, and the last layer tells these pictures apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from PIL import Image

from mxnet_support import engine

import export
import recipes
import staging
from dataset.preprocessing import Preprocessing, prepare_image, to_upright_rgb

SEED = 34
LOGIT_SPREAD = 3.0  # standard deviation from picture to picture: the best of 102 classes gets about a half
MAIN_AXES = 8  # along which the features of the pictures differ most; the smaller ones are noise
RECIPE = recipes.MODERN._replace(zero_init=0)  # a unit that starts at zero would add nothing


def main(argv: Sequence[str] | None = None) -> None:
    """Write the package."""
    options = build_parser().parse_args(argv)
    preprocessing = Preprocessing.for_image_size(options.image_size)
    pictures = np.stack([_prepared(path, preprocessing) for path in options.pictures])
    symbol, arguments, states = draw_network(options, pictures)
    mx = engine.import_mxnet()
    with tempfile.TemporaryDirectory() as scratch:
        weights = str(Path(scratch) / "weights.params")
        named = {f"arg:{name}": array for name, array in arguments.items()}
        mx.nd.save(weights, {**named, **{f"aux:{name}": array for name, array in states.items()}})
        names = [f"class {number:03d}" for number in range(1, options.classes + 1)]
        output = staging.OutputFolder(str(options.output), scratch)
        export.write_model(output, symbol, weights, names, preprocessing, {})


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_layers", type=int, required=True)
    parser.add_argument("--image_size", type=int, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="the folder that will hold model/")
    parser.add_argument("pictures", type=Path, nargs="+")
    return parser


def _prepared(path: Path, preprocessing: Preprocessing) -> np.ndarray:
    with Image.open(path) as image:
        return prepare_image(to_upright_rgb(image), preprocessing)


def draw_network(options: argparse.Namespace, pictures: np.ndarray) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return the symbol, its weights and its statistics. pictures: float32 (N, 3, S, S)."""
    from network import resnet  # loads MXNet

    mx = engine.import_mxnet()
    mx.random.seed(SEED)
    np.random.seed(SEED)
    symbol = resnet.get_symbol(options.classes, options.num_layers, options.image_size, RECIPE)
    module = mx.mod.Module(_remembering_last_batch(symbol), label_names=["softmax_label"], context=mx.cpu())
    shapes = [("data", pictures.shape)], [("softmax_label", (len(pictures),))]
    module.bind(*shapes)
    module.init_params(mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2))
    labels = mx.nd.zeros((len(pictures),))
    module.forward_backward(mx.io.DataBatch([mx.nd.array(pictures)], [labels]))  # statistics are set on the way back
    arguments, states = module.get_params()
    last = symbol.get_internals()["flatten0_output"]
    features = mx.mod.Module(last, label_names=None, context=mx.cpu())
    features.bind(shapes[0], for_training=False)
    features.set_params(arguments, states, allow_extra=True)
    features.forward(mx.io.DataBatch([mx.nd.array(pictures)]), is_train=False)
    weight, bias = _last_layer(features.get_outputs()[0].asnumpy(), options.classes)
    return symbol, {**arguments, "fc1_weight": mx.nd.array(weight), "fc1_bias": mx.nd.array(bias)}, states


def _remembering_last_batch(symbol: Any) -> Any:
    """The same network, whose running means are those of the last batch alone."""
    graph = json.loads(symbol.tojson())
    for node in graph["nodes"]:
        if node["op"] == "BatchNorm":
            node["attrs"]["momentum"] = "0"
    return engine.import_mxnet().sym.load_json(json.dumps(graph))


def _last_layer(features: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (classes, C) and bias (classes,) that spread the features (N, C) of the pictures over the classes."""
    mean = features.mean(axis=0)
    _, spread, axes = np.linalg.svd(features - mean, full_matrices=False)
    kept = min(MAIN_AXES, len(features) - 1)
    # each axis counts alike: by the first alone all pictures would be of two classes
    weight = np.random.normal(size=(classes, kept)) @ (axes[:kept] / spread[:kept, np.newaxis])
    weight *= LOGIT_SPREAD / ((features - mean) @ weight.T).std()
    return weight, -mean @ weight.T


if __name__ == "__main__":
    main(sys.argv[1:])
