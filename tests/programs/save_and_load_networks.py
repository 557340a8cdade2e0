"""Save networks with this engine, then load those that another engine has saved: one line of JSON a network.

python save_and_load_networks.py FOLDER_TO_SAVE_IN FOLDER_OF_THE_OTHER
"""

import glob
import json
import os
import sys
import types

from mxnet_support import engine

import recipes
from network import pretrained_files, starting_point

mx = engine.import_mxnet()
END = "-symbol.json"
OPTIONS = types.SimpleNamespace(num_classes=3, num_layers=18, image_size=48, recipe=recipes.MODERN, dtype="float32")

own, other = sys.argv[1:]
x = mx.sym.Convolution(mx.sym.Variable("data"), num_filter=4, kernel=(3, 3), stride=(2, 2), name="conv0")
x = mx.sym.Pooling(mx.sym.BatchNorm(x, name="bn0"), global_pool=True, kernel=(7, 7), pool_type="avg")
x = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=5, name="fc1"), name="softmax")
module = mx.mod.Module(x)
module.bind([("data", (1, 3, 48, 48))], [("softmax_label", (1,))])
module.init_params(mx.init.One())
module.save_checkpoint(os.path.join(own, "small"), 0)

for path in sorted(glob.glob(os.path.join(other, "*" + END))):
    network = starting_point.network_for(OPTIONS, pretrained_files.stage_in_pretrained(path[: -len(END)], own))
    module = mx.mod.Module(network.symbol)
    module.bind([("data", (1, 3, 48, 48))], [("softmax_label", (1, 3))])
    weights = {name: mx.nd.array(array) for name, array in network.weights.items()}
    module.init_params(mx.init.Xavier(), weights, weights, allow_missing=True)
    module.forward(mx.io.DataBatch([mx.nd.ones((1, 3, 48, 48))]), is_train=False)
    answer = module.get_outputs()[0].asnumpy()
    print(json.dumps([os.path.basename(path), mx.__version__, list(answer.shape), len(weights)]))
