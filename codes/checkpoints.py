"""Checkpoints of a training: written aside, renamed when complete, copied to the bucket, found again.

    checkpoints/
      resnet-symbol.json                      the network, in MXNet's own format
      resnet-0007.params, resnet-0007.states  after epoch 7: weights, optimizer state
      best-0005.params                        the weights of the best epoch so far
      resnet-0007.json                        written last: arguments, history, best epoch, sha256 of the other files;
                                              without it there is no checkpoint 7

The .states file is MXNet's own and a Python pickle: going on from a checkpoint trusts whoever can write to --train_url.
"""
import collections
import json
import logging
import os
import re

from errors import DataError, StorageError
from files import read_json, replacing, sha256_of, write_json

log = logging.getLogger(__name__)

FOLDER = 'checkpoints'
PREFIX = 'resnet'
SYMBOL = PREFIX + '-symbol.json'
NUM_KEPT = 2            # the newest, and the one before it in case the newest is torn
_MARKER = re.compile(PREFIX + r'-\d{4,}\.json$')
_WEIGHTS = re.compile(r'(%s-\d{4,}\.(params|states)|best-\d{4,}\.params)$' % PREFIX)

# num_epochs: epochs finished; history: list of {measure: value}, one an epoch; best: {'epoch', 'accuracy'};
# optimizer_layout: str, states of another layout cannot be loaded
Checkpoint = collections.namedtuple('Checkpoint', 'num_epochs history best optimizer_layout')


class CheckpointFolder:
    """Writes and finds the checkpoints of one training.

    output: OutputFolder. identity: {name: value} of all that decides the course of the training; a checkpoint of a
    different training is never continued.
    """

    def __init__(self, output, identity):
        self._output = output
        self._identity = json.loads(json.dumps(identity))       # tuples become lists, as they come back from the file
        self._path = output.make_folder(FOLDER)
        self._written = collections.OrderedDict()               # marker -> all files of that checkpoint, oldest first

    @property
    def prefix(self):
        """Path for mx.model.load_checkpoint, with the number of finished epochs as the epoch."""
        return self._local(PREFIX)

    def states_path(self, num_epochs):
        """Return the local path of the optimizer's state after so many epochs."""
        return self._local('%s-%04d.states' % (PREFIX, num_epochs))

    def best_params_path(self, epoch):
        """Return the local path of the weights that `save_best` wrote for an epoch."""
        return self._local(best_params_name(epoch))

    def save_best(self, module, epoch):
        """Keep the present weights as those of the best epoch so far; the next `save` puts them into a checkpoint."""
        with replacing(self.best_params_path(epoch)) as part:
            module.save_params(part)

    def save(self, module, checkpoint):
        """Write a Checkpoint with the module's weights and optimizer state, and copy it to the bucket.

        module: trained mx.mod.Module. A bucket that does not answer is a warning here: the training goes on, and the
        next checkpoint is another chance.
        """
        stem = '%s-%04d' % (PREFIX, checkpoint.num_epochs)
        with replacing(self._local(stem + '.params')) as part:
            module.save_params(part)
        with replacing(self._local(stem + '.states')) as part:
            module.save_optimizer_states(part)
        with replacing(self._local(SYMBOL)) as part:
            module.symbol.save(part)
        names = [SYMBOL, stem + '.params', stem + '.states', best_params_name(checkpoint.best['epoch'])]
        digests = collections.OrderedDict((name, sha256_of(self._local(name))) for name in names)
        marker = collections.OrderedDict(checkpoint._asdict(), identity=self._identity, sha256=digests)
        write_json(marker, self._local(stem + '.json'))
        names.append(stem + '.json')                            # last in the bucket too
        self._written[names[-1]] = names
        try:
            self._output.publish(FOLDER, names)
            self._remove_replaced()
        except StorageError as error:
            log.warning('checkpoint %d stays on this machine, the training goes on: %s', checkpoint.num_epochs, error)

    def newest(self):
        """Return the newest sound Checkpoint, fetched from the bucket if need be, or None when there is none at all.

        Raises DataError when it belongs to another training, or when none of several is sound; StorageError when the
        bucket does not answer: starting anew would replace checkpoints that are good.
        """
        markers = [name for name in self._output.list_folder(FOLDER) if _MARKER.match(name)]
        for name in sorted(markers, reverse=True):
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

    def _local(self, name):
        return os.path.join(self._path, name)

    def _fetch(self, marker_name):
        """Bring one checkpoint to this machine; returns (Checkpoint, identity, names of its files)."""
        self._output.fetch(FOLDER, marker_name)
        marker = read_json(self._local(marker_name))
        files = sorted(marker['sha256'])
        for name in files:
            if name != SYMBOL and not _WEIGHTS.match(name):     # a bucket is foreign input: no ../ from there
                raise ValueError('it names the file %r' % name)
            self._output.fetch(FOLDER, name)
            if sha256_of(self._local(name)) != marker['sha256'][name]:
                raise ValueError('%s is not the file that was written' % name)
        return Checkpoint(*(marker[field] for field in Checkpoint._fields)), marker['identity'], files

    def _refuse_other_training(self, identity):
        changes = ['%s was %s and is %s' % (key, identity.get(key), self._identity.get(key))
                   for key in sorted(set(identity) | set(self._identity))
                   if identity.get(key) != self._identity.get(key)]
        if changes:
            raise DataError('--train_url holds checkpoints of another training: %s. Give the old values to go on with '
                            'it, another --train_url to keep both, or --resume=never to start anew here.'
                            % ', '.join(changes))

    def _remove_replaced(self):
        """Remove all checkpoints but the newest NUM_KEPT of this training; each may hold 200 MB.

        They are files that this program wrote, this training or, with --resume=never, one before it.
        """
        while len(self._written) > NUM_KEPT:
            self._written.popitem(last=False)
        needed = {name for names in self._written.values() for name in names}
        replaced = [name for name in self._output.list_folder(FOLDER)
                    if (_MARKER.match(name) or _WEIGHTS.match(name)) and name not in needed]
        for name in sorted(replaced, key=lambda name: not _MARKER.match(name)):     # never a marker without its files
            self._output.remove(FOLDER, name)


def best_params_name(epoch):
    """Return the file name of the weights of the best epoch."""
    return 'best-%04d.params' % epoch
