"""The data set of a job: finds the .rec files, checks them, and reads single records.

Checks come first because a defect that is found in hour three has been paid for.
"""
import collections
import contextlib
import fnmatch
import hashlib
import io
import logging
import os
import threading

from mxnet_support import recordio
from mxnet_support.record_check import check_records

from errors import DataError
from files import read_json, sha256_of

log = logging.getLogger(__name__)

MAX_FINDINGS_SHOWN = 5
MAX_CLASSES = 100000        # chosen: several times the largest image collection

# train, val: RecordFile; class_names: tuple of str, position = label; sha256: of both files and the class names
Dataset = collections.namedtuple('Dataset', 'train val class_names sha256')


@contextlib.contextmanager
def open_dataset(folder, smallest_edge, workers):
    """Find, check and open the training and validation records of a local folder; yields a Dataset.

    smallest_edge: pixels that no picture may fall short of; workers: threads for the check.
    Raises DataError with what was found wrong.
    """
    if not os.path.isdir(folder):
        raise DataError('--data_url: %s is not a folder. Give the folder that holds the .rec files.' % folder)
    files = sorted(os.listdir(folder))
    names = {split: find_record_name(files, split, folder) for split in ('train', 'val')}
    class_names = read_class_names(folder, files)
    paths = {split: os.path.join(folder, name) for split, name in names.items()}
    digests = {split: sha256_of(path) for split, path in paths.items()}
    packed = _read_manifest(folder)
    for split, path in paths.items():
        if not _is_as_packed(path, digests[split], packed.get(names[split]), smallest_edge):
            _check_every_record(path, class_names, smallest_edge, workers)
    with contextlib.closing(RecordFile(paths['train'])) as train, contextlib.closing(RecordFile(paths['val'])) as val:
        class_names = _settle_class_names(class_names, train, val, folder)
        log.info('data: %d training and %d validation images in %d classes', len(train), len(val), len(class_names))
        digest = hashlib.sha256('\n'.join((digests['train'], digests['val']) + class_names).encode('utf-8'))
        yield Dataset(train, val, class_names, digest.hexdigest())


def find_record_name(files, split, folder):
    """Return the one name among `files` that matches *train*.rec or *val*.rec.

    Raises DataError that lists the .rec files there are; `folder` is only named in it.
    """
    pattern = '*%s*.rec' % split
    matches = [name for name in files if fnmatch.fnmatch(name.lower(), pattern)]
    if len(matches) != 1:
        found = ', '.join(name for name in files if name.endswith('.rec')) or 'none'
        count = 'no' if not matches else '%d files match' % len(matches)
        raise DataError('%s %s in %s; .rec files found: %s. --data_url must be the folder that holds one *train*.rec '
                        'and one *val*.rec, as `obs_layout pack` makes it.' % (count, pattern, folder, found))
    return matches[0]


def read_class_names(folder, files):
    """Return the class names in label order from synset.txt, else from the folders in the .lst files, else None.

    Raises DataError for a file that is not what its name says.
    """
    lists = ['synset.txt'] if 'synset.txt' in files else [name for name in files if name.endswith('.lst')]
    names = {}
    for name in lists:
        path = os.path.join(folder, name)
        try:
            with io.open(path, encoding='utf-8') as stream:
                lines = [line.rstrip('\n') for line in stream if line.strip()]
            names.update(enumerate(lines) if name == 'synset.txt' else _folders_by_label(lines))
        except ValueError as error:         # UnicodeDecodeError is one
            raise DataError('%s cannot be read (%s). It must be UTF-8 text: synset.txt one class a line, a .lst file '
                            'lines of index, label and folder/file with tabs between.' % (path, error)) from error
        if name == 'synset.txt' and not lines:
            raise DataError('%s is empty; it must name the classes, one a line, in the order of their labels.' % path)
    if not names:
        return None
    # labels that no listed file carries keep their number, up to a limit that only a damaged list exceeds
    return tuple(names.get(label, str(label)).strip() for label in range(min(max(names) + 1, MAX_CLASSES)))


class RecordFile:
    """The images of one .rec file by the number of the record, from any thread.

    path: str; largest_label: int; len() counts the records.
    """

    def __init__(self, path):
        self.path = path
        self._lock = threading.Lock()       # the reader seeks and then reads
        self._reader = recordio.RecordReader(path)
        self._offsets = []
        self.largest_label = 0
        for record in self._reader:
            self._offsets.append(record.byte_offset)
            self.largest_label = max(self.largest_label, _label(recordio.unpack(record.payload)[0]))

    def __len__(self):
        return len(self._offsets)

    def close(self):
        """Close the file."""
        self._reader.close()

    def read(self, number):
        """Return (image file content, label) of one record."""
        with self._lock:
            payload = self._reader.read_at(self._offsets[number])
        header, image = recordio.unpack(payload)
        return image, _label(header)


def _label(header):
    return int(header.label[0] if header.flag else header.label)


def _folders_by_label(lines):
    """Map label to folder name from lines of `index <tab> label <tab> folder/file`."""
    rows = [line.split('\t') for line in lines]
    return {int(float(row[1])): row[-1].rsplit('/', 2)[-2] for row in rows if len(row) >= 3 and '/' in row[-1]}


def _settle_class_names(class_names, train, val, folder):
    """Return a name for every label that occurs. Raises DataError when there are more labels than names."""
    largest_label = max(train.largest_label, val.largest_label)
    if class_names is None:
        if largest_label >= MAX_CLASSES:
            raise DataError('%s: a record has the label %d, and there is neither synset.txt nor a .lst file to say '
                            'that this is right. Pack the images again with `obs_layout pack`.'
                            % (folder, largest_label))
        class_names = tuple(str(label) for label in range(1 + largest_label))
        log.warning('%s has neither synset.txt nor a .lst file: the classes are called 0 to %d', folder, largest_label)
    elif largest_label >= len(class_names):
        raise DataError('%s: a record has the label %d, but only %d classes are named (labels 0 to %d). synset.txt or '
                        'the .lst files belong to other records.'
                        % (folder, largest_label, len(class_names), len(class_names) - 1))
    return class_names


def _read_manifest(folder):
    """Return {file name: its facts} of the packer's manifest.json, or {} where there is none that can be read."""
    path = os.path.join(folder, 'manifest.json')
    if not os.path.exists(path):
        return {}
    try:
        return dict(read_json(path)['files'])
    except (ValueError, KeyError, TypeError) as error:
        log.warning('%s cannot be used (%r): every record is checked instead', path, error)
        return {}


def _is_as_packed(path, digest, facts, smallest_edge):
    """Tell whether a file is byte for byte what the packer wrote, with images that are large enough.

    The packer has decoded every image itself, so such a file needs no second look: seconds instead of a minute.
    """
    if not isinstance(facts, dict) or facts.get('sha256') != digest:
        return False
    edge = facts.get('smallest_edge')
    return isinstance(edge, int) and edge >= smallest_edge


def _check_every_record(path, class_names, smallest_edge, workers):
    """Raise DataError when a record is damaged, too small or labelled wrongly."""
    log.info('checking every record of %s', path)
    check = check_records(path, num_classes=len(class_names) if class_names else None, smallest_edge=smallest_edge,
                          workers=workers)
    if check.findings:
        shown = ['  ' + str(finding) for finding in check.findings[:MAX_FINDINGS_SHOWN]]
        hidden = len(check.findings) - len(shown)
        raise DataError('%s cannot be trained on; %d findings:\n%s%s\nPack the images again with `obs_layout pack`; '
                        'for pictures that are too small choose a smaller --image_size or a larger `pack --resize`.'
                        % (path, len(check.findings), '\n'.join(shown),
                           '\n  and %d more' % hidden if hidden > 0 else ''))
