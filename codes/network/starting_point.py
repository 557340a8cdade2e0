"""The network to train: the job's own, or that of --pretrained_url, and the weights to begin with.

A network that has the layers of the job's own is trained as the job's own. Any other is trained as it is, with a new
last layer: what lies before its last FullyConnected, or 1 x 1 convolution, is kept.
"""
import collections
import logging
import re

import numpy as np
from mxnet_support import engine

from errors import DataError, StorageError
from . import resnet
from .params_file import ParamsFormatError, read_params
from .pretrained_files import FLAG
from .symbol_file import PARAMETER_ENDS, SymbolFormatError, read_symbol

mx = engine.import_mxnet()
log = logging.getLogger(__name__)

HEAD = 'fc1'            # the name of the last layer in the job's own networks
NAMES_SHOWN = 5

# symbol: from `data` to `softmax`, in the type that is trained in; exported: the same in float32; weights: {name:
# float32 numpy array} to begin with, some or all of them
Network = collections.namedtuple('Network', 'symbol exported weights')


def network_for(options, files=None):
    """Return the Network to train.

    options: the parsed flags, with the number of classes settled; files: PretrainedFiles, or None.
    Raises DataError when the files are damaged or no network that can be trained here.
    """
    symbol, exported = (resnet.get_symbol(options.num_classes, options.num_layers, options.image_size, options.recipe,
                                          dtype) for dtype in (options.dtype, 'float32'))
    if files is None:
        return Network(symbol, exported, {})
    saved, weights = _read(files)
    shapes = _shapes_of(exported, options)
    if _is_own(weights, shapes):
        log.info('pretrained: the network is one of this job, ResNet-%d', options.num_layers)
        return Network(symbol, exported, _fitting(weights, shapes, HEAD, files.params_path))
    if options.dtype != 'float32':
        raise DataError('%s: %s is not ResNet-%d of this job, and only its own networks train in %s. Leave --dtype out.'
                        % (FLAG, files.symbol_path, options.num_layers, options.dtype))
    symbol, head = _with_new_head(saved, weights, files.symbol_path, options)
    shapes = _shapes_of(symbol, options, files.symbol_path)
    log.info('pretrained: the network is that of the file, up to %r; --num_layers and the form of the recipe count for '
             'nothing', saved.head.features)
    return Network(symbol, symbol, _fitting(weights, shapes, head, files.params_path))


def _is_own(weights, shapes):
    """Tell whether weights are those of the job's own network, whatever the number of classes."""
    head = {HEAD + '_weight', HEAD + '_bias'}
    return set(weights) | head == set(shapes) and all(
        array.shape == shapes[name] for name, array in weights.items() if name not in head)


def _read(files):
    """Return (SymbolFile, weights) of files that are sound."""
    try:
        saved = read_symbol(files.symbol_path)
    except SymbolFormatError as error:
        raise DataError('%s: %s cannot be used: %s.' % (FLAG, files.symbol_path, error)) from error
    except OSError as error:
        raise StorageError('%s cannot be read: %s' % (files.symbol_path, error.strerror or error)) from error
    try:
        weights = read_params(files.params_path)
    except ParamsFormatError as error:
        raise DataError('%s: %s is damaged or no .params file: %s. Copy it again.'
                        % (FLAG, files.params_path, error)) from error
    except OSError as error:
        raise StorageError('%s cannot be read: %s' % (files.params_path, error.strerror or error)) from error
    broken = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if broken:
        raise DataError('%s: %s holds numbers that are not finite, in %s. Its training has diverged; give one of an '
                        'earlier epoch.' % (FLAG, files.params_path, _list(broken)))
    return saved, weights


def _with_new_head(saved, weights, path, options):
    """Return the network of the file with a last layer for options.num_classes classes, and that layer's name.

    Its weights in the file are renamed to that.
    """
    symbol = _load(saved, path)
    features = symbol.get_internals()[_output_name(symbol, saved.head.features)]
    inputs = features.list_arguments()
    others = [name for name in inputs if name not in weights and name != 'data' and not name.endswith(PARAMETER_ENDS)]
    if 'data' not in inputs or others:
        raise DataError('%s: the network of %s has the inputs %s; one is needed, called data. Export it so.'
                        % (FLAG, path, _list(['data'] * ('data' in inputs) + others) or 'of another name'))
    if saved.head.kind == 'Convolution':        # its own pooling comes after it: the new layer wants one row a picture
        features = mx.sym.Pooling(features, global_pool=True, kernel=(1, 1), pool_type='avg', name='fc1_pool')
    # weights of this name further up are another layer's, as in networks of fully connected layers
    name = HEAD
    while name + '_weight' in inputs or name + '_bias' in inputs:
        name = 'new_' + name
    for old, end in zip(saved.head.weights, ('_weight', '_bias')):
        if old in weights:
            weights[name + end] = weights.pop(old)
    x = mx.sym.FullyConnected(mx.sym.Flatten(features, name=name + '_flat'), num_hidden=options.num_classes, name=name)
    return mx.sym.SoftmaxOutput(x, name='softmax'), name


def _load(saved, path):
    """Return the symbol of a SymbolFile in this engine."""
    by = ' It was saved by MXNet %s.' % saved.saved_by if saved.saved_by else ''
    unknown = sorted(op for op in saved.operators if not _is_operator(op))
    if unknown:
        raise DataError('%s: %s has operators that MXNet %s does not have: %s.%s'
                        % (FLAG, path, mx.__version__, _list(unknown), by))
    try:
        return mx.sym.load_json(saved.text)
    except mx.MXNetError as error:
        raise DataError('%s: MXNet %s cannot load %s: %s.%s Newer versions write settings that older ones do not know; '
                        'export the network with this one.'
                        % (FLAG, mx.__version__, path, _first_line(error), by)) from error


def _is_operator(name):
    """Tell whether this engine has an operator; MXNet 1.2.1 offers no list of them."""
    places = [(mx.sym.op, ''), (mx.sym._internal, '')]
    places += [(getattr(mx.sym, part), '_%s_' % part) for part in ('contrib', 'linalg', 'random', 'sparse', 'image')]
    return any(name.startswith(prefix) and hasattr(place, name[len(prefix):]) for place, prefix in places)


def _output_name(symbol, layer):
    """Return how the internals call the first output of a layer, or an input by its own name."""
    outputs = symbol.get_internals().list_outputs()
    return next((name for name in outputs if name in (layer + '_output', layer + '_output0', layer)), layer + '_output')


def _shapes_of(symbol, options, path=None):
    """Return {name: shape} of all weights, running means included, at --image_size."""
    side = options.image_size
    try:
        arguments, _, states = symbol.infer_shape(data=(1, 3, side, side))
    except mx.MXNetError as error:
        arguments, problem = None, ': ' + _first_line(error)
    else:
        problem = ''
    if arguments is None:
        raise DataError('%s: the network of %s does not take pictures of %d x %d pixels%s. Give the --image_size that '
                        'it was trained with.' % (FLAG, path, side, side, problem))
    shapes = dict(zip(symbol.list_arguments(), arguments))
    shapes.update(zip(symbol.list_auxiliary_states(), states))
    return {name: tuple(shape) for name, shape in shapes.items() if name not in ('data', 'softmax_label')}


def _fitting(weights, shapes, head, path):
    """Return the weights that the network has with the same shapes, and tell of the others.

    head: name of the last layer, taken when it has as many classes. Running means and variances that are missing are
    set to 0 and 1; the rest is for the initialiser.
    """
    taken = {name: array for name, array in weights.items() if shapes.get(name) == array.shape}
    ends = {head + '_weight', head + '_bias'}
    for name in ends if not ends <= set(taken) else ():     # one without the other is of no use
        taken.pop(name, None)
    if not taken:
        raise DataError('%s: of the %d weights in %s the network has none. Give the weights that belong to it.'
                        % (FLAG, len(weights), path))
    misfits = sorted(name for name in weights if name in shapes and name not in taken and name not in ends)
    missing = sorted(set(shapes) - set(weights) - ends)
    unexpected = sorted(set(weights) - set(shapes))
    log.info('pretrained: %d of the network\'s %d weights are taken from the file; the last layer, for %d classes, %s',
             len(taken), len(shapes), shapes[head + '_weight'][0], 'too' if ends <= set(taken) else 'begins anew')
    if misfits:
        log.warning('pretrained: begun anew, for their shapes differ: %s', _list(
            ['%s %s in the file, %s here' % (name, weights[name].shape, shapes[name]) for name in misfits]))
    if missing:
        log.warning('pretrained: begun anew, for the file has none: %s', _list(missing))
    if unexpected:
        log.warning('pretrained: unused, for the network has none of that name: %s', _list(unexpected))
    for name in set(shapes) - set(taken):
        if name.endswith(('mean', 'var')):
            taken[name] = np.full(shapes[name], float(name.endswith('var')), dtype=np.float32)
    return taken


def _list(names):
    more = len(names) - NAMES_SHOWN
    return ', '.join(names[:NAMES_SHOWN]) + (' and %d more' % more if more > 0 else '')


def _first_line(error):
    """Return the first line of MXNet's text without the place in its sources and its trace."""
    line = (str(error).strip().splitlines() or [''])[0]
    line = re.sub(r'\[\d\d:\d\d:\d\d\] \S+:\d+: |, Possible Arguments:|MXNetError: ', '', line)
    return line.strip(' .:')
