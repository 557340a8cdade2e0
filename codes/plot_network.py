"""List the layers of a network, and draw it where Graphviz is installed:

    python plot_network.py OUT_FOLDER [--num_layers=34 --image_size=224 --num_classes=102]

OUT_FOLDER gets layers.txt and layers.csv: each layer with its kind, output shape, parameters and multiply-adds; and
network.dot, from which Graphviz's program `dot` makes network.svg and network.pdf. MXNet's own mx.viz.plot_network
needs a Python package for the same and draws no shapes on MXNet 1.2.1.
"""
import argparse
import csv
import io
import logging
import os
import shutil
import subprocess
import sys

from mxnet_support import engine

import arguments
from errors import JobError, StorageError
from files import replacing, write_text
from network.layers import layers_of

log = logging.getLogger('plot_network')

TEXT, TABLE, DOT = 'layers.txt', 'layers.csv', 'network.dot'
DRAWN = ('svg', 'pdf')
COLUMNS = ('layer', 'kind', 'settings', 'output', 'parameters', 'multiply-adds')
COLOURS = {'Convolution': '#d9ebe8', 'FullyConnected': '#d9ebe8', 'BatchNorm': '#f0efeb', 'Activation': '#fbf3e0',
           'Pooling': '#e4e6f5', 'elemwise_add': '#f5dfdc'}


def main(argv=None):
    """Run the command; returns its exit code."""
    logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stderr)
    options = build_parser().parse_args(argv)
    try:
        plot(options)
    except engine.EngineMissing as error:
        log.error('%s', error)
        return JobError.exit_code
    except OSError as error:
        log.error('writing the network failed: %s', error)
        return StorageError.exit_code
    return 0


def build_parser():
    """Build the parser; the flags of the network are those of the training job, with the same defaults."""
    parser = argparse.ArgumentParser(
        prog='plot_network.py', allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description='List the layers of a ResNet with shapes, parameters and multiply-adds; draw it where Graphviz is '
                    'installed.')
    parser.add_argument('folder', metavar='OUT_FOLDER', help='local folder for the table and the drawing')
    parser.add_argument('--num_layers', type=int, choices=arguments.NUM_LAYERS, default=34, help='depth of the ResNet')
    parser.add_argument('--image_size', type=arguments.image_size, default=224,
                        help='height and width of the input, pixels')
    parser.add_argument('--num_classes', type=arguments.positive_int, default=arguments.TUTORIAL_NUM_CLASSES,
                        help='width of the output')
    parser.add_argument('--recipe', type=arguments.recipe, default='modern', help='of the training; decides the form')
    return parser


def plot(options):
    """Write everything for one network into options.folder. Raises OSError."""
    from network import resnet               # loads MXNet; --help and a wrong flag need not wait for it

    symbol = resnet.get_symbol(options.num_classes, options.num_layers, options.image_size, options.recipe)
    layers = layers_of(symbol, options.image_size)
    title = 'ResNet-%d, %d pixels, %d classes' % (options.num_layers, options.image_size, options.num_classes)
    os.makedirs(options.folder, exist_ok=True)
    write_text('%s\n\n%s' % (title, text_table(layers)), os.path.join(options.folder, TEXT))
    write_csv(layers, os.path.join(options.folder, TABLE))
    write_text(dot_text(layers, title), os.path.join(options.folder, DOT))
    log.info('%s: %s', title, totals(layers))
    log.info('%s and %s are in %s', TEXT, TABLE, options.folder)
    draw(options.folder)


def draw(folder):
    """Make the drawings from DOT with Graphviz; where it is missing or fails a sentence says so."""
    program = shutil.which('dot')
    if program is None:
        log.info('Not drawn: Graphviz\'s program `dot` is not on PATH. Install it (Debian: apt-get install graphviz) '
                 'and run this again, or draw %s elsewhere with `dot -Tsvg`.', os.path.join(folder, DOT))
        return
    for form in DRAWN:
        path = os.path.join(folder, 'network.' + form)
        with replacing(path) as part:
            done = subprocess.run([program, '-T' + form, '-o', part, os.path.join(folder, DOT)],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                raise OSError('%s ended with %d: %s' % (program, done.returncode,
                                                        done.stdout.decode('utf-8', 'replace').strip()))
        log.info('drawn: %s', path)


def text_table(layers):
    """Return the layers as aligned columns, numbers to the right, with the sums in the last line."""
    rows = [COLUMNS] + [(layer.name, layer.kind, layer.settings, _shape_text(layer.shape),
                         '{:,}'.format(layer.parameters), '{:,}'.format(layer.multiply_adds)) for layer in layers]
    rows.append(('total', '', '', '', '{:,}'.format(sum(layer.parameters for layer in layers)),
                 '{:,}'.format(sum(layer.multiply_adds for layer in layers))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return ''.join('  '.join(cell.rjust(width) if column > 3 else cell.ljust(width)
                             for column, (cell, width) in enumerate(zip(row, widths))).rstrip() + '\n' for row in rows)


def write_csv(layers, path):
    """Write the layers as CSV, numbers as they are."""
    with replacing(path) as part:
        with io.open(part, 'w', encoding='utf-8', newline='') as stream:
            table = csv.writer(stream)
            table.writerow(COLUMNS)
            table.writerows((layer.name, layer.kind, layer.settings, _shape_text(layer.shape), layer.parameters,
                             layer.multiply_adds) for layer in layers)


def totals(layers):
    """Return '21.3 million parameters, 3.67 billion multiply-adds a picture'."""
    return '%.1f million parameters, %.2f billion multiply-adds a picture' % (
        sum(layer.parameters for layer in layers) / 1e6, sum(layer.multiply_adds for layer in layers) / 1e9)


def dot_text(layers, title):
    """Return the network in Graphviz's language: a box a layer, an arrow for what flows, with its shape."""
    shapes = {layer.name: layer.shape for layer in layers}
    lines = ['digraph network {', '  label=%s; labelloc=t; fontname=sans; ranksep=0.3;' % _quoted(title),
             '  node [shape=box, style="rounded,filled", fillcolor=white, color="#5c646b"];',
             '  node [fontname=sans, fontsize=11];',
             '  edge [color="#5c646b", fontname=sans, fontsize=9, fontcolor="#5c646b"];',
             '  data;']
    for layer in layers:
        label = '%s\n%s' % (layer.name, ', '.join(text for text in (layer.kind, layer.settings) if text))
        lines.append('  %s [label=%s, fillcolor="%s"];' % (_quoted(layer.name), _quoted(label),
                                                          COLOURS.get(layer.kind, '#ffffff')))
        for before in layer.inputs:
            shape = _quoted(_shape_text(shapes[before])) if before in shapes else '""'
            lines.append('  %s -> %s [label=%s];' % (_quoted(before), _quoted(layer.name), shape))
    return '\n'.join(lines + ['}', ''])


def _shape_text(shape):
    return ' x '.join(str(side) for side in shape)


def _quoted(text):
    return '"%s"' % text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')


if __name__ == '__main__':
    sys.exit(main())
