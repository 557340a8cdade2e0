"""Batches for the network: records decoded and prepared by threads, a few batches ahead.

Everything random is drawn from (seed, epoch, place in the epoch), so the batches of an epoch are the same whatever
the number of threads, and a run can go on at any epoch. Pillow decodes outside Python's global lock.
"""
import collections
import concurrent.futures
import io

import numpy as np
from PIL import Image

from errors import DataError
from .augmentation import augment_image
from .preprocessing import prepare_image, to_upright_rgb
from .targets import mix, smoothed_targets

BATCHES_AHEAD = 3       # chosen: enough to hide a slow record, 3 x 77 MB at batch 128 and 224 pixels

# images: float32 (batch_size, 3, S, S); labels: int64 (batch_size,); padding: how many of the last images do not count;
# targets: float32 (batch_size, classes), what the network is to answer, None where it is not trained
Batch = collections.namedtuple('Batch', 'images labels padding targets')


def epoch_batches(num_examples, batch_size):
    """Count the batches of one epoch; the last one is filled up."""
    return -(-num_examples // batch_size)


def training_order(num_records, num_examples, seed, epoch):
    """Draw the order of one epoch: an int array of num_examples record numbers.

    With more examples than records the records come round again, in a new order each time.
    """
    random = np.random.RandomState([seed, epoch])
    rounds = -(-num_examples // num_records)
    return np.concatenate([random.permutation(num_records) for _ in range(rounds)])[:num_examples]


class TrainingBatches:
    """The training set, shuffled and augmented anew for each epoch.

    records: RecordFile; num_examples: images an epoch; recipe: Recipe; workers: number of decoding threads; part: slice
    of each batch that is wanted here, None for all of it. Its images are the same, whoever draws them, but are mixed
    with one another only.
    """

    def __init__(self, records, num_examples, batch_size, preprocessing, recipe, num_classes, seed, workers, part=None):
        self._records = records
        self._num_examples = num_examples
        self._batch_size = batch_size
        self._preprocessing = preprocessing
        self._recipe = recipe
        self._num_classes = num_classes
        self._seed = seed
        self._workers = workers
        self._part = part or slice(None)

    def __len__(self):
        return epoch_batches(self._num_examples, self._batch_size)

    def epoch(self, epoch, first=0):
        """Yield the batches of one epoch; the last is filled up from the epoch's beginning, so its padding is 0.

        first: number of the batch to begin with, from 0.
        """
        order = training_order(len(self._records), self._num_examples, self._seed, epoch)
        order = np.resize(order, len(self) * self._batch_size)      # np.resize repeats from the start

        def prepare(position):      # not the record's number: a record that comes twice is augmented anew
            random = np.random.RandomState([self._seed, epoch, position])
            image, label = decode_record(self._records, order[position])
            return augment_image(image, self._recipe, self._preprocessing, random), label

        positions = np.arange(len(order)).reshape(-1, self._batch_size)[:, self._part]
        for number, batch in enumerate(_stream(positions[first:], prepare, self._workers), start=first):
            targets = smoothed_targets(batch.labels, self._num_classes, self._recipe.label_smoothing)
            random = np.random.RandomState([self._seed, epoch, len(order) + number])    # no position's own
            images, targets = mix(batch.images, targets, self._recipe, random)
            yield batch._replace(images=images, targets=targets)


class EvaluationBatches:
    """A set in its own order, prepared as in serving; the last batch is padded with its last image.

    part: slice of the set that is wanted here, None for all of it.
    """

    def __init__(self, records, batch_size, preprocessing, workers, part=None):
        self._records = records
        self._numbers = np.arange(len(records))[part or slice(None)]
        self._batch_size = batch_size
        self._preprocessing = preprocessing
        self._workers = workers

    def __len__(self):
        return epoch_batches(len(self._numbers), self._batch_size)

    def __iter__(self):
        count = len(self) * self._batch_size
        padding = count - len(self._numbers)
        order = self._numbers[np.minimum(np.arange(count), len(self._numbers) - 1)].reshape(-1, self._batch_size)

        def prepare(number):
            image, label = decode_record(self._records, number)
            return prepare_image(image, self._preprocessing), label

        for index, batch in enumerate(_stream(order, prepare, self._workers)):
            yield batch._replace(padding=padding if index == len(order) - 1 else 0)


def decode_record(records, number):
    """Return (PIL image in mode RGB, label) of one record. Raises DataError when the image does not decode."""
    payload, label = records.read(number)
    try:
        return to_upright_rgb(Image.open(io.BytesIO(payload))), label
    except Exception as error:      # Pillow's decoders raise nearly any type on damaged bytes
        raise DataError('%s: record %d is not a readable image (%s). Pack the data again, or check it with '
                        '`obs_layout verify`.' % (records.path, number, error or type(error).__name__)) from error


def _stream(order, prepare, workers):
    """Yield a Batch for each row of numbers, in order, while threads prepare the next ones."""
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    pending = collections.deque()
    try:
        for row in order:
            pending.append([pool.submit(prepare, int(number)) for number in row])
            if len(pending) > BATCHES_AHEAD:
                yield _collect(pending.popleft())
        while pending:
            yield _collect(pending.popleft())
    finally:                # also when the consumer stops early: nothing more is begun
        for futures in pending:
            for future in futures:
                future.cancel()
        pool.shutdown()


def _collect(futures):
    images, labels = zip(*(future.result() for future in futures))
    return Batch(np.stack(images), np.array(labels, dtype=np.int64), 0, None)
