"""The boot file: train a ResNet on Caltech-101 and write model/, ready for import as a ModelArts service.

    python train_caltech.py --data_url=DATA --train_url=OUT [--num_epochs=30 ...]

DATA and OUT are folders or s3:// / obs:// URLs. `--help` lists the flags; errors.py the exit codes.
"""
import logging
import os
import shutil
import sys

# ModelArts starts this file from the parent folder; the modules beside it are found by Python itself.
from mxnet_support import engine

import arguments
import cluster
import event_files
import export
import progress
import report
import staging
from batches import EvaluationBatches, TrainingBatches
from checkpoints import CheckpointFolder
from errors import EXIT_OUR_DEFECT, DataError, JobError, StorageError
from interruption import Interruption
from preprocessing import Preprocessing
from pretrained_files import digest_of, preprocessing_for, stage_in_pretrained
from recipes import COSINE
from records import open_dataset
from shared_checkpoints import FollowerCheckpoints, newest_for_all

log = logging.getLogger('train_caltech')

# With data and recipe, all that decides the course of a training
RECIPE_FLAGS = ('lr', 'lr_step')
IDENTITY_FLAGS = ('num_layers', 'image_size', 'num_classes', 'num_examples', 'batch_size', 'lr_factor', 'seed')
# The workers of a training must agree on these, too
COMMON_FLAGS = ('num_epochs', 'kv_store', 'dtype', 'gradient_compression', 'compression_threshold', 'resume')


def main(argv=None):
    """Run the job; returns its exit code."""
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(levelname)s %(message)s',
                        handlers=[progress.LogHandler(sys.stderr)])
    options = arguments.parse_arguments(argv)
    try:
        with Interruption() as interruption:
            run(options, interruption)
    except JobError as error:
        log.error('%s', error)
        return error.exit_code
    except engine.EngineMissing as error:
        log.error('%s', error)
        return JobError.exit_code
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


def run(options, interruption):
    """Stage in, train, export, stage out. Raises JobError."""
    staging.refuse_same_folder(options.data_url, options.train_url)
    with cluster.join(options.kv_store, options.worker_timeout) as team:
        progress.name_worker(team.rank, team.size)
        scratch, output = staging.make_scratch_folder(), None
        try:
            # the others' output is what they are sent of worker 0's
            place = options.train_url if team.is_first else os.path.join(scratch, 'output')
            output = team.together(lambda: staging.OutputFolder(place, scratch))
            data_folder = team.together(lambda: staging.stage_in(options.data_url, scratch))
            pretrained = team.together(lambda: stage_in_pretrained(options.pretrained_url, scratch)
                                       if options.pretrained_url else None)
            train_and_export(options, data_folder, pretrained, output, team, interruption)
        finally:
            staging.remove_scratch(scratch, output)


def train_and_export(options, data_folder, pretrained, output, team, interruption):
    """Train on a local data folder and write checkpoints/, report/ and model/ into the output.

    pretrained: PretrainedFiles to begin with, or None. team: OneWorker or Cluster; of a Cluster, worker 0 alone writes.
    """
    import networks         # these load MXNet; --help and a wrong flag need not wait for it
    import schedules
    import training

    threads = engine.usable_processors()
    with team.together(lambda: open_dataset(data_folder, options.image_size, threads,
                                            options.skip_bad_records)) as dataset:
        team.together(lambda: settle_counts(options, len(dataset.train), len(dataset.class_names)))
        own = team.part(options.batch_size)
        contexts = team.together(lambda: choose_devices(options, own.stop - own.start))
        recipe = options.recipe
        preprocessing = team.together(lambda: preprocessing_for(options, pretrained))
        network = team.together(lambda: networks.network_for(options, pretrained))
        batches = TrainingBatches(dataset.train, options.num_examples, options.batch_size, preprocessing,
                                  recipe, len(dataset.class_names), options.seed, threads, own)
        validation = EvaluationBatches(dataset.val, own.stop - own.start, preprocessing, threads,
                                       team.part(len(dataset.val)))
        identity = identity_of(options, dataset, pretrained, preprocessing)
        team.refuse_differences(dict(identity, devices=len(contexts),
                                     **{name: getattr(options, name) for name in COMMON_FLAGS}))
        checkpoints = (CheckpointFolder if team.is_first else FollowerCheckpoints)(
            output, identity, options.max_checkpoints)
        schedule = schedules.LearningRate(recipe.lr, recipe.warmup, recipe.lr_step, options.lr_factor,
                                          options.num_epochs, len(batches))

        trainer = training.Trainer(network, batches, validation, checkpoints, schedule, options, team, contexts,
                                   interruption)
        tensorboard = None
        if options.tensorboard and team.is_first:
            tensorboard = event_files.EpochEvents(output, options.num_examples)
        result = trainer.fit(newest_for_all(checkpoints, team) if options.resume == 'auto' else None,
                             on_epoch=tensorboard)
        team.leave()
        if not team.is_first:
            return
        whole = EvaluationBatches(dataset.val, own.stop - own.start, preprocessing, threads)
        labels, probabilities = trainer.measure_best(result.best, whole)
        mistakes = report.surest_mistakes(labels, probabilities, dataset.val)
    metrics = report.write_report(output, result, labels, probabilities, dataset.class_names)
    best_epoch = result.best['epoch']
    log.info('best epoch is %d of %d: %s', best_epoch, len(result.history),
             ', '.join('%s %.4f' % item for item in metrics.items()))
    if options.export_model:
        place = export_model(options, output, network.exported, checkpoints.best_params_path(best_epoch),
                             dataset.class_names, preprocessing, metrics)
        environment = export.deployment_environment(options.image_size, options.num_classes)
        log.info('model exported to %s from epoch %d. Import its parent folder; deploy with %s', place, best_epoch,
                 ' '.join('%s=%s' % pair for pair in environment))
    output.publish(report.FOLDER, report.NUMBERS)
    report.write_page(output, result, mistakes,
                      report.describe_run(options, recipe, list(map(str, contexts)),
                                          engine.import_mxnet().__version__))
    log.info('report: %s/%s', output.publish(report.FOLDER, report.PICTURES), report.PAGE)


def export_model(options, output, symbol, params_path, class_names, preprocessing, metrics):
    """Write and publish model/, which is float32 whatever the training was; returns its place."""
    import precision

    export.write_model(output, symbol, params_path, class_names, preprocessing, metrics,
                       shutil.copyfile if options.dtype == 'float32' else precision.copy_as_float32)
    return output.publish(export.FOLDER, export.FILES)


def choose_devices(options, num_images):
    """Return the devices of this worker, which take num_images of each batch. Raises DataError when they cannot."""
    import devices
    import updates

    contexts = devices.choose_contexts(options.num_gpus, options.gpus, options.asks_for_gpus)
    devices.refuse_misfits(contexts, options.batch_size, num_images, options.dtype)
    updates.refuse_what_cannot_be_sent(options, len(contexts))
    return contexts


def identity_of(options, dataset, pretrained, preprocessing):
    """Return {name: value} of all that decides the course of the training."""
    identity = {name: getattr(options, name) for name in IDENTITY_FLAGS}
    identity.update((part if part in RECIPE_FLAGS else 'recipe.' + part, value)
                    for part, value in options.recipe._asdict().items())
    if options.recipe.lr_step == COSINE or options.recipe.warmup:   # a longer one has other rates from the start
        identity['num_epochs'] = options.num_epochs
    if pretrained is not None:
        identity['pretrained_sha256'] = digest_of(pretrained)
    usual = Preprocessing.for_image_size(options.image_size)
    identity.update((name, value) for name, value in preprocessing._asdict().items() if value != getattr(usual, name))
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
    cluster.end_process(main())
