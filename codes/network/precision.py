"""Weights in half precision, for --dtype=float16."""
from mxnet_support import engine

mx = engine.import_mxnet()


def copy_as_float32(source, target):
    """Copy a .params file with all its arrays as float32, so that every machine can serve them."""
    mx.nd.save(target, {name: array.astype('float32') for name, array in mx.nd.load(source).items()})
