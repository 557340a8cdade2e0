"""What is doubtful about a data set that can be trained on all the same: one sentence each, for a warning.

None of it keeps a training from running; each can make its result worth less than it seems.
"""
import collections
import io
import os

from mxnet_support import recordio

from .bad_records import index_path
from .class_names import rows_of_list

MANIFEST = 'manifest.json'
MAX_NAMES_SHOWN = 5


def doubts_about(train, val, class_names, manifest):
    """Yield the sentences about two RecordFiles, their class names and the content of manifest.json or None."""
    for split, records in (('train', train), ('val', val)):
        yield from _doubts_about_file(records, manifest, split)
        yield from _doubts_about_labels(records, class_names)
    yield from _shared_pictures(train, val)
    yield from _thin_classes(train, val, class_names)


def manifest_entry(manifest, part, name):
    """Return the object `name` in a part of a manifest, {} when there is none: foreign JSON may be of any form."""
    entries = manifest.get(part) if isinstance(manifest, dict) else None
    entry = entries.get(name) if isinstance(entries, dict) else None
    return entry if isinstance(entry, dict) else {}


def _doubts_about_file(records, manifest, split):
    name = os.path.basename(records.path)
    listed = ['%s %s' % pair for pair in _listed_counts(records, manifest, split)
              if pair[1] != records.num_records]
    if listed:
        yield ('%s: it holds %d records, but other files list another number: %s. Either it was cut off between two '
               'records, or they belong to another file; `obs_layout verify` tells more. The training takes what is in '
               'it.' % (records.path, records.num_records, ', '.join(listed)))
    elif not _index_fits(records):
        yield ('%s: its .idx file does not point at its records, so it is damaged or belongs to another file. The '
               'training does not need it; `obs_layout pack` makes a new one.' % records.path)
    packed_sha256 = manifest_entry(manifest, 'files', name).get('sha256')
    if packed_sha256 is not None and packed_sha256 != records.file_sha256:
        yield ('%s: it has changed since it was packed, by the sha256 in %s. Every record was checked, but a picture '
               'that was damaged and still decodes looks like any other: copy the file again, or pack again.'
               % (records.path, MANIFEST))


def _listed_counts(records, manifest, split):
    """Yield (where, number of records) for each file beside a .rec file that says how many it holds."""
    stem = os.path.splitext(records.path)[0]
    for path in filter(os.path.isfile, (stem + '.idx', stem + '.lst')):     # neither is needed
        try:
            with open(path, 'rb') as lines:
                yield os.path.basename(path), sum(1 for line in lines if line.strip())
        except OSError:
            pass
    images = manifest_entry(manifest, 'splits', split).get('images')
    if images is not None:
        yield MANIFEST, images


def _index_fits(records):
    path = index_path(records.path)
    if not os.path.isfile(path):
        return True
    try:
        offsets = {byte_offset for _, byte_offset in recordio.read_index(path)}
    except (OSError, ValueError):
        return False
    return offsets.issuperset(records.byte_offsets)


def _doubts_about_labels(records, class_names):
    """Compare labels and names with the .lst file beside a .rec file, the packer's own list of what is in it."""
    name, rows = _rows_beside(records)
    listed = {index: label for index, label, _ in rows}
    wrong = sum(1 for number, label in zip(records.ids, records.labels) if listed.get(str(number), label) != label)
    folders = {label: folder for _, label, folder in rows}
    strays = [label for label in sorted(folders)
              if 0 <= label < len(class_names) and folders[label] != class_names[label]]
    if wrong:
        yield ('%s: %d of %d images have another label in %s, so one of the two is wrong or belongs to other data. The '
               'training takes the labels in the .rec file; pack the images again if they are the wrong ones.'
               % (records.path, wrong, len(records), name))
    elif strays and set(class_names).issuperset(folders.values()):      # else the folders have names of another kind
        yield ('%s: label %d is named %r by synset.txt, but its images come from the folder %r by %s, and so with '
               '%d of %d classes: the model would answer with wrong names. Put the lines of synset.txt in the order of '
               'the labels.' % (records.path, strays[0], class_names[strays[0]], folders[strays[0]], name, len(strays),
                                len(class_names)))


def _rows_beside(records):
    """Return (file name, rows) of the .lst file beside a .rec file; no rows when it is not there or cannot be read."""
    path = os.path.splitext(records.path)[0] + '.lst'
    name = os.path.basename(path)
    if not os.path.isfile(path):        # it is not needed
        return name, []
    try:
        with io.open(path, encoding='utf-8-sig') as stream:
            return name, rows_of_list(stream.read())
    except (OSError, ValueError, OverflowError):
        return name, []


def _shared_pictures(train, val):
    if train.file_sha256 == val.file_sha256:
        yield ('%s and %s are the same file: the accuracy will be that of learning by heart. Pack the images again, '
               '`obs_layout pack` splits them.' % (train.path, val.path))
        return
    known = set(train.fingerprints)
    shared = sum(1 for fingerprint in val.fingerprints if fingerprint in known)
    if shared:
        yield ('%d of %d validation images are training images too: the accuracy will be better than on pictures that '
               'are new. Remove doubles before packing.' % (shared, len(val)))


def _thin_classes(train, val, class_names):
    in_train, in_val = collections.Counter(train.labels), collections.Counter(val.labels)
    empty = [label for label in range(len(class_names)) if not in_train[label]]
    single = [label for label in range(len(class_names)) if in_train[label] == 1]
    if empty:
        wrong = sum(in_val[label] for label in empty)
        yield ('%d of %d classes have no training image and cannot be learned: %s%s. Add images, or take them out of '
               'synset.txt and pack again.'
               % (len(empty), len(class_names), _names(empty, class_names),
                  '; their %d validation images will count as wrong' % wrong if wrong else ''))
    if single:
        yield ('%d of %d classes have a single training image, too little to learn from: %s. Add images.'
               % (len(single), len(class_names), _names(single, class_names)))


def _names(labels, class_names):
    shown = ', '.join(repr(class_names[label]) for label in labels[:MAX_NAMES_SHOWN])
    return shown if len(labels) <= MAX_NAMES_SHOWN else '%s and %d more' % (shown, len(labels) - MAX_NAMES_SHOWN)
