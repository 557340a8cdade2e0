"""Checkpoints of a training: written aside, renamed when complete, copied to the bucket, found again.

    checkpoints/
      resnet-symbol.json                      the network, in MXNet's own format
      resnet-0007.params, resnet-0007.states  after epoch 7: weights, optimizer state
      best-0005.params                        the weights of the best epoch so far
      resnet-0007.json                        written last: arguments, history, best epoch, sha256 of the other files;
                                              without it there is no checkpoint 7
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
_MARKER = re.compile(PREFIX + r'-\d{4}\.json$')
_WEIGHTS = re.compile(r'(%s|best)-\d{4}\.(params|states)$' % PREFIX)

# num_epochs: epochs finished; history: list of {measure: value}, one an epoch; best: {'epoch', 'accuracy'};
# prefix: path for mx.model.load_checkpoint, with num_epochs as the epoch
Checkpoint = collections.namedtuple('Checkpoint', 'num_epochs history best prefix')


class CheckpointFolder:
    """Writes and finds the checkpoints of one training.

    output: OutputFolder. identity: {flag: value} of all that decides the course of the training; a checkpoint of a
    different training is never continued.
    """

    def __init__(self, output, identity):
        self._output = output
        self._identity = json.loads(json.dumps(identity))       # tuples become lists, as they come back from the file
        self._path = output.make_folder(FOLDER)
        self._written = collections.OrderedDict()               # marker -> all files of that checkpoint, oldest first

    def save(self, module, num_epochs, history, best):
        """Write the checkpoint of `num_epochs` finished epochs and copy it to the bucket.

        module: trained mx.mod.Module. A bucket that does not answer is a warning here: the training goes on, and the
        next checkpoint is another chance.
        """
        stem = '%s-%04d' % (PREFIX, num_epochs)
        with replacing(self._local(stem + '.params')) as part:
            module.save_params(part)
        with replacing(self._local(stem + '.states')) as part:
            module.save_optimizer_states(part)
        with replacing(self._local(SYMBOL)) as part:
            module.symbol.save(part)
        names = [SYMBOL, stem + '.params', stem + '.states', best_params_name(best['epoch'])]
        marker = {'num_epochs': num_epochs, 'identity': self._identity, 'best': best, 'history': history,
                  'sha256': collections.OrderedDict((name, sha256_of(self._local(name))) for name in names)}
        write_json(marker, self._local(stem + '.json'))
        names.append(stem + '.json')
        self._written[names[-1]] = names
        try:
            for name in names:                                  # the marker last
                self._output.publish(FOLDER, name)
            self._remove_replaced()
        except StorageError as error:
            log.warning('checkpoint %d stays on this machine, the training goes on: %s', num_epochs, error)

    def save_best(self, module, epoch):
        """Keep the present weights as those of the best epoch so far; the next `save` puts them into a checkpoint."""
        with replacing(self.best_params_path(epoch)) as part:
            module.save_params(part)

    def best_params_path(self, epoch):
        """Return the local path of the weights that `save_best` wrote for an epoch."""
        return self._local(best_params_name(epoch))

    def newest(self):
        """Return the newest complete Checkpoint, fetched from the bucket if need be, or None.

        Raises DataError when it belongs to a training with other arguments, naming them.
        """
        markers = [name for name in self._output.list_folder(FOLDER) if _MARKER.match(name)]
        for name in sorted(markers, reverse=True):
            marker = self._fetch(name)
            if marker is not None:
                self._refuse_other_training(marker['identity'])
                self._written[name] = list(marker['sha256']) + [name]
                return Checkpoint(marker['num_epochs'], marker['history'], marker['best'], self._local(PREFIX))
        return None

    def _local(self, name):
        return os.path.join(self._path, name)

    def _fetch(self, marker_name):
        """Bring one checkpoint to this machine and return its marker; None when it is not complete and sound."""
        try:
            self._output.fetch(FOLDER, [marker_name])
            marker = read_json(self._local(marker_name))
            self._output.fetch(FOLDER, sorted(marker['sha256']))
            for name, expected in marker['sha256'].items():
                if sha256_of(self._local(name)) != expected:
                    raise ValueError('%s is not the file that was written' % name)
            return marker
        except (StorageError, OSError, ValueError, KeyError, TypeError) as error:
            log.warning('%s is damaged or incomplete, an older checkpoint is taken: %s', marker_name, error)
            return None

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
