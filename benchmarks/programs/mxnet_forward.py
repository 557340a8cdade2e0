"""Time a package's network by MXNet, bound as the handler does: `python -m benchmarks.programs.mxnet_forward MODEL`."""

from __future__ import annotations

from typing import Callable

import numpy as np

from benchmarks.programs.forward import parse_forward, time_forward
from benchmarks.programs.packaged_model import read_package
from mxnet_support import engine


def main() -> None:
    """Print the speed for each batch."""
    options = parse_forward("the folder model/ of a package")
    mx = engine.import_mxnet()
    prefix = options.network / read_package(options.network).prefix
    symbol, arguments, states = mx.model.load_checkpoint(str(prefix), 0)

    def runner_for(pictures: np.ndarray) -> Callable[[], object]:
        network = mx.mod.Module(symbol, data_names=["data"], label_names=None, context=mx.cpu())
        network.bind([("data", pictures.shape)], for_training=False)
        network.set_params(arguments, states, allow_missing=True, allow_extra=True)
        batch = mx.io.DataBatch([mx.nd.array(pictures)])

        def run() -> object:
            network.forward(batch, is_train=False)
            return network.get_outputs()[0].asnumpy()

        return run

    time_forward(options, runner_for)


if __name__ == "__main__":
    main()
