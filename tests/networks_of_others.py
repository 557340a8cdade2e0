"""Networks that are not of this job, as MXNet saves them: small ones, with the traits of those that people have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mxnet_support import engine

CLASSES = 5


def residual_network() -> Any:
    """Pre-activation units behind a BatchNorm of the raw pixels, like the ResNets of MXNet's model zoo."""
    mx = engine.import_mxnet()
    x = mx.sym.BatchNorm(mx.sym.Variable("data"), fix_gamma=True, name="bn_data")
    x = mx.sym.Convolution(x, num_filter=8, kernel=(3, 3), stride=(2, 2), pad=(1, 1), no_bias=True, name="conv0")
    y = mx.sym.Activation(mx.sym.BatchNorm(x, name="stage1_unit1_bn1"), act_type="relu")
    x = x + mx.sym.Convolution(y, num_filter=8, kernel=(3, 3), pad=(1, 1), no_bias=True, name="stage1_unit1_conv1")
    x = mx.sym.Activation(mx.sym.BatchNorm(x, name="bn1"), act_type="relu", name="relu1")
    x = mx.sym.Pooling(x, global_pool=True, kernel=(7, 7), pool_type="avg", name="pool1")
    x = mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=CLASSES, name="fc1")
    return mx.sym.SoftmaxOutput(x, name="softmax")


def convolutional_network() -> Any:
    """A 1 x 1 convolution gives the classes, as in SqueezeNet."""
    mx = engine.import_mxnet()
    x = mx.sym.Convolution(mx.sym.Variable("data"), num_filter=8, kernel=(3, 3), stride=(2, 2), name="conv1")
    x = mx.sym.Convolution(mx.sym.Dropout(x), num_filter=CLASSES, kernel=(1, 1), name="conv10")
    x = mx.sym.Pooling(mx.sym.Activation(x, act_type="relu"), global_pool=True, kernel=(1, 1), pool_type="avg")
    return mx.sym.SoftmaxOutput(mx.sym.Flatten(x), name="softmax")


def connected_network() -> Any:
    """Three fully connected layers, so that fc1 is not the last one."""
    mx = engine.import_mxnet()
    x = mx.sym.Variable("data")
    for number in (1, 2):
        x = mx.sym.Activation(mx.sym.FullyConnected(x, num_hidden=6, name=f"fc{number}"), act_type="relu")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=CLASSES, name="fc3"), name="softmax")


def save_network(symbol: Any, prefix: Path, image_size: int = 48, epoch: int = 0) -> Path:
    """Give a network first weights and save it as MXNet does; returns the prefix."""
    mx = engine.import_mxnet()
    module = mx.mod.Module(symbol)
    module.bind([("data", (1, 3, image_size, image_size))], [("softmax_label", (1,))])
    module.init_params(mx.init.Xavier())
    module.save_checkpoint(str(prefix), epoch)
    return prefix


def save_gluon_network(prefix: Path) -> Path:
    """Export a Gluon network, whose layers have other names and settings; returns the prefix."""
    mx = engine.import_mxnet()
    nn = mx.gluon.nn
    net = nn.HybridSequential(prefix="mine_")
    with net.name_scope():
        net.add(nn.Conv2D(8, 3, strides=2), nn.BatchNorm(), nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(CLASSES))
    net.initialize()
    net.hybridize()
    net(mx.nd.ones((1, 3, 48, 48)))
    net.export(str(prefix))
    return prefix
