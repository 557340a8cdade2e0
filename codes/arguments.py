"""The flags of the training job: the tutorial's own names, types and defaults, and a few more.

The platform adds arguments of its own (`--init_method`, `--rank`, ...) and the vendor's rule is to tolerate unknown
ones; a typing error must not pass in silence all the same, so one warning names them and the flag that was probably
meant.
"""
import argparse
import difflib
import logging
import sys

from recipes import MODERN, REFERENCE_BATCH, parse_recipe

log = logging.getLogger(__name__)

NUM_LAYERS = (18, 34, 50)
KV_STORES = ('device', 'local', 'dist_sync', 'dist_device_sync', 'dist_async')
# Flags that the platform sends to jobs of other frameworks; nobody mistyped these (contract 1.3).
PLATFORM_FLAGS = ('init_method', 'rank', 'world_size', 'task_index', 'ps_hosts', 'worker_hosts', 'job_name')
# The tutorial's values for its own data set. The data decides; these defaults only keep the flags' meaning.
TUTORIAL_NUM_CLASSES = 102
TUTORIAL_NUM_EXAMPLES = 7316


def parse_arguments(argv=None):
    """Parse the command line into a namespace; unknown flags are reported by one warning and ignored.

    argv: list of arguments without the program name, or None for sys.argv. The namespace has the flags, and
    asks_for_gpus: whether --num_gpus was given, as the platform does on its GPU machines.
    Exits with status 2 and a sentence when a known flag has a wrong value.
    """
    parser = build_parser()
    argv = sys.argv[1:] if argv is None else list(argv)
    options, unknown = parser.parse_known_args(argv)
    options.recipe = _settle_recipe(options)
    options.asks_for_gpus = any(argument.split('=')[0] == '--num_gpus' for argument in argv)
    if unknown:
        log.warning(describe_unknown(unknown, _flag_names(parser)))
    return options


def build_parser():
    """Build the parser; `allow_abbrev` is off so that `--num_epoch` is a typing error and not `--num_epochs`."""
    parser = argparse.ArgumentParser(
        prog='train_caltech.py', allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description='Train ResNet-18, -34 or -50 on Caltech-101 in RecordIO form and write model/, ready for import as '
                    'a ModelArts service. Paths are local folders, s3:// or obs:// URLs.')
    _add_storage_flags(parser.add_argument_group('where'))
    _add_network_flags(parser.add_argument_group('network'))
    _add_start_flags(parser.add_argument_group('fine-tuning'))
    _add_schedule_flags(parser.add_argument_group('schedule'))
    _add_job_flags(parser.add_argument_group('job'))
    _add_scale_flags(parser.add_argument_group('several devices or machines'))
    return parser


def _add_storage_flags(group):
    group.add_argument('--data_url', required=True, default=argparse.SUPPRESS,
                       help='folder with *train*.rec and *val*.rec')
    group.add_argument('--skip_bad_records', type=int, choices=(0, 1), default=0,
                       help='1: leave a few damaged, small or wrongly labelled images out; 0: refuse such data')
    group.add_argument('--train_url', required=True, default=argparse.SUPPRESS,
                       help='folder for checkpoints/, report/ and model/')


def _add_network_flags(group):
    group.add_argument('--num_layers', type=int, choices=NUM_LAYERS, default=34, help='depth of the ResNet')
    group.add_argument('--image_size', type=image_size, default=224, help='height and width of the input, pixels')
    group.add_argument('--num_classes', type=positive_int, default=TUTORIAL_NUM_CLASSES,
                       help='width of the output; the number of classes in the data wins over the default')
    group.add_argument('--num_examples', type=positive_int, default=TUTORIAL_NUM_EXAMPLES,
                       help='images an epoch; the number of records in the data wins over the default')


def _add_start_flags(group):
    group.add_argument('--pretrained_url', default='',
                       help='network to begin with: PREFIX of PREFIX-symbol.json and PREFIX-NNNN.params, or a model/ '
                            'folder of this job; empty: begin anew')
    group.add_argument('--rgb_mean', type=three_numbers, default=argparse.SUPPRESS,
                       help='mean of the pixels that the network saw, as in 0,0,0 (default: as in the '
                            'preprocessing.json beside it, or ImageNet\'s)')
    group.add_argument('--rgb_std', type=three_deviations, default=argparse.SUPPRESS,
                       help='what the pixels are divided by then, as in 1,1,1 (default: likewise)')


def _add_schedule_flags(group):
    group.add_argument('--num_epochs', type=positive_int, default=30, help='times over the training images')
    group.add_argument('--batch_size', type=positive_int, default=128, help='images an update, over all devices')
    group.add_argument('--lr', type=positive_float, default=argparse.SUPPRESS,
                       help='largest learning rate (default: the recipe\'s, %g for 128 images an update)' % MODERN.lr)
    group.add_argument('--lr_step', type=epoch_list, default=argparse.SUPPRESS,
                       help='epochs after which the learning rate is multiplied by --lr_factor, as in 16,24,27 '
                            '(default: the recipe\'s, half a cosine)')
    group.add_argument('--lr_factor', type=positive_float, default=0.1, help='see --lr_step')
    group.add_argument('--recipe', type=recipe, default='modern',
                       help='modern; tutorial, that of 2019; gentle, for few pictures and few epochs. Parts change as '
                            'in modern,mixup=0.2,lr_step=16:24')


def _add_job_flags(group):
    group.add_argument('--disp_batches', type=positive_int, default=20, help='batches from one speed line to the next')
    group.add_argument('--save_frequency', type=positive_int, default=1, help='epochs from one checkpoint to the next')
    group.add_argument('--save_minutes', type=natural_float, default=10,
                       help='minutes after which there is a checkpoint within a long epoch, too; 0: never')
    group.add_argument('--max_checkpoints', type=positive_int, default=2,
                       help='how many of the newest are kept; with 1 there is none to fall back on')
    group.add_argument('--export_model', type=int, choices=(0, 1), default=1, help='write model/ at the end')
    group.add_argument('--export_int8', type=int, choices=(0, 1), default=0,
                       help='write int8/model/, too, for faster serving on CPUs with MXNet 1.9.1')
    group.add_argument('--tensorboard', type=int, choices=(0, 1), default=0,
                       help='write tensorboard/ after each epoch, for TensorBoard to read while the job runs')
    group.add_argument('--resume', choices=('auto', 'never'), default='auto',
                       help='auto: go on from the newest checkpoint in --train_url; never: start anew, replacing it')
    group.add_argument('--seed', type=seed, default=0, help='decides weights, order and augmentation')


def _add_scale_flags(group):
    group.add_argument('--num_gpus', type=natural_int, default=1,
                       help='GPUs to use on each machine; 0, or none found: the CPU')
    group.add_argument('--gpus', type=gpu_list, default='',
                       help='numbers of the GPUs to use on each machine, as in 0,2; it wins over --num_gpus')
    group.add_argument('--kv_store', choices=KV_STORES, default='device',
                       help='how MXNet adds up gradients: device or local, of the GPUs of one machine; dist_*, of '
                            'several workers, which share each batch, so that --lr stays what it is for one')
    group.add_argument('--dtype', choices=('float32', 'float16'), default='float32',
                       help='of the network between input and softmax; float16 needs a GPU. The model is float32')
    group.add_argument('--gradient_compression', choices=('none', '2bit'), default='none',
                       help='send each element of a gradient as 2 bits and carry the rest on to the next update')
    group.add_argument('--compression_threshold', type=positive_float, default=0.5,
                       help='what 2 bits stand for: plus or minus this, or 0; the gradients are sums over images')
    group.add_argument('--worker_timeout', type=positive_int, default=1800,
                       help='seconds without an answer of the other workers after which this one ends')


def _settle_recipe(options):
    """Return the recipe with the flags that are given, which win, and the learning rate for the size of the batch."""
    recipe = options.recipe
    given = {field: getattr(options, field) for field in ('lr', 'lr_step') if hasattr(options, field)}
    if recipe.scales_lr:
        recipe = recipe._replace(lr=recipe.lr * options.batch_size / REFERENCE_BATCH)
    return recipe._replace(**given)


def describe_unknown(unknown, known):
    """Say in one sentence which arguments had no effect and which flag was probably meant.

    unknown: the arguments that argparse left over; known: names of our flags without dashes.
    """
    typed = [argument for argument in unknown if argument.startswith('-')]
    if not typed:
        return 'The command line ends with %d words that belong to no flag; they had no effect.' % len(unknown)
    hints = []
    for argument in typed:
        name = argument.lstrip('-').split('=')[0]
        near = [] if name in PLATFORM_FLAGS else difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        # without its value, which may be a key that somebody passed by mistake
        hints.append('--%s (did you mean --%s?)' % (name, near[0]) if near else '--' + name)
    return ('These arguments are not known here and had no effect: %s. The platform adds some of its own; check the '
            'spelling of those that you typed.' % ', '.join(hints))


def positive_int(text):
    """Return text as an int of at least 1; ArgumentTypeError otherwise."""
    return _checked(text, int, lambda value: value >= 1, 'a whole number of at least 1')


def natural_int(text):
    """Return text as an int of at least 0; ArgumentTypeError otherwise."""
    return _checked(text, int, lambda value: value >= 0, 'a whole number of at least 0')


def seed(text):
    """Return text as an int that NumPy and MXNet take as a seed; ArgumentTypeError otherwise."""
    return _checked(text, int, lambda value: 0 <= value < 2 ** 32, 'a whole number from 0 to 4294967295')


def gpu_list(text):
    """Turn `'0,2'` into the tuple (0, 2), in that order; an empty text gives an empty tuple."""
    numbers = [part.strip() for part in text.split(',')] if text.strip() else []
    if any(not number.isdigit() for number in numbers) or len(set(map(int, numbers))) < len(numbers):
        raise argparse.ArgumentTypeError('%r is not a list of different GPU numbers with commas, as in 0,2' % text)
    return tuple(map(int, numbers))


def recipe(text):
    """Return the Recipe that text asks for; ArgumentTypeError otherwise."""
    try:
        return parse_recipe(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def three_numbers(text):
    """Turn `'123.7,116.8,103.9'`, a number for red, green and blue, into a tuple of floats."""
    return _checked(text, lambda value: tuple(map(float, value.split(','))),
                    lambda value: len(value) == 3 and all(abs(number) < float('inf') for number in value),
                    'three numbers with commas, as in 123.7,116.8,103.9')


def three_deviations(text):
    """Turn `'58.4,57.1,57.4'`, a number above 0 for red, green and blue, into a tuple of floats."""
    return _checked(three_numbers(text), tuple, lambda value: min(value) > 0, 'three numbers above 0')


def positive_float(text):
    """Return text as a finite float above 0; ArgumentTypeError otherwise."""
    return _checked(text, float, lambda value: 0 < value < float('inf'), 'a number above 0')


def image_size(text):
    """Return text as pixels from 16 to 1024; below 16 the last stage of the network has nothing left to see."""
    return _checked(text, int, lambda value: 16 <= value <= 1024, 'a number of pixels from 16 to 1024')


def natural_float(text):
    """Return text as a finite float of at least 0; ArgumentTypeError otherwise."""
    return _checked(text, float, lambda value: 0 <= value < float('inf'), 'a number of at least 0')


def epoch_list(text):
    """Turn `'16, 24, 27'` into the tuple (16, 24, 27), ascending; an empty text gives an empty tuple."""
    epochs = []
    for part in text.split(','):
        if part.strip():
            if not part.strip().isdigit() or int(part) < 1:
                raise argparse.ArgumentTypeError(
                    '%r: %r is not an epoch number; write numbers of at least 1 with commas, as in 16,24,27'
                    % (text, part.strip()))
            epochs.append(int(part))
    return tuple(sorted(set(epochs)))


def _checked(text, convert, is_valid, expected):
    try:
        value = convert(text)
    except ValueError:
        value = None
    if value is None or not is_valid(value):
        raise argparse.ArgumentTypeError('%r is not %s' % (text, expected))
    return value


def _flag_names(parser):
    # argparse offers no public list of a parser's own flags before 3.14; format_usage would have to be parsed back
    return [option.lstrip('-') for action in parser._actions for option in action.option_strings
            if option.startswith('--')]
