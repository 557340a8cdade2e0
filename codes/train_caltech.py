"""The boot file: train a ResNet on Caltech-101 and write model/, ready for import as a ModelArts service.

    python train_caltech.py --data_url=DATA --train_url=OUT [--num_epochs=30 ...]

DATA and OUT are folders or s3:// / obs:// URLs. `--help` lists the flags; errors.py the exit codes.
"""
import logging
import sys

# ModelArts starts this file from the parent folder; the modules beside it are found by Python itself.
from mxnet_support import engine

import arguments
import event_files
import export
import progress
import report
import staging
from batches import EvaluationBatches, TrainingBatches
from checkpoints import CheckpointFolder
from errors import EXIT_INTERRUPTED, EXIT_OUR_DEFECT, DataError, JobError, StorageError
from preprocessing import Preprocessing
from recipes import COSINE
from records import open_dataset

log = logging.getLogger('train_caltech')

# With data and recipe, all that decides the course of a training
IDENTITY_FLAGS = ('num_layers', 'image_size', 'num_classes', 'num_examples', 'batch_size', 'lr_factor', 'seed')


def main(argv=None):
    """Run the job; returns its exit code."""
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(levelname)s %(message)s',
                        handlers=[progress.LogHandler(sys.stderr)])
    options = arguments.parse_arguments(argv)
    try:
        run(options)
    except JobError as error:
        log.error('%s', error)
        return error.exit_code
    except engine.EngineMissing as error:
        log.error('%s', error)
        return JobError.exit_code
    except KeyboardInterrupt:
        log.error('interrupted; the same command goes on from the newest checkpoint')
        return EXIT_INTERRUPTED
    except OSError as error:            # a full disk, a file without permission: str() names the file
        log.error('reading or writing a file failed: %s', error)
        return StorageError.exit_code
    except Exception as error:
        if 'out of memory' in str(error).lower():
            log.error('the memory of the device is full: choose a smaller --batch_size or --image_size. (%s)',
                      str(error).splitlines()[-1])
            return JobError.exit_code
        log.exception('this is a defect of train_caltech.py, not of your data')
        return EXIT_OUR_DEFECT
    return 0


def run(options):
    """Stage in, train, export, stage out. Raises JobError."""
    staging.refuse_same_folder(options.data_url, options.train_url)
    scratch, output = staging.make_scratch_folder(), None
    try:
        output = staging.OutputFolder(options.train_url, scratch)
        train_and_export(options, staging.stage_in(options.data_url, scratch), output)
    finally:
        staging.remove_scratch(scratch, output)


def train_and_export(options, data_folder, output):
    """Train on a local data folder and write checkpoints/, report/ and model/ into the output."""
    import resnet           # these load MXNet; --help and a wrong flag need not wait for it
    import schedules
    import training

    workers = engine.usable_processors()
    with open_dataset(data_folder, options.image_size, workers, options.skip_bad_records) as dataset:
        settle_counts(options, len(dataset.train), len(dataset.class_names))
        recipe = options.recipe
        preprocessing = Preprocessing.for_image_size(options.image_size)
        batches = TrainingBatches(dataset.train, options.num_examples, options.batch_size, preprocessing,
                                  recipe, len(dataset.class_names), options.seed, workers)
        validation = EvaluationBatches(dataset.val, options.batch_size, preprocessing, workers)
        identity = identity_of(options, dataset)
        checkpoints = CheckpointFolder(output, identity)
        schedule = schedules.LearningRate(recipe.lr, recipe.warmup, recipe.lr_step, options.lr_factor,
                                          options.num_epochs, len(batches))
        symbol = resnet.get_symbol(options.num_classes, options.num_layers, options.image_size, recipe)

        trainer = training.Trainer(symbol, batches, validation, checkpoints, recipe, schedule, options)
        tensorboard = event_files.EpochEvents(output, options.num_examples) if options.tensorboard else None
        result = trainer.fit(checkpoints.newest() if options.resume == 'auto' else None, on_epoch=tensorboard)
        labels, probabilities = trainer.measure_best(result.best)
        mistakes = report.surest_mistakes(labels, probabilities, dataset.val)
    metrics = report.write_report(output, result, labels, probabilities, dataset.class_names)
    best_epoch = result.best['epoch']
    log.info('best epoch is %d of %d: %s', best_epoch, len(result.history),
             ', '.join('%s %.4f' % item for item in metrics.items()))
    if options.export_model:
        export.write_model(output, symbol, checkpoints.best_params_path(best_epoch), dataset.class_names, preprocessing,
                           metrics)
        place = output.publish(export.FOLDER, export.FILES)
        environment = export.deployment_environment(options.image_size, options.num_classes)
        log.info('model exported to %s from epoch %d. Import its parent folder; deploy with %s', place, best_epoch,
                 ' '.join('%s=%s' % pair for pair in environment))
    output.publish(report.FOLDER, report.NUMBERS)
    report.write_page(output, result, mistakes,
                      report.describe_run(options, recipe, trainer.devices, engine.import_mxnet().__version__))
    log.info('report: %s/%s', output.publish(report.FOLDER, report.PICTURES), report.PAGE)


def identity_of(options, dataset):
    """Return {name: value} of all that decides the course of the training."""
    identity = {name: getattr(options, name) for name in IDENTITY_FLAGS}
    identity.update(('recipe.' + part, value) for part, value in options.recipe._asdict().items())
    if options.recipe.lr_step == COSINE or options.recipe.warmup:   # a longer one has other rates from the start
        identity['num_epochs'] = options.num_epochs
    return dict(identity, data_sha256=dataset.sha256)


def settle_counts(options, num_records, num_classes):
    """Set num_examples and num_classes from the data; flags that say otherwise win with a warning or are refused."""
    if options.num_examples == arguments.TUTORIAL_NUM_EXAMPLES:
        options.num_examples = num_records
    elif options.num_examples != num_records:
        log.warning('--num_examples=%d, but the data has %d training images; an epoch takes %d.', options.num_examples,
                    num_records, options.num_examples)
    if options.num_classes not in (arguments.TUTORIAL_NUM_CLASSES, num_classes):
        raise DataError('--num_classes=%d, but the data has %d classes. Leave the flag out, or give data with as many '
                        'classes.' % (options.num_classes, num_classes))
    options.num_classes = num_classes


if __name__ == '__main__':
    sys.exit(main())
