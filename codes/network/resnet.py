"""ResNet-18, -34 and -50 as MXNet symbols (He et al., "Deep Residual Learning for Image Recognition", 2015).

Their forms are those of recipes.FORMS. Every BatchNorm follows a
convolution, so that MXNet's oneDNN graph can fold all of them into the convolutions when it serves the model.
"""
from mxnet_support import engine

from recipes import MODERN

mx = engine.import_mxnet()

# num_layers -> (units in each of the four stages, bottleneck units?); table 1 of the paper
ARCHITECTURES = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
}
STAGE_CHANNELS = (64, 128, 256, 512)    # a bottleneck unit puts out four times as many
BOTTLENECK_EXPANSION = 4
SMALL_IMAGE_EDGE = 32                   # pixels; up to here the stem must not reduce, as for CIFAR in the paper
BATCH_NORM = {'fix_gamma': False, 'eps': 2e-5, 'momentum': 0.9}


def get_symbol(num_classes, num_layers, image_size, recipe=MODERN, dtype='float32'):
    """Build the network from input `data` to `softmax`, with label `softmax_label`.

    num_classes: width of the output.
    num_layers: 18, 34 or 50.
    image_size: input height and width in pixels; it decides the stem, not the weights' shapes behind it.
    recipe: Recipe, of which form, zero_init and decay_batch_norm are read. With zero_init every unit passes its input
    on at first, which makes the first epochs stable at a high learning rate.
    dtype: of all between input and softmax, which are float32; with float16 BatchNorm's parameters stay float32, too.

    data (N, 3, image_size, image_size) -> softmax (N, num_classes)
    Raises ValueError for another number of layers.
    """
    if num_layers not in ARCHITECTURES:
        raise ValueError('num_layers is %r; there are ResNets with 18, 34 and 50 layers here' % (num_layers,))
    units, is_bottleneck = ARCHITECTURES[num_layers]
    expansion = BOTTLENECK_EXPANSION if is_bottleneck else 1

    x = mx.sym.Variable('data')
    if dtype != 'float32':
        x = mx.sym.Cast(x, dtype=dtype, name='data_' + dtype)
    x = _stem(x, image_size, recipe)                        # (N, 64, S/4, S/4), or (N, 64, S, S) for small images
    for stage, (num_units, channels) in enumerate(zip(units, STAGE_CHANNELS), start=1):
        for unit in range(1, num_units + 1):
            stride = 2 if unit == 1 and stage > 1 else 1    # stages 2 to 4 halve height and width
            name = 'stage%d_unit%d' % (stage, unit)
            shortcut = x
            if unit == 1 and (stage > 1 or is_bottleneck):
                shortcut = _projection(x, channels * expansion, stride, recipe, name)
            x = _unit(x, shortcut, channels, stride, is_bottleneck, recipe, name)
    # (N, C, h, w) -> (N, C, 1, 1)
    x = mx.sym.Pooling(x, global_pool=True, kernel=(7, 7), pool_type='avg', name='pool1')
    x = mx.sym.Flatten(x)                                               # (N, C, 1, 1) -> (N, C)
    x = mx.sym.FullyConnected(x, num_hidden=num_classes, name='fc1')    # (N, C) -> (N, classes)
    if dtype != 'float32':
        x = mx.sym.Cast(x, dtype='float32', name='fc1_float32')
    return mx.sym.SoftmaxOutput(x, name='softmax')


def _stem(data, image_size, recipe):
    if image_size <= SMALL_IMAGE_EDGE:
        return _conv_bn(data, recipe, 64, kernel=3, stride=1, name='conv0')     # (N, 3, S, S) -> (N, 64, S, S)
    if recipe.form == 'B':
        x = _conv_bn(data, recipe, 64, kernel=7, stride=2, name='conv0')        # (N, 3, S, S) -> (N, 64, S/2, S/2)
    else:
        x = _conv_bn(data, recipe, 32, kernel=3, stride=2, name='conv0')        # (N, 3, S, S) -> (N, 32, S/2, S/2)
        x = _conv_bn(x, recipe, 32, kernel=3, stride=1, name='conv1')
        x = _conv_bn(x, recipe, 64, kernel=3, stride=1, name='conv2')
    return mx.sym.Pooling(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type='max', name='pool0')   # -> S/4


def _unit(x, shortcut, channels, stride, is_bottleneck, recipe, name):
    """One residual unit: two 3 x 3 convolutions, or 1 x 1, 3 x 3, 1 x 1 with four times the channels at the end."""
    last = {'has_relu': False, 'gamma': 0.0 if recipe.zero_init else 1.0}
    if is_bottleneck:
        y = _conv_bn(x, recipe, channels, kernel=1, stride=1, name=name + '_conv1')
        y = _conv_bn(y, recipe, channels, kernel=3, stride=stride, name=name + '_conv2')
        y = _conv_bn(y, recipe, channels * BOTTLENECK_EXPANSION, kernel=1, stride=1, name=name + '_conv3', **last)
    else:
        y = _conv_bn(x, recipe, channels, kernel=3, stride=stride, name=name + '_conv1')
        y = _conv_bn(y, recipe, channels, kernel=3, stride=1, name=name + '_conv2', **last)
    total = mx.sym.elemwise_add(y, shortcut, name=name + '_plus')       # (N, out_channels, h/stride, w/stride) all
    return mx.sym.Activation(total, act_type='relu', name=name + '_relu')


def _projection(x, channels, stride, recipe, name):
    """Bring the shortcut to the unit's number of channels, height and width."""
    if recipe.form == 'D' and stride > 1:      # 'full': the odd last row is a mean too, as the convolution keeps it
        x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type='avg', pooling_convention='full',
                           name=name + '_sc_pool')
        stride = 1
    return _conv_bn(x, recipe, channels, kernel=1, stride=stride, name=name + '_sc', has_relu=False)


def _conv_bn(x, recipe, channels, kernel, stride, name, has_relu=True, gamma=1.0):
    """Convolution, BatchNorm whose scale starts at `gamma`, ReLU."""
    x = mx.sym.Convolution(x, num_filter=channels, kernel=(kernel, kernel), stride=(stride, stride),
                           pad=(kernel // 2, kernel // 2), no_bias=True, name=name)
    # wd_mult is MXNet's factor of the weight decay; beta and bias have none by themselves
    scale = mx.sym.Variable(name + '_bn_gamma', init=mx.init.Constant(gamma),
                            wd_mult=1.0 if recipe.decay_batch_norm else 0.0)
    x = mx.sym.BatchNorm(x, gamma=scale, name=name + '_bn', **BATCH_NORM)
    return mx.sym.Activation(x, act_type='relu', name=name + '_relu') if has_relu else x
