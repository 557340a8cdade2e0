"""Write model/: the folder that ModelArts imports as an online service.

    model/
      pred_model-symbol.json   network        -0000 whatever the epoch was: the package's rule (contract 2.1)
      pred_model-0000.params   weights of the best epoch
      customize_service.py     handler, from model_template/
      synset.txt               labels, one a line
      preprocessing.json       input size, resize, mean, std
      config.json              what the import reads: type, runtime, apis, metrics measured here; written last
"""
import io
import logging
import os
import shutil

from files import read_json, replacing, write_json, write_text

log = logging.getLogger(__name__)

FOLDER = 'model'
TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'model_template')
PREFIX = 'pred_model'
SYMBOL, PARAMS = PREFIX + '-symbol.json', PREFIX + '-0000.params'
HANDLER, LABELS, PREPROCESSING, CONFIG = 'customize_service.py', 'synset.txt', 'preprocessing.json', 'config.json'
FILES = (SYMBOL, PARAMS, HANDLER, LABELS, PREPROCESSING, CONFIG)      # config.json last


def write_model(output, symbol, params_path, class_names, preprocessing, metrics, copy_params=shutil.copyfile):
    """Write FILES into the output's local model/ folder, replacing those of an older one.

    output: OutputFolder; params_path: weights to export; metrics: {name: number} measured on the validation set;
    copy_params: function that copies the weights, from one path to another.
    """
    folder = output.make_folder(FOLDER)
    with replacing(os.path.join(folder, SYMBOL)) as part:
        symbol.save(part)
    with replacing(os.path.join(folder, PARAMS)) as part:
        copy_params(params_path, part)
    with io.open(os.path.join(TEMPLATE, HANDLER), encoding='utf-8') as handler:
        write_text(handler.read(), os.path.join(folder, HANDLER))
    write_text(''.join(name + '\n' for name in class_names), os.path.join(folder, LABELS))
    write_json(preprocessing.to_json(), os.path.join(folder, PREPROCESSING))
    config = read_json(os.path.join(TEMPLATE, CONFIG))
    config['metrics'] = metrics
    write_json(config, os.path.join(folder, CONFIG))


def deployment_environment(image_size, num_classes):
    """Return the three environment variables that ModelArts's deployment form asks for (contract 3.2), no spaces."""
    return (('input_data_name', 'images'), ('input_data_shape', '0,3,%d,%d' % (image_size, image_size)),
            ('output_data_shape', '0,%d' % num_classes))
