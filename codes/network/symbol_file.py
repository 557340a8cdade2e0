"""Read MXNet's *-symbol.json files, for files of unknown origin.

What MXNet's own reader takes at its word is checked first: a reference that leads nowhere, or an operator that holds
the address of a function, can end the process. See SaveJSON and LoadJSON in NNVM's src/pass/saveload_json.cc.
"""
import collections
import json
import math

from files import read_json

MAX_NODES = 100000              # chosen; ResNet-152 has 1,600
# Where a node keeps its settings: today, before MXNet 1.0, before 0.9
SETTINGS = ('attrs', 'attr', 'param')
# Operators that call Python or hold graphs or addresses of their own
REFUSED = ('Custom', '_Native', '_NDArray', '_CachedOp', '_CustomFunction', '_foreach', '_while_loop', '_cond',
           '_TensorRT')
# (operator, setting, value) that newer versions write and older ones do not know, though it changes nothing
NEW_DEFAULTS = (('Pooling', 'layout', 'NCHW'), ('Pooling', 'layout', 'None'), ('Pooling', 'count_include_pad', 'True'),
                ('Pooling', 'p_value', 'None'), ('BatchNorm', 'min_calib_range', 'None'),
                ('BatchNorm', 'max_calib_range', 'None'))
# Sums of two. MXNet 1.9.1 fails to fuse one with a convolution for inference when the input that is computed earlier
# stands first
SUMS = ('elemwise_add', '_add', '_plus', '_Plus')
# Operators that hand the features on from the last layer to the end
AFTER_HEAD = ('SoftmaxOutput', 'Softmax', 'softmax', 'SoftmaxActivation', 'log_softmax', 'Flatten', 'flatten',
              'Reshape', 'reshape', 'squeeze', 'identity', '_copy', 'BlockGrad', 'Cast', 'Dropout', 'Pooling',
              'Activation', 'relu', 'mean', '_contrib_AdaptiveAvgPooling2D')
HEADS = ('FullyConnected', 'Convolution')
# What MXNet itself can give a first value, by the end of its name
PARAMETER_ENDS = ('weight', 'bias', 'gamma', 'beta', 'mean', 'var')

# text: JSON for mx.sym.load_json, checked and without the first values of variables; saved_by: '1.9.1', or '' when it
# does not say; operators: set of names; head: Head
SymbolFile = collections.namedtuple('SymbolFile', 'text saved_by operators head')
# name, kind: of the last layer that has weights; weights: their names, those of a bias last; features: name of the
# layer before it
Head = collections.namedtuple('Head', 'name kind weights features')


class SymbolFormatError(ValueError):
    """The file is not a network that can be trained on; str() tells why."""


def read_symbol(path):
    """Return the SymbolFile of a *-symbol.json. Raises SymbolFormatError, or OSError when it cannot be read."""
    try:
        graph = read_json(path)
        nodes = [_checked_node(number, node, graph['nodes']) for number, node in enumerate(graph['nodes'])]
        outputs = [_checked_entry(entry, graph['nodes'], len(nodes)) for entry in graph['heads']]
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError) as error:
        if isinstance(error, SymbolFormatError):
            raise
        raise SymbolFormatError('it is not what MXNet writes (%s: %s)' % (type(error).__name__, error)) from error
    if len(outputs) != 1:
        raise SymbolFormatError('it has %d outputs; a network for classes has one' % len(outputs))
    names = [node['name'] for node in nodes if node['op'] == 'null']
    if len(set(names)) < len(names):
        raise SymbolFormatError('two of its inputs or weights have one name')
    version = _version(graph)
    text = json.dumps({
        'nodes': nodes, 'heads': outputs, 'attrs': {'mxnet_version': ['int', version]} if version else {},
        'arg_nodes': [number for number, node in enumerate(nodes) if node['op'] == 'null']})
    return SymbolFile(text, '%d.%d.%d' % (version // 10000, version // 100 % 100, version % 100) if version else '',
                      {node['op'] for node in nodes} - {'null'}, _find_head(nodes, outputs[0][0]))


def _checked_node(number, node, nodes):
    """Return a node as it may be given to MXNet: known members only, inputs among the nodes before it."""
    if number >= MAX_NODES:
        raise SymbolFormatError('it has more than %d nodes' % MAX_NODES)
    op, name = node['op'], node['name']
    if not (isinstance(op, str) and isinstance(name, str) and name.isprintable() and op.isprintable()):
        raise SymbolFormatError('node %d has no readable name' % number)
    if op in REFUSED or node.get('subgraphs'):
        raise SymbolFormatError('layer %r is a %s, which runs more than the file holds' % (name, op))
    clean = {'op': op, 'name': name, 'inputs': [_checked_entry(entry, nodes, number) for entry in node['inputs']]}
    if op in SUMS:
        clean['inputs'].sort(reverse=True)
    if op == 'null' and clean['inputs']:
        raise SymbolFormatError('the variable %r has inputs' % name)
    member, settings = _settings(node)
    if settings:
        clean[member] = {str(key): str(value) for key, value in settings.items() if _is_wanted(op, key, value)}
    return clean


def _settings(node):
    """Return (member, settings) of a node; ('attrs', {}) when it has none."""
    return next(((member, node[member]) for member in SETTINGS if node.get(member)), (SETTINGS[0], {}))


def _is_wanted(op, key, value):
    """Tell whether a setting is the layer's own; of those with __ for the training only a sound decay is kept.

    The first values, shapes and devices of variables are decided by the weights and by this job.
    """
    if not key.startswith('__'):
        return (op, key, str(value)) not in NEW_DEFAULTS
    try:
        return key == '__wd_mult__' and math.isfinite(float(value)) and float(value) >= 0
    except ValueError:
        return False


def _checked_entry(entry, nodes, end):
    """Return the reference [node, output, version] when it leads to an output that a node before `end` has."""
    number, output = int(entry[0]), int(entry[1])
    if not 0 <= number < end:
        raise SymbolFormatError('node %d takes its input from node %d, which does not come before it' % (end, number))
    count = int(_settings(nodes[number])[1].get('num_outputs', 1)) if nodes[number]['op'] != 'null' else 1
    if not 0 <= output < count:
        raise SymbolFormatError('node %d takes output %d of node %d, which has %d' % (end, output, number, count))
    return [number, output, 0]


def _version(graph):
    kind, version = graph.get('attrs', {}).get('mxnet_version', ('int', 0))
    if kind != 'int' or not isinstance(version, int) or not 0 <= version < 10 ** 6:
        raise SymbolFormatError('mxnet_version is %r' % (version,))
    return version


def _find_head(nodes, number):
    """Walk from the output back to the last layer with weights."""
    while nodes[number]['op'] in AFTER_HEAD and nodes[number]['inputs']:
        number = nodes[number]['inputs'][0][0]
    node = nodes[number]
    kernel = _settings(node)[1].get('kernel', '').replace(' ', '')
    is_head = node['op'] in HEADS and node['inputs'] and (node['op'] == 'FullyConnected' or kernel == '(1,1)')
    if not is_head:
        raise SymbolFormatError('before its end stands %r, a %s; a FullyConnected or a 1 x 1 Convolution is looked for'
                                % (node['name'], node['op'] if node['op'] != 'null' else 'variable'))
    source, _, _ = node['inputs'][0]
    if nodes[source]['op'] == 'null':
        raise SymbolFormatError('its last layer, %r, is its only one' % node['name'])
    weights = tuple(nodes[entry[0]]['name'] for entry in node['inputs'][1:])
    return Head(node['name'], node['op'], weights, nodes[source]['name'])
