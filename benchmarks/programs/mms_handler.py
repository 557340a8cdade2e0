"""The model package for multi-model-server 1.1, with the usual handler of its users: Pillow and a bound Module.

Runs in that server's worker; model-archiver packs it beside network and weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Sequence

import mxnet as mx
import numpy as np

from benchmarks.programs.packaged_model import read_package


class PictureService:
    """Loads the network once and answers the requests that the server hands over together, of which it has one."""

    def __init__(self) -> None:
        self.initialized = False

    def initialize(self, context: Any) -> None:
        """Load and bind the network of the model's folder."""
        properties = context.system_properties
        folder = Path(properties["model_dir"])
        self.package = read_package(folder)
        self.batch_size = int(properties.get("batch_size") or 1)
        symbol, arguments, states = mx.model.load_checkpoint(str(folder / self.package.prefix), 0)
        side = self.package.side
        self.network = mx.mod.Module(symbol, data_names=["data"], label_names=None, context=mx.cpu())
        self.network.bind([("data", (self.batch_size, 3, side, side))], for_training=False)
        self.network.set_params(arguments, states, allow_missing=True, allow_extra=True)
        self.initialized = True

    def handle(self, data: Sequence[Mapping[str, bytes]]) -> list[str]:
        """Answer the requests of one batch."""
        pictures = np.stack([self.package.prepare(bytes(request["images"])) for request in data])
        self.network.forward(mx.io.DataBatch([mx.nd.array(pictures)]), is_train=False)
        rows = self.network.get_outputs()[0].asnumpy()
        return [json.dumps(self.package.answer(row)) for row in rows]


_service = PictureService()


def handle(data: Sequence[Mapping[str, bytes]] | None, context: Any) -> list[str] | None:
    """What the server calls: without data when the model is loaded, then for each batch."""
    if not _service.initialized:
        _service.initialize(context)
    return None if data is None else _service.handle(data)
