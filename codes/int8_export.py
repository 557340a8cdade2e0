"""Write int8/: the model package a second time, with 8-bit layers, which CPUs run faster.

    int8/
      model/              as that of export.py, for MXNet 1.9.1 with oneDNN; MXNet 1.2.1 does not load it
      quantization.json   accuracy of both on the whole validation set, and how the ranges were found
"""
import logging
import os
import shutil

from mxnet_support import engine

import export
import progress
from dataset.batches import EvaluationBatches
from errors import JobError
from files import read_json, replacing, write_json
from network import int8
from training.evaluator import run_through
from training.measures import confusion_matrix, summarise

mx = engine.import_mxnet()
log = logging.getLogger(__name__)

FOLDER = 'int8'
NUMBERS = 'quantization.json'
PACKAGE = FOLDER + '/' + export.FOLDER     # part of a URL as well as of a path
MAX_DROP = 0.5              # points of top-1 that 8 bits may cost unless the user allows more
NUM_CALIBRATION = 256       # chosen: about how many pictures the ranges are found with
BATCH_SIZE = 32


class AccuracyFell(JobError):
    """The 8-bit network is worse than allowed, and nothing was written."""


def write_int8(output, records, preprocessing, threads, max_drop=MAX_DROP):
    """Read the output's local model/, write int8/ beside it and publish it.

    Returns (place of the package's model/, the content of NUMBERS).

    output: OutputFolder; records: RecordFile of the validation set; preprocessing: Preprocessing of the model;
    threads: how many prepare pictures; max_drop: points of top-1.

    Raises AccuracyFell when 8 bits cost more than max_drop.
    """
    folder = output.make_folder(export.FOLDER)
    network = mx.model.load_checkpoint(os.path.join(folder, export.PREFIX), 0)      # -0000, the package's rule
    every = max(len(records) // NUM_CALIBRATION, 1)
    count = -(-len(records) // every)
    chosen = EvaluationBatches(records, BATCH_SIZE, preprocessing, threads, slice(None, None, every))
    log.info('int8: finding the ranges of values with %d pictures', count)
    smaller = int8.quantized(*network + ([batch.images for batch in chosen],))
    before = _measure('float32', network, records, preprocessing, threads)
    after = _measure('int8', smaller, records, preprocessing, threads)
    drop = 100 * (before['accuracy'] - after['accuracy'])
    said = 'top-1 %.2f %% with float32, %.2f %% with int8' % (100 * before['accuracy'], 100 * after['accuracy'])
    if drop > max_drop:
        raise AccuracyFell('the int8 model is not written: %s, which is %.2f points less, and %g are allowed. Serve '
                           'the float32 model, or allow more with `modelarts-local quantize --max-drop`.'
                           % (said, drop, max_drop))
    log.info('int8: %s', said)
    _copy_package(output, folder, smaller, after['metrics'])
    numbers = {'float32': before, 'int8': after, 'validation_images': len(records), 'calibration_images': count,
               'ranges': int8.RANGES, 'mxnet': mx.__version__}
    write_json(numbers, os.path.join(output.make_folder(FOLDER), NUMBERS))
    output.publish(FOLDER, (NUMBERS,))
    return output.publish(PACKAGE, export.FILES), numbers


def _measure(name, network, records, preprocessing, threads):
    """Run the whole set through the network as it is served; returns a dict of what was measured."""
    module = int8.bound_for_serving(*network + (BATCH_SIZE, preprocessing.image_size))
    batches = EvaluationBatches(records, BATCH_SIZE, preprocessing, threads)
    measures, labels, probabilities = run_through(module, _shown(batches, name))
    values = dict(measures.values())
    values['metrics'] = summarise(confusion_matrix(labels, probabilities.argmax(axis=1), probabilities.shape[1]))
    return values


def _shown(batches, name):
    """Yield the batches; on a terminal the line of progress tells how many are done."""
    for number, batch in enumerate(batches):
        progress.status.debug('measuring %s  batch %d/%d', name, number, len(batches))
        yield batch
    progress.status.debug('')


def _copy_package(output, source, network, metrics):
    """Write the package of `source` into the output's local folder with another network and its metrics."""
    symbol, arg_params, aux_params = network
    folder = output.make_folder(PACKAGE)
    with replacing(os.path.join(folder, export.SYMBOL)) as part:
        symbol.save(part)
    with replacing(os.path.join(folder, export.PARAMS)) as part:
        mx.nd.save(part, dict([('arg:' + name, value) for name, value in arg_params.items()]
                              + [('aux:' + name, value) for name, value in aux_params.items()]))
    for name in export.FILES:
        if name not in (export.SYMBOL, export.PARAMS, export.CONFIG):
            with replacing(os.path.join(folder, name)) as part:
                shutil.copyfile(os.path.join(source, name), part)
    config = read_json(os.path.join(source, export.CONFIG))
    config['metrics'] = metrics
    write_json(config, os.path.join(folder, export.CONFIG))
