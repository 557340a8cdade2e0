import json
import os

import mxnet as mx
import numpy as np
from mms.model_service.mxnet_model_service import MXNetBaseService

SIDE = 8


class BadImage(ValueError):
    http_status = 400


class ColourService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self.model_name = model_name
        self._signature = manifest["Model"]["Signature"]
        if not self._signature.get("inputs"):
            self._signature["inputs"] = [{"data_name": "images", "data_shape": [0, 3, SIDE, SIDE]}]
        prefix = os.path.join(model_dir, manifest["Model"]["Symbol"][: -len("-symbol.json")])
        symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
        self.network = mx.mod.Module(symbol, data_names=["images"], label_names=None, context=mx.cpu())
        self.network.bind(for_training=False, data_shapes=[("images", (1, 3, SIDE, SIDE))])
        self.network.set_params(arguments, states, allow_missing=True, allow_extra=True)
        with open(os.path.join(model_dir, "synset.txt")) as stream:
            self.labels = [line.strip() for line in stream if line.strip()]

    @property
    def signature(self):
        return self._signature

    def _preprocess(self, data):
        if not data[0]:
            raise BadImage("an empty file")  # which ends the process of MXNet 1.2.1
        try:
            pixels = mx.img.imdecode(data[0])
            pixels.wait_to_read()
        except Exception:
            raise BadImage("these bytes are no picture: %r" % data[0][:8])
        return [mx.nd.transpose(mx.img.imresize(pixels, SIDE, SIDE), (2, 0, 1)).astype("float32").expand_dims(0)]

    def _inference(self, data):
        self.network.forward(mx.io.DataBatch(data), is_train=False)
        return self.network.get_outputs()[0]

    def _postprocess(self, data):
        probabilities = data.asnumpy()[0]
        print("x" * 1000000)
        best = np.argsort(-probabilities)[:5]
        scores = [[self.labels[each], float(probabilities[each])] for each in best]
        return json.loads(json.dumps({"predicted_label": scores[0][0], "scores": scores}))
