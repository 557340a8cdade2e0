"""With what a training was run: flags, recipe, versions. Nothing that names a person, a machine or a key."""
import collections
import os
import platform
import time

import numpy as np
import PIL
from mxnet_support import engine

PLACES = ('data_url', 'train_url')
NOT_FLAGS = ('asks_for_gpus', 'recipe')     # derived from the command line; a table of its own

# flags, recipe, environment: OrderedDict name -> text
Run = collections.namedtuple('Run', 'flags recipe environment')


def describe_run(options, recipe, devices, mxnet_version):
    """Return a Run.

    options: the parsed flags; recipe: Recipe; devices: list of names such as 'gpu(0)'; mxnet_version: of the engine
    that trained.
    """
    flags = sorted((name, value) for name, value in vars(options).items() if name not in NOT_FLAGS)
    return Run(
        collections.OrderedDict((name, _flag_text(name, value)) for name, value in flags),
        collections.OrderedDict((part, _text(value)) for part, value in recipe._asdict().items()),
        collections.OrderedDict((
            ('MXNet', mxnet_version), ('Python', platform.python_version()), ('NumPy', np.__version__),
            ('Pillow', getattr(PIL, '__version__', '?')),
            ('platform', '%s %s' % (platform.system(), platform.machine())),
            ('processors', str(engine.usable_processors())), ('devices', ', '.join(devices)),
            ('finished', time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())))))


def _flag_text(name, value):
    text = _text(value)
    # the folders of the job are known to whoever has the report; those of somebody's machine are nobody's business
    return text if name in PLACES or '/' not in text else os.path.basename(text.rstrip('/'))


def _text(value):
    if isinstance(value, (tuple, list)):
        return ', '.join(_text(item) for item in value)
    return '%g' % value if isinstance(value, float) else str(value)
