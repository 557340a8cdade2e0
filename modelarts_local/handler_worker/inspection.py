"""Tell whether weights fit a network: `python3.6 inspection.py --support=... SYMBOL PARAMS`; modelarts_local starts it.

Prints one JSON object as its last line:

    {"engine": message}                                              there is no MXNet
    {"problem": {"file": "network" or "weights", "message": ...}}    one of the two cannot be read
    {"inputs": [names], "missing": [names], "mismatched": [[name, shape in the network, shape in the file]],
     "input_shape": [1, ...], "outputs": [shapes],                   shapes are empty where they stay unknown
     "any_size": whether pictures of another height and width fit, too}
"""

import argparse
import importlib
import json
import math
import resource
import sys

_WEIGHT_ENDINGS = ("_weight", "_bias", "_gamma", "_beta", "_mean", "_var", "_parameters", "_alpha")
# Tried in turn until all weights fit: a network with global pooling takes any size
_SIDES = (224, 299, 28, 32, 64, 128, 227, 256)
_CHANNELS = (3, 1, 4)
_MAX_SIDE = 4096
_CHECK = "Check failed: "  # begins what matters in an error of MXNet


def main(argv=None):
    """Inspect the two files that the command line names; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    if arguments.memory_limit:
        resource.setrlimit(resource.RLIMIT_AS, (arguments.memory_limit, arguments.memory_limit))
    sys.path.insert(0, arguments.support)
    try:
        mx = importlib.import_module("mxnet_support.engine").import_mxnet()
    except ImportError as error:
        found = {"engine": str(error)}
    else:
        found = inspect(mx, arguments.symbol, arguments.params, arguments.shape)
    sys.stdout.write("\n" + json.dumps(found) + "\n")
    return 0


def build_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="inspection", description="Compare weights with a network.")
    parser.add_argument("symbol", help="the network, *-symbol.json")
    parser.add_argument("params", help="the weights, *.params")
    parser.add_argument("--support", required=True, help="folder that holds mxnet_support")
    parser.add_argument("--shape", type=json.loads, default=[], help="JSON of the input's shape, where it is known")
    parser.add_argument("--memory-limit", type=int, default=0, help="bytes of address space; 0: without a limit")
    return parser


def inspect(mx, symbol_path, params_path, known_shape):
    """Return what the module's docstring promises.

    known_shape: (batch, channels, height, width) of the deployment, or empty.
    """
    try:
        symbol = mx.sym.load(symbol_path)
        arguments, auxiliary = symbol.list_arguments(), symbol.list_auxiliary_states()
    except Exception as error:
        return {"problem": {"file": "network", "message": one_line(error)}}
    try:
        weights = load_weights(mx, params_path)
    except Exception as error:
        return {"problem": {"file": "weights", "message": one_line(error)}}
    unset = [name for name in arguments if name not in weights["arg"] and not name.endswith("label")]
    inputs = [name for name in unset if not name.endswith(_WEIGHT_ENDINGS)]
    missing = [name for name in unset if name not in inputs]
    missing += [name for name in auxiliary if name not in weights["aux"]]
    found = {"inputs": inputs, "missing": missing, "mismatched": [], "input_shape": [], "outputs": []}
    found["any_size"] = False
    if len(inputs) == 1:
        found.update(shapes_of(symbol, inputs[0], weights, known_shape))
    return found


def load_weights(mx, path):
    """Return {"arg": {name: shape}, "aux": {name: shape}}.

    Raises ValueError for names that do not say which of the two they are, as a checkpoint's do.
    """
    loaded = mx.nd.load(path)
    if not isinstance(loaded, dict):
        raise ValueError("the arrays have no names; it was not written by save_checkpoint")
    weights = {"arg": {}, "aux": {}}
    for full_name, array in loaded.items():
        kind, _, name = full_name.partition(":")
        if kind not in weights or not name:
            raise ValueError(f"it has an array called {full_name[:80]!r}; a checkpoint's begin with arg: or aux:")
        weights[kind][name] = [int(length) for length in array.shape]
    return weights


def shapes_of(symbol, name, weights, known_shape):
    """Return mismatched, input_shape, outputs and any_size for the input's shape under which the weights fit best."""
    best, nearest = None, 0
    for shape in candidates(weights["arg"], known_shape):
        fit = fit_of(symbol, name, weights, shape)
        if fit is None:
            continue
        mismatched, outputs = fit
        distance = sum(axes_apart(inferred, held) for _, inferred, held in mismatched)
        if best is None or distance < nearest:
            nearest = distance
            best = {
                "mismatched": mismatched,
                "input_shape": list(shape),
                "outputs": outputs,
            }
        if not mismatched:
            larger = fit_of(symbol, name, weights, shape[:2] + [2 * length for length in shape[2:]])
            best["any_size"] = larger is not None and not larger[0]
            break
    return best or {}


def fit_of(symbol, name, weights, shape):
    """Return (mismatched, outputs) for one shape of the input; None where the network does not take it."""
    try:
        argument_shapes, output_shapes, auxiliary_shapes = symbol.infer_shape_partial(**{name: tuple(shape)})
    except Exception:  # MXNet's own error, of a class that its versions name differently
        return None
    mismatched = differing(symbol.list_arguments(), argument_shapes, weights["arg"])
    mismatched += differing(symbol.list_auxiliary_states(), auxiliary_shapes, weights["aux"])
    return mismatched, [list(output or ()) for output in output_shapes or ()]


def differing(names, inferred_shapes, held):
    """Return [name, inferred shape, held shape] where a shape is known in the network and another in the file."""
    return [
        [name, list(inferred), held[name]]
        for name, inferred in zip(names, inferred_shapes or ())
        if inferred and 0 not in inferred and name in held and list(inferred) != held[name]
    ]


def axes_apart(one, other):
    """Count the axes in which two shapes differ."""
    return sum(a != b for a, b in zip(one, other)) + abs(len(one) - len(other))


def candidates(arguments, known_shape):
    """Yield shapes of one picture, the known one first, then those that a fully connected first layer has."""
    if len(known_shape) == 4:
        yield [1] + known_shape[1:]
    widths = {shape[1] for shape in arguments.values() if len(shape) == 2}
    sides = list(_SIDES)
    for channels in _CHANNELS:
        for width in sorted(widths):
            side = int(round(math.sqrt(width / float(channels))))
            if channels * side * side == width and 1 <= side <= _MAX_SIDE and side not in sides:
                sides.append(side)
    for side in sides:
        for channels in _CHANNELS:
            yield [1, channels, side, side]


def one_line(error):
    """Return what an exception says on one line of at most 300 characters; MXNet's own say it in the middle."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line[line.index(_CHECK) :] for line in lines if _CHECK in line]
    return (telling or lines[-1:] or [type(error).__name__])[0][:300]


if __name__ == "__main__":
    # Python has put this folder first on the path, where our modules would stand in for others of their names
    del sys.path[0]
    sys.exit(main())
