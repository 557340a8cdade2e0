"""Checkpoints of a training: written aside, renamed when complete, copied to the bucket, found again.

    checkpoints/
      resnet-symbol.json                      the network, in MXNet's own format
      resnet-0007.params, resnet-0007.states  after epoch 7: weights, optimizer state
      best-0005.params                        the weights of the best epoch so far
      resnet-0007.json                        written last: arguments, history, best epoch, sha256 of the other files;
                                              without it there is no checkpoint 7
      resnet-0007-batch-000031.*              the same after 31 batches of the epoch that followed

The .states file is MXNet's own and a Python pickle: going on from a checkpoint trusts whoever can write to --train_url.
"""
import collections
import json
import logging
import os
import re

from mxnet_support import engine

from errors import DataError, StorageError
from files import read_json, replacing, sha256_of, write_json

log = logging.getLogger(__name__)

FOLDER = 'checkpoints'
PREFIX = 'resnet'
SYMBOL = PREFIX + '-symbol.json'
_MARKER = re.compile(PREFIX + r'-(\d{4,})(?:-batch-(\d{6,}))?\.json$')
_WEIGHTS = re.compile(r'(%s-\d{4,}(-batch-\d{6,})?\.(params|states)|best-\d{4,}\.params)$' % PREFIX)

# Of an epoch that is not finished. num_batches: done; sums: of its RunningMeasures; seconds: spent on it
Begun = collections.namedtuple('Begun', 'num_batches sums seconds')
NOTHING_BEGUN = Begun(0, (0, 0, 0, 0.0), 0.0)


class Checkpoint(collections.namedtuple('Checkpoint', 'num_epochs begun history best optimizer_layout')):
    """A moment of a training.

    num_epochs: epochs finished; begun: Begun, of the epoch after them; history: list of {measure: value}, one an epoch;
    best: {'epoch', 'accuracy'}, epoch 0 when there is none yet; optimizer_layout: str, states of another layout cannot
    be loaded.
    """

    @property
    def stem(self):
        """What the names of its files begin with."""
        batches = '-batch-%06d' % self.begun.num_batches if self.begun.num_batches else ''
        return '%s-%04d%s' % (PREFIX, self.num_epochs, batches)

    def __str__(self):
        batches = ' and %d batches' % self.begun.num_batches if self.begun.num_batches else ''
        return '%d epochs%s' % (self.num_epochs, batches)


class CheckpointFolder:
    """Writes and finds the checkpoints of one training.

    output: OutputFolder. identity: {name: value} of all that decides the course of the training; a checkpoint of a
    different training is never continued. max_kept: of the newest; the one before the newest is there in case that
    one is torn.
    """

    def __init__(self, output, identity, max_kept):
        self._output = output
        self._max_kept = max_kept
        self._identity = json.loads(json.dumps(identity))       # tuples become lists, as they come back from the file
        self._path = output.make_folder(FOLDER)
        self._written = collections.OrderedDict()               # marker -> all files of that checkpoint, oldest first

    def path_of(self, name):
        """Return the local path of a file of the folder."""
        return os.path.join(self._path, name)

    def params_path(self, checkpoint):
        """Return the local path of a checkpoint's weights."""
        return self.path_of(checkpoint.stem + '.params')

    def states_path(self, checkpoint):
        """Return the local path of a checkpoint's optimizer state."""
        return self.path_of(checkpoint.stem + '.states')

    def best_params_path(self, epoch):
        """Return the local path of the weights that `save_best` wrote for an epoch."""
        return self.path_of(best_params_name(epoch))

    def save_best(self, module, epoch):
        """Keep the present weights as those of the best epoch so far; the next `save` puts them into a checkpoint."""
        _save_params(module, self.best_params_path(epoch))

    def save(self, module, checkpoint):
        """Write a Checkpoint with the module's weights and optimizer state, and copy it to the bucket.

        module: trained mx.mod.Module. A bucket that does not answer is a warning here: the training goes on, and the
        next checkpoint is another chance.
        """
        stem = checkpoint.stem
        _save_params(module, self.params_path(checkpoint))
        with replacing(self.states_path(checkpoint)) as part:
            module.save_optimizer_states(part)
        with replacing(self.path_of(SYMBOL)) as part:
            module.symbol.save(part)
        names = [SYMBOL, stem + '.params', stem + '.states']
        if checkpoint.best['epoch']:
            names.append(best_params_name(checkpoint.best['epoch']))
        digests = collections.OrderedDict((name, sha256_of(self.path_of(name))) for name in names)
        marker = collections.OrderedDict(checkpoint._asdict(), identity=self._identity, sha256=digests)
        write_json(marker, self.path_of(stem + '.json'))
        names.append(stem + '.json')                            # last in the bucket too
        self._written[names[-1]] = names
        try:
            self._output.publish(FOLDER, names)
            self._remove_replaced()
        except StorageError as error:
            log.warning('the checkpoint of %s stays on this machine, the training goes on: %s', checkpoint, error)

    def newest(self):
        """Return the newest sound Checkpoint, fetched from the bucket if need be, or None when there is none at all.

        Raises DataError when it belongs to another training, or when none of several is sound; StorageError when the
        bucket does not answer: starting anew would replace checkpoints that are good.
        """
        markers = [name for name in self._output.list_folder(FOLDER) if _MARKER.match(name)]
        for name in sorted(markers, key=_age, reverse=True):
            try:
                checkpoint, identity, files = self._fetch(name)
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning('%s is damaged or incomplete, the one before it is tried: %s', name, error)
                continue
            self._refuse_other_training(identity)
            self._written[name] = files + [name]
            return checkpoint
        if markers:
            raise DataError('none of the %d checkpoints in --train_url is sound. --resume=never starts anew and '
                            'replaces them.' % len(markers))
        return None

    def newest_files(self):
        """Return the names of the files of the checkpoint that `newest` found, its marker last."""
        return list(self._written.values())[-1]

    def _fetch(self, marker_name):
        """Bring one checkpoint to this machine; returns (Checkpoint, identity, names of its files)."""
        self._output.fetch(FOLDER, marker_name)
        marker = read_json(self.path_of(marker_name))
        files = sorted(marker['sha256'])
        for name in files:
            if name != SYMBOL and not _WEIGHTS.match(name):     # a bucket is foreign input: no ../ from there
                raise ValueError('it names the file %r' % name)
            self._output.fetch(FOLDER, name)
            if sha256_of(self.path_of(name)) != marker['sha256'][name]:
                raise ValueError('%s is not the file that was written' % name)
        checkpoint = Checkpoint(*(marker[field] for field in Checkpoint._fields))
        return checkpoint._replace(begun=Begun(*checkpoint.begun)), marker['identity'], files

    def _refuse_other_training(self, identity):
        changes = ['%s was %s and is %s' % (key, identity.get(key), self._identity.get(key))
                   for key in sorted(set(identity) | set(self._identity))
                   if identity.get(key) != self._identity.get(key)]
        if changes:
            raise DataError('--train_url holds checkpoints of another training: %s. Give the old values to go on with '
                            'it, another --train_url to keep both, or --resume=never to start anew here.'
                            % ', '.join(changes))

    def _remove_replaced(self):
        """Remove all checkpoints but the newest of this training; each may hold 200 MB.

        They are files that this program wrote, this training or, with --resume=never, one before it.
        """
        while len(self._written) > self._max_kept:
            self._written.popitem(last=False)
        needed = {name for names in self._written.values() for name in names}
        replaced = [name for name in self._output.list_folder(FOLDER)
                    if (_MARKER.match(name) or _WEIGHTS.match(name)) and name not in needed]
        for name in sorted(replaced, key=lambda name: not _MARKER.match(name)):     # never a marker without its files
            self._output.remove(FOLDER, name)


def best_params_name(epoch):
    """Return the file name of the weights of the best epoch."""
    return 'best-%04d.params' % epoch


def _age(marker_name):
    """Return (epochs, batches) of a marker's name: more of them are newer."""
    epochs, batches = _MARKER.match(marker_name).groups()
    return int(epochs), int(batches or 0)


def _save_params(module, path):
    """Write a module's weights and read them back; OSError when the disk has not kept them."""
    mx = engine.import_mxnet()
    arg_params, aux_params = module.get_params()
    with replacing(path) as part:
        module.save_params(part)
        try:
            kept = mx.nd.load(part)
        except mx.MXNetError as error:
            raise OSError('%s cannot be read back: %s' % (path, str(error).splitlines()[0])) from error
        for kind, params in (('arg', arg_params), ('aux', aux_params)):
            for name, values in params.items():
                # NaN is kept, too
                if kept['%s:%s' % (kind, name)].asnumpy().tobytes() != values.asnumpy().tobytes():
                    raise OSError('%s differs from what was written to it, in %s' % (path, name))
