"""The data set of a job: finds the .rec files, checks them, and reads single records.

Checks come first because a defect that is found in hour three has been paid for.
"""
import collections
import contextlib
import fnmatch
import hashlib
import logging
import os
import threading

from mxnet_support import recordio
from mxnet_support.record_check import class_number

from errors import DataError, StorageError
from files import read_json, sha256_of
from .bad_records import good_records
from .class_names import files_with_names, read_class_names, settle_class_names
from .doubts import MANIFEST, doubts_about, manifest_entry

log = logging.getLogger(__name__)

SPLITS = ('train', 'val')

# train, val: RecordFile; class_names: tuple of str, position = label; sha256: of the records used and the class names
Dataset = collections.namedtuple('Dataset', 'train val class_names sha256')


@contextlib.contextmanager
def open_dataset(folder, smallest_edge, workers, skip_bad=False):
    """Find, check and open the training and validation records of a local folder; yields a Dataset.

    smallest_edge: pixels that no picture may fall short of; workers: threads for the check; skip_bad: leave a few bad
    records out instead of refusing the file.
    Raises DataError with what was found wrong, StorageError when a file cannot be read.
    """
    files = _list_files(folder)
    names = [find_record_name(files, split, folder) for split in SPLITS]
    _refuse_what_is_no_file(folder, names + files_with_names(files) + [MANIFEST] * (MANIFEST in files))
    class_names = read_class_names(folder, files)
    manifest = _read_manifest(folder)
    with contextlib.ExitStack() as stack:
        opened = (open_records(os.path.join(folder, name), manifest, class_names, smallest_edge, workers, skip_bad)
                  for name in names)
        train, val = (stack.enter_context(contextlib.closing(records)) for records in opened)
        class_names = settle_class_names(class_names, train, val, folder)
        log.info('data: %d training and %d validation images in %d classes', len(train), len(val), len(class_names))
        for doubt in doubts_about(train, val, class_names, manifest):
            log.warning('%s', doubt)
        digest = hashlib.sha256('\n'.join((train.sha256, val.sha256) + class_names).encode('utf-8'))
        yield Dataset(train, val, class_names, digest.hexdigest())


def find_record_name(files, split, folder):
    """Return the one name among `files` that matches *train*.rec or *val*.rec.

    Raises DataError that lists the .rec files there are; `folder` is only named in it.
    """
    pattern = '*%s*.rec' % split
    matches = [name for name in files if fnmatch.fnmatch(name.lower(), pattern)]
    if len(matches) != 1:
        found = ', '.join(name if name.isprintable() else repr(name) for name in files
                          if name.lower().endswith('.rec')) or 'none'
        count = 'no' if not matches else '%d files match' % len(matches)
        raise DataError('%s %s in %s; .rec files found: %s. --data_url must be the folder that holds one *train*.rec '
                        'and one *val*.rec, as `obs_layout pack` makes it.' % (count, pattern, folder, found))
    return matches[0]


def open_records(path, manifest, class_names, smallest_edge, workers, skip_bad=False):
    """Check one .rec file, unless it is as packed, and open it; returns its RecordFile.

    manifest: the packer's manifest.json, or None; the rest: see open_dataset.
    """
    with reading(path):
        sha256, offsets, num_records = sha256_of(path), None, None
        if not _is_as_packed(sha256, manifest_entry(manifest, 'files', os.path.basename(path)), smallest_edge):
            offsets, num_records = good_records(path, class_names, smallest_edge, workers, skip_bad)
    return RecordFile(path, sha256, offsets, num_records)


class RecordFile:
    """The images of one .rec file by their number, from any thread; len() counts them.

    path: str. file_sha256: of the file, hex, '' when nobody needs it. num_records: how many the file holds, those that
    are left out too. One an image are byte_offsets: where its record starts; labels: int; ids: int, the numbers that
    the packer gave; fingerprints: bytes, the same for images whose files are the same.
    """

    def __init__(self, path, file_sha256='', offsets=None, num_records=None):
        """Open the file. offsets: where the records to use start, None takes all.

        Raises DataError when one of them is not as it should be or there is none, StorageError when the file cannot be
        read.
        """
        self.path = path
        self.file_sha256 = file_sha256
        self.byte_offsets, self.labels, self.ids, self.fingerprints = [], [], [], []
        self._lock = threading.Lock()       # the reader seeks and then reads
        with reading(path):
            self._reader = recordio.RecordReader(path)
            try:
                self._look_at_records(offsets)
            except BaseException:
                self._reader.close()
                raise
        self.num_records = num_records or len(self)

    def __len__(self):
        return len(self.byte_offsets)

    @property
    def sha256(self):
        """Tell by which images a training learns: the file's own sha256 unless records of it are left out."""
        if len(self) == self.num_records:
            return self.file_sha256
        return hashlib.sha256(('%s %s' % (self.file_sha256, self.byte_offsets)).encode('ascii')).hexdigest()

    def close(self):
        """Close the file."""
        self._reader.close()

    def read(self, number):
        """Return (image file content, label) of one record.

        Raises DataError when the file is no longer what it was, StorageError when it cannot be read.
        """
        with reading(self.path):
            with self._lock:
                payload = self._reader.read_at(self.byte_offsets[number])
            return recordio.unpack(payload)[1], self.labels[number]

    def _look_at_records(self, offsets):
        records = self._reader if offsets is None else ((start, self._reader.read_at(start)) for start in offsets)
        for byte_offset, payload in records:
            try:
                header, image = recordio.unpack(payload)
                self.labels.append(class_number(header))
            except recordio.RecordFormatError as error:
                raise recordio.RecordFormatError('at byte %d: %s' % (byte_offset, error), byte_offset) from error
            self.ids.append(header.id)
            self.fingerprints.append(hashlib.sha1(image).digest())
            self.byte_offsets.append(byte_offset)
        if not self.byte_offsets:
            raise recordio.RecordFormatError('it holds no records')


@contextlib.contextmanager
def reading(path):
    """Turn what reading a file of data raises in the block into a DataError or a StorageError that names it."""
    try:
        yield
    except recordio.RecordFormatError as error:
        what = str(error).replace(path + ': ', '').rstrip('.')
        raise DataError('%s changed after it was packed or checked: %s. Put the right file in its place (`obs_layout '
                        'verify` tells whether it is); the same command then goes on from the newest checkpoint, if '
                        'there is one.' % (path, what)) from error
    except OSError as error:
        raise StorageError('%s cannot be read: %s. Copy it again, or give another --data_url.'
                           % (path, error.strerror or error)) from error


def _list_files(folder):
    if not os.path.isdir(folder):
        found = '' if not os.path.lexists(folder) else ' but %s' % _what_is_at(folder)
        raise DataError('--data_url: %s is not a folder%s. Give the folder that holds the .rec files.'
                        % (folder, found))
    with reading(folder):
        return sorted(os.listdir(folder))


def _refuse_what_is_no_file(folder, names):
    for path in (os.path.join(folder, name) for name in names):
        if not os.path.isfile(path):        # opening a pipe would wait for ever
            raise DataError('%s is %s and not a file. --data_url must be the folder that holds the files that '
                            '`obs_layout pack` makes.' % (path, _what_is_at(path)))


def _what_is_at(path):
    if os.path.isdir(path):
        return 'a folder'
    if os.path.isfile(path):
        return 'a file'
    return 'something special' if os.path.exists(path) else 'a link that leads nowhere'


def _read_manifest(folder):
    """Return the packer's manifest.json, or None where there is none that can be used."""
    path = os.path.join(folder, MANIFEST)
    if not os.path.exists(path):
        return None
    try:
        manifest = read_json(path)
        if isinstance(manifest['files'], dict):
            return manifest
        problem = 'files is not an object'
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        problem = repr(error)
    log.warning('%s cannot be used (%s): every record is checked instead', path, problem)
    return None


def _is_as_packed(sha256, facts, smallest_edge):
    """Tell whether a file is byte for byte what the packer wrote, with images that are large enough.

    The packer has decoded every image itself, so such a file needs no second look: seconds instead of a minute.
    """
    edge = facts.get('smallest_edge')
    return facts.get('sha256') == sha256 and isinstance(edge, int) and edge >= smallest_edge
