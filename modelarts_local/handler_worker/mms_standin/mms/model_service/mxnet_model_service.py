"""The base class of every MXNet handler on ModelArts."""

import json
import logging
import os

import mxnet as mx

from .model_service import SingleNodeService

logger = logging.getLogger(__name__)

SYMBOL_ENDING = "-symbol.json"
PARAMS_ENDING = ".params"


class MXNetBaseService(SingleNodeService):
    """Loads the checkpoint of a model folder and runs it; a handler overrides the steps it wants."""

    def __init__(self, model_name, model_dir, manifest, gpu=None):
        """Load and bind the network for one image at a time.

        manifest: names the files under manifest['Model']: 'Symbol', 'Parameters', and 'Signature', which is
            the signature itself as on ModelArts, or the name of a JSON file as in the open-source server.
        gpu: number of the GPU; None runs on the CPU.

        Raises ValueError when the signature names no inputs, and what MXNet raises for files it cannot load.
        """
        self.model_name = model_name
        # documented attribute: for MXNet it is the folder, and only this constructor sets it
        self.model_path = model_dir
        self.ctx = mx.cpu() if gpu is None else mx.gpu(int(gpu))
        self._signature = _read_signature(model_dir, manifest["Model"]["Signature"])
        self.param_filename = manifest["Model"]["Parameters"]
        for spec in self._signature["inputs"]:
            # one image at a time, 1 for each open length; the server writes this into the signature itself
            spec["data_shape"] = [1, *(length or 1 for length in spec["data_shape"][1:])]
        shapes = [(spec["data_name"], tuple(spec["data_shape"])) for spec in self._signature["inputs"]]

        prefix = os.path.join(model_dir, manifest["Model"]["Symbol"][: -len(SYMBOL_ENDING)])
        epoch = _epoch_of(self.param_filename, model_name)
        symbol, arg_params, aux_params = mx.model.load_checkpoint(prefix, epoch)
        self.mx_model = mx.mod.Module(
            symbol=symbol, context=self.ctx, data_names=[name for name, _ in shapes], label_names=None
        )
        self.mx_model.bind(for_training=False, data_shapes=shapes)
        self.mx_model.set_params(arg_params, aux_params, allow_missing=True, allow_extra=True)

        synset_path = os.path.join(model_dir, "synset.txt")
        if os.path.isfile(synset_path):
            with open(synset_path, encoding="utf-8") as synset:
                self.labels = [line.strip() for line in synset]

    @property
    def signature(self):
        """Names and shapes of the inputs and outputs."""
        return self._signature

    def ping(self):
        """Return MXNet's version."""
        return str(mx.__version__)

    def _preprocess(self, data):
        return map(mx.nd.array, data)

    def _inference(self, data):
        check_input_shape(data, self.signature)
        self.mx_model.forward(mx.io.DataBatch([array.as_in_context(self.ctx) for array in data]))
        outputs = self.mx_model.get_outputs()
        # MXNet computes lazily; waiting here makes a failed operator fail in this step
        for output in outputs:
            output.wait_to_read()
        return outputs

    def _postprocess(self, data):
        return [str(array.asnumpy().tolist()) for array in data]


def check_input_shape(inputs, signature):
    """Check that `inputs` is a list of arrays of the signature's shapes, the batch axis aside.

    A 0 in the signature's shape admits any length.

    Raises TypeError for what is no list of NDArray, ValueError for another number or shape.
    """
    expected_inputs = signature["inputs"]
    if not isinstance(inputs, list):
        raise TypeError(f"_preprocess returned {type(inputs).__name__}; _inference takes a list of NDArray.")
    if len(inputs) != len(expected_inputs):
        raise ValueError(f"_preprocess returned {len(inputs)} arrays for {len(expected_inputs)} inputs.")
    for array, expected in zip(inputs, expected_inputs):
        if not isinstance(array, mx.nd.NDArray):
            raise TypeError(f"_preprocess returned a list of {type(array).__name__}; each entry is NDArray.")
        lengths = tuple(expected["data_shape"])
        fits = len(array.shape) == len(lengths) and all(
            length in (0, found) for found, length in zip(array.shape[1:], lengths[1:])
        )
        if not fits:
            name = expected["data_name"]
            raise ValueError(f"input {name!r} has shape {array.shape}; the signature says {lengths}.")


def _read_signature(model_dir, signature):
    if isinstance(signature, str):
        with open(os.path.join(model_dir, signature), encoding="utf-8") as file:
            signature = json.load(file)
    if not signature.get("inputs"):
        raise ValueError(
            "the signature has no inputs. Set input_data_name and input_data_shape in the environment, or "
            "fill manifest['Model']['Signature']['inputs'] before calling MXNetBaseService.__init__."
        )
    return signature


def _epoch_of(params_file, model_name):
    digits = params_file[len(model_name) + 1 : -len(PARAMS_ENDING)]
    if digits.isdigit():
        return int(digits)
    # the platform falls back to 0 as well, which is why a file called <prefix>-0000.params always loads
    logger.info("%s does not name an epoch after %r; epoch 0 is loaded", params_file, model_name)
    return 0
