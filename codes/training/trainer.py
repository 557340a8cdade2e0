"""The training itself: module, optimizer, epochs, validation, best epoch."""
import collections
import logging
import time

import numpy as np
from mxnet_support import engine

from errors import DataError
from progress import SpeedLog, log_measures
from .checkpoints import NOTHING_BEGUN, Begun, Checkpoint
from .evaluator import Evaluator, to_mxnet
from .measures import RunningMeasures
from .schedules import LearningRate
from .updates import begin_updates

mx = engine.import_mxnet()
log = logging.getLogger(__name__)

# history: list of dicts, one an epoch; best: {'epoch': number of epochs trained, 'accuracy': on validation}
Training = collections.namedtuple('Training', 'history best')


class Trainer:
    """One training run.

    network: Network; batches: TrainingBatches; validation: EvaluationBatches; checkpoints: CheckpointFolder; options:
    the parsed flags; workers: Cluster, or OneWorker, whose part of each batch `batches` are; devices: this worker's.
    """

    def __init__(self, network, batches, validation, checkpoints, options, workers, devices):
        self._first_weights = network.weights
        self._batches = batches
        self._validation = validation
        self._checkpoints = checkpoints
        self._recipe = options.recipe
        self._schedule = LearningRate(options.recipe, options.lr_factor, options.num_epochs, len(batches))
        self._options = options
        self._workers = workers
        self._saved = time.time()                           # when the newest checkpoint was written
        self._num_images = devices.num_images
        self._module = mx.mod.Module(network.symbol, data_names=['data'], label_names=['softmax_label'],
                                     context=devices.contexts, work_load_list=devices.shares)
        # On a module of its own: MXNet 1.9.1 changes the memory layout of the weights that it infers with, some time
        # later, and from then on trains with other roundings, no two runs alike
        self._evaluator = Evaluator(network.symbol, devices.contexts)
        self._updates, self._interruption = None, None      # from `fit` on
        # MXNet 1.2.1 and 1.9.1 keep NAG's momentum with opposite signs and scales, one device and several under
        # different keys: states of another layout would train in a wrong direction
        self._optimizer_layout = 'MXNet %s on %d devices' % ('.'.join(mx.__version__.split('.')[:2]),
                                                               len(devices.contexts))
        if options.dtype != 'float32':
            self._optimizer_layout += ' in ' + options.dtype

    def fit(self, interruption, checkpoint=None, on_epoch=None):
        """Train up to options.num_epochs, from the start or from a Checkpoint; returns a Training.

        interruption: Interruption, looked at after each batch.
        on_epoch: called after each epoch, when its checkpoint is written, with the history up to it.
        Raises DataError when the loss is no longer a number, Interrupted when it was asked to end.
        """
        options = self._options
        self._interruption = interruption
        self._prepare(checkpoint)
        first, begun, history, best = 0, NOTHING_BEGUN, [], {'epoch': 0, 'accuracy': -1.0}
        if checkpoint is not None:
            first, begun, history, best = checkpoint[:4]
        if first >= options.num_epochs:
            log.warning('--train_url holds a training of %d epochs already; --num_epochs=%d adds none', first,
                        options.num_epochs)
        for epoch in range(first, options.num_epochs):
            with interruption.saving():
                history.append(self._run_epoch(epoch, begun, history, best))
                begun = NOTHING_BEGUN
                if history[-1]['validation-accuracy'] > best['accuracy']:
                    best = {'epoch': epoch + 1, 'accuracy': history[-1]['validation-accuracy']}
                    self._workers.together(lambda: self._checkpoints.save_best(self._module, best['epoch']))
                if (epoch + 1) % options.save_frequency == 0 or epoch + 1 == options.num_epochs:
                    self._workers.together(lambda: self._save(epoch + 1, NOTHING_BEGUN, history, best))
                self._end_if_asked(epoch + 1, NOTHING_BEGUN, history, best)
            if on_epoch is not None:
                on_epoch(history)
        return Training(history, best)

    def measure_best(self, best, validation):
        """Load the weights of the best epoch and run a validation set, EvaluationBatches, through them.

        Returns (labels, probabilities): int array (N,), float array (N, classes).
        """
        self._module.load_params(self._checkpoints.best_params_path(best['epoch']))
        return self._evaluator.evaluate(self._module, validation)[1:]

    def _save(self, num_epochs, begun, history, best):
        # BatchNorm's backward pass changes the moving statistics, and MXNet lets them be read before it has
        mx.nd.waitall()
        self._checkpoints.save(self._module, Checkpoint(num_epochs, begun, history, best, self._optimizer_layout))
        self._saved = time.time()

    def _prepare(self, checkpoint):
        """Bind the module and set weights and optimizer, new or from the checkpoint."""
        options, module = self._options, self._module
        side = options.image_size
        mx.random.seed(options.seed)
        module.bind(data_shapes=[('data', (self._num_images, 3, side, side))],
                    label_shapes=[('softmax_label', (self._num_images, options.num_classes))])
        if checkpoint is None:
            given = {name: mx.nd.array(array) for name, array in self._first_weights.items()}
            module.init_params(mx.init.Xavier(rnd_type='gaussian', factor_type='in', magnitude=2), given, given,
                               allow_missing=True)
        else:
            module.load_params(self._checkpoints.params_path(checkpoint))
        # workers that change the same weights one by one all let them decay
        weight_decay = self._recipe.weight_decay / (self._workers.size if self._workers.is_async else 1)
        module.init_optimizer(kvstore=None, optimizer='nag', optimizer_params={
            'learning_rate': self._recipe.lr, 'momentum': self._recipe.momentum, 'wd': weight_decay,
            'rescale_grad': 1.0 / options.batch_size, 'multi_precision': options.dtype == 'float16',
            'clip_gradient': self._recipe.clip_gradient, 'lr_scheduler': self._schedule,
            'begin_num_update': self._num_updates(checkpoint)})
        if checkpoint is not None:
            log.info('going on after %s from %s', checkpoint, self._checkpoints.params_path(checkpoint))
            self._load_momentum(checkpoint)
        self._updates = begin_updates(module, self._workers, options)

    def _num_updates(self, checkpoint):
        if checkpoint is None:
            return 0
        return checkpoint.num_epochs * len(self._batches) + checkpoint.begun.num_batches

    def _load_momentum(self, checkpoint):
        if checkpoint.optimizer_layout == self._optimizer_layout:
            self._module.load_optimizer_states(self._checkpoints.states_path(checkpoint))
        else:
            log.warning('the checkpoint was written by %s, this is %s: momentum starts at zero',
                        checkpoint.optimizer_layout, self._optimizer_layout)

    def _run_epoch(self, epoch, begun, history, best):
        """Train and validate one epoch, or what is left of it; returns its line of the history."""
        started = time.time() - begun.seconds
        own = self._train_epoch(epoch, begun, history, best)
        trained = Begun(len(self._batches), own.sums, time.time() - started)
        measures = own.summed(self._workers.sum).values()
        self._refuse_divergence(measures, epoch)
        log_measures(epoch, 'Train', measures)
        log.info('Epoch[%d] Time cost=%.3f', epoch, trained.seconds)
        validation = self._workers.together(lambda: self._evaluator.evaluate(
            self._module, self._validation, lambda: self._end_if_asked(epoch, trained, history, best))[0])
        validation = validation.summed(self._workers.sum).values()
        self._refuse_divergence(validation, epoch)      # the last update may have done it
        log_measures(epoch, 'Validation', validation)
        epochs_to_come = self._options.num_epochs - epoch - 1
        log.info('epoch %d of %d done, eta_s=%d', epoch + 1, self._options.num_epochs,
                 (time.time() - started) * epochs_to_come)
        return collections.OrderedDict(
            [('epoch', epoch), ('lr', self._schedule.at_epoch(epoch)), ('seconds', round(trained.seconds, 3))]
            + [('train-' + name, value) for name, value in measures.items()]
            + [('validation-' + name, value) for name, value in validation.items()])

    def _train_epoch(self, epoch, begun, history, best):
        """Train one epoch from where it was begun; returns the RunningMeasures of this worker's part."""
        measures = RunningMeasures(begun.sums)
        speed = SpeedLog(epoch, len(self._batches), self._options)
        started = time.time() - begun.seconds
        with self._updates.telling():
            for number, batch in enumerate(self._batches.epoch(epoch, begun.num_batches), start=begun.num_batches + 1):
                self._module.forward_backward(to_mxnet(batch))
                self._updates.step()
                measures.add(self._module.get_outputs()[0].asnumpy(), batch.labels)
                speed.tick(number, measures)
                now = Begun(number, measures.sums, time.time() - started)
                self._end_if_asked(epoch, now, history, best)
                if self._workers.size == 1 and self._is_time_to_save():
                    self._save(epoch, now, history, best)
        mx.nd.waitall()     # for the validation, as for a checkpoint
        self._updates.settle()
        return measures

    def _end_if_asked(self, epoch, begun, history, best):
        """Save what is trained and raise Interrupted when a signal has come.

        One of several workers does not save: the others would have to be at the same place.
        """
        if not self._interruption.is_asked_for:
            return
        if self._workers.size > 1:
            raise self._interruption.error('the newest checkpoint')
        self._save(epoch, begun, history, best)
        place = 'batch %d of epoch %d' % (begun.num_batches + 1, epoch + 1)
        if begun.num_batches == len(self._batches):
            place = 'the validation of epoch %d' % (epoch + 1)
        elif epoch == self._options.num_epochs:
            place = 'the end of the last epoch'
        raise self._interruption.error(place)

    def _is_time_to_save(self):
        return 0 < self._options.save_minutes * 60 <= time.time() - self._saved

    def _refuse_divergence(self, values, epoch):
        """Raise DataError when the loss is no longer a number: such weights are neither kept nor exported."""
        loss = values['cross-entropy']
        if not np.isfinite(loss):
            kept = '; the checkpoints of the epochs before are kept' if epoch else ''
            raise DataError('the loss became %s in epoch %d of %d: the training has diverged. Choose a smaller --lr '
                            '(it is %g)%s.' % (loss, epoch + 1, self._options.num_epochs, self._recipe.lr, kept))
