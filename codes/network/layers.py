"""The layers of a network with their shapes, parameters and multiply-adds, read off an MXNet symbol.

Nothing here draws; plot_network.py does. The symbol is asked for its JSON and its shapes only, which both engines
answer alike.
"""
import ast
import collections
import json

# name, kind: of the layer, as MXNet calls them; settings: '3 x 3, 64, stride 2' or ''; shape: of the output for one
# picture; parameters: learned numbers; multiply_adds: for one picture; inputs: names of the layers before it
Layer = collections.namedtuple('Layer', 'name kind settings shape parameters multiply_adds inputs')

DATA = 'data'


def layers_of(symbol, image_size):
    """Return the Layers of a network in the order in which it computes them.

    symbol: MXNet symbol with the input `data` (N, 3, image_size, image_size).
    Multiply-adds are counted for convolutions and fully connected layers, as is usual; the rest is below one percent.
    """
    graph = json.loads(symbol.tojson())['nodes']
    data_shape = (1, 3, image_size, image_size)
    internals = symbol.get_internals()
    shapes = dict(zip(internals.list_outputs(), internals.infer_shape(data=data_shape)[1]))
    # inputs that are not learned: pictures, labels, and the running means of BatchNorm
    not_learned = {DATA, 'softmax_label'} | set(symbol.list_auxiliary_states())
    layers = []
    for node in graph:
        if node['op'] == 'null':
            continue
        inputs = [graph[entry[0]] for entry in node['inputs']]
        weights = [entry['name'] for entry in inputs if entry['op'] == 'null' and entry['name'] not in not_learned]
        parameters = sum(_product(shapes[name]) for name in weights)
        shape = shapes[node['name'] + '_output']
        settings = node.get('attrs', {})
        layers.append(Layer(
            node['name'], node['op'], _settings_text(node['op'], settings), shape[1:], parameters,
            _multiply_adds(node['op'], settings, shape, [shapes[name] for name in weights]),
            tuple(entry['name'] for entry in inputs if entry['op'] != 'null' or entry['name'] == DATA)))
    return layers


def _multiply_adds(kind, settings, shape, weights):
    if kind == 'Convolution':           # each output value is a sum over the kernel and the channels of its group
        return _product(shape) * _product(weights[0][1:])
    if kind == 'FullyConnected':
        return _product(weights[0])
    return 0


def _settings_text(kind, settings):
    """Return what tells one layer from another of its kind, from MXNet's own settings as texts."""
    parts = []
    if settings.get('global_pool') in ('True', '1'):
        parts.append('global %s' % settings.get('pool_type', ''))
    elif 'kernel' in settings:
        parts.append(' x '.join(str(side) for side in ast.literal_eval(settings['kernel'])))
        parts.extend([settings['pool_type']] if 'pool_type' in settings else [])
        stride = max(ast.literal_eval(settings.get('stride', '(1, 1)')) or (1,))
        parts.extend(['stride %d' % stride] if stride > 1 else [])
    parts.extend([settings['act_type']] if 'act_type' in settings else [])
    return ', '.join(parts)


def _product(numbers):
    product = 1
    for number in numbers:
        product *= int(number)
    return product
