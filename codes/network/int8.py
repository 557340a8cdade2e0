"""A network with 8-bit integers in place of most of its floats, as oneDNN runs it in MXNet 1.9.1 on CPUs.

Weights are rounded when the network is bound, what flows between the layers while it is computed: how large it gets is
found out by sending pictures through (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2017).
"""
import json

import numpy as np
from mxnet_support import engine

from errors import DataError

mx = engine.import_mxnet()

RANGES = 'naive'            # MXNet's word for: from the smallest to the largest value seen
FIRST_VERSION = (1, 7)      # of MXNet whose oneDNN graph takes a whole ResNet


def refuse_old_engine(asked_by):
    """Raise DataError where MXNet cannot make or run INT8 networks. asked_by: the flag that wants it, for the message.
    """
    version = tuple(int(part) for part in mx.__version__.split('.')[:2])
    if version < FIRST_VERSION:
        raise DataError('%s needs MXNet 1.9.1, and this is %s, whose CPU build has no 8-bit layers. Leave it out here; '
                        'on a computer with MXNet 1.9.1 `modelarts-local quantize` makes the same of the finished '
                        'model.' % (asked_by, mx.__version__))


def quantized(symbol, arg_params, aux_params, batches):
    """Return (symbol, arg_params, aux_params) of the same network with 8-bit layers.

    batches: list of float32 arrays (N, 3, S, S) of one N, prepared pictures from which the ranges are found.
    """
    return mx.contrib.quantization.quantize_model_mkldnn(
        symbol, arg_params, aux_params, data_names=['data'], label_names=['softmax_label'], ctx=mx.cpu(),
        excluded_sym_names=_global_poolings(symbol), calib_mode=RANGES, calib_data=_as_iterator(batches),
        quantized_dtype='auto', quantize_mode='smart', quantize_granularity='channel-wise', logger=None)[:3]


def bound_for_serving(symbol, arg_params, aux_params, batch_size, image_size):
    """Return a Module that answers as the handler's does, with the graph that oneDNN fuses."""
    module = mx.mod.Module(symbol, data_names=['data'], label_names=['softmax_label'], context=mx.cpu())
    module.bind(for_training=False, data_shapes=[('data', (batch_size, 3, image_size, image_size))],
                label_shapes=[('softmax_label', (batch_size,))])
    module.set_params(arg_params, aux_params, allow_missing=True, allow_extra=True)     # "missing": the label
    return module


def _global_poolings(symbol):
    """Name the layers that average whole pictures: the 8-bit one of MXNet 1.9.1 minds the kernel, which is none there.
    """
    return [node['name'] for node in json.loads(symbol.tojson())['nodes']
            if node['op'] == 'Pooling' and node.get('attrs', {}).get('global_pool') in ('True', '1')]


def _as_iterator(batches):
    images = np.concatenate(batches)
    return mx.io.NDArrayIter(images, np.zeros(len(images)), batch_size=len(batches[0]), label_name='softmax_label')
