"""One job from its data to its model: stage in, train, report, export, stage out."""
import logging
import os
import shutil

from mxnet_support import engine

import arguments
import event_files
import export
import progress
import report
import staging
from dataset.batches import EvaluationBatches, TrainingBatches
from dataset.records import open_dataset
from errors import DataError
from identity import facts_in_common, identity_of
from network.pretrained_files import preprocessing_for, stage_in_pretrained
from training import cluster
from training.checkpoints import CheckpointFolder
from training.shared_checkpoints import FollowerCheckpoints, newest_for_all

log = logging.getLogger(__name__)


def run(options, interruption):
    """Do all of the job on this worker. options: the parsed flags. Raises JobError."""
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
            threads = engine.usable_processors()
            with team.together(lambda: open_dataset(data_folder, options.image_size, threads,
                                                    options.skip_bad_records)) as dataset:
                team.together(lambda: settle_counts(options, len(dataset.train), len(dataset.class_names)))
                _Job(options, dataset, pretrained, output, team, threads).run(interruption)
        finally:
            staging.remove_scratch(scratch, output)


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


class _Job:
    """What is left to do once the data is here: the training and, on worker 0, what comes of it.

    pretrained: PretrainedFiles to begin with, or None. team: OneWorker or Cluster; of a Cluster, worker 0 alone writes.
    threads: how many prepare the images.
    """

    def __init__(self, options, dataset, pretrained, output, team, threads):
        from network import int8, starting_point        # these load MXNet; --help and a wrong flag need not wait for it
        from training.devices import choose_devices
        from training.updates import refuse_what_cannot_be_sent

        self._options, self._dataset, self._output, self._team, self._threads = options, dataset, output, team, threads
        own = team.part(options.batch_size)
        if options.export_int8:
            team.together(lambda: int8.refuse_old_engine('--export_int8=1'))
        self._devices = team.together(lambda: choose_devices(options, own.stop - own.start))
        team.together(lambda: refuse_what_cannot_be_sent(options, len(self._devices.contexts)))
        self._preprocessing = team.together(lambda: preprocessing_for(options, pretrained))
        self._network = team.together(lambda: starting_point.network_for(options, pretrained))
        identity = identity_of(options, dataset, pretrained, self._preprocessing)
        team.refuse_differences(facts_in_common(options, identity, self._devices))
        self._checkpoints = (CheckpointFolder if team.is_first else FollowerCheckpoints)(
            output, identity, options.max_checkpoints)

    def run(self, interruption):
        """Train; on worker 0 also measure the best epoch and write report/ and model/."""
        trainer, result = self._train(interruption)
        self._team.leave()
        if not self._team.is_first:
            return
        labels, probabilities = trainer.measure_best(result.best, self._validation())
        metrics = report.write_report(self._output, result, labels, probabilities, self._dataset.class_names)
        log.info('best epoch is %d of %d: %s', result.best['epoch'], len(result.history),
                 ', '.join('%s %.4f' % item for item in metrics.items()))
        if self._options.export_model:
            self._export(result.best['epoch'], metrics)
            if self._options.export_int8:
                self._export_int8()
        self._output.publish(report.FOLDER, report.NUMBERS)
        self._write_page(result, report.surest_mistakes(labels, probabilities, self._dataset.val))

    def _train(self, interruption):
        """Return (Trainer, Training)."""
        from training.trainer import Trainer

        options, team = self._options, self._team
        batches = TrainingBatches(self._dataset.train, options.num_examples, options.batch_size, self._preprocessing,
                                  options.recipe, len(self._dataset.class_names), options.seed, self._threads,
                                  team.part(options.batch_size))
        trainer = Trainer(self._network, batches, self._validation(team.part(len(self._dataset.val))),
                          self._checkpoints, options, team, self._devices)
        tensorboard = None
        if options.tensorboard and team.is_first:
            tensorboard = event_files.EpochEvents(self._output, options.num_examples)
        checkpoint = newest_for_all(self._checkpoints, team) if options.resume == 'auto' else None
        return trainer, trainer.fit(interruption, checkpoint, on_epoch=tensorboard)

    def _validation(self, part=None):
        """Return EvaluationBatches of a part of the validation images, a slice, or of all of them."""
        return EvaluationBatches(self._dataset.val, self._devices.num_images, self._preprocessing, self._threads, part)

    def _export(self, epoch, metrics):
        """Write and publish model/, which is float32 whatever the training was."""
        from network import precision

        options = self._options
        export.write_model(self._output, self._network.exported, self._checkpoints.best_params_path(epoch),
                           self._dataset.class_names, self._preprocessing, metrics,
                           shutil.copyfile if options.dtype == 'float32' else precision.copy_as_float32)
        environment = export.deployment_environment(options.image_size, options.num_classes)
        log.info('model exported to %s from epoch %d. Import its parent folder; deploy with %s',
                 self._output.publish(export.FOLDER, export.FILES), epoch,
                 ' '.join('%s=%s' % pair for pair in environment))

    def _export_int8(self):
        """Write and publish int8/; that 8 bits cost too much is a warning, as the model itself is there."""
        import int8_export

        try:
            place, _ = int8_export.write_int8(self._output, self._dataset.val, self._preprocessing, self._threads)
        except int8_export.AccuracyFell as error:
            log.warning('%s', error)
        else:
            log.info('int8 model exported to %s. Serve its parent folder with MXNet 1.9.1; the platform\'s '
                     'MXNet-1.2.1 does not load it', place)

    def _write_page(self, result, mistakes):
        contexts = [str(context) for context in self._devices.contexts]
        report.write_page(self._output, result, mistakes,
                          report.describe_run(self._options, self._options.recipe, contexts,
                                              engine.import_mxnet().__version__))
        log.info('report: %s/%s', self._output.publish(report.FOLDER, report.PICTURES), report.PAGE)
