"""The names of the classes: from synset.txt, else from the folders in the .lst files, else the labels themselves."""
import collections
import io
import logging
import os

from errors import DataError

log = logging.getLogger(__name__)

MAX_CLASSES = 100000        # chosen: several times the largest image collection
SYNSET = 'synset.txt'


def files_with_names(files):
    """Return those among the names of a folder's files from which the class names are read."""
    return [SYNSET] if SYNSET in files else [name for name in files if name.endswith('.lst')]


def read_class_names(folder, files):
    """Return the class names in label order from synset.txt, else from the folders in the .lst files, else None.

    files: the names of the files in `folder`. Raises DataError for a file that is not what its name says, and for
    names that would leave the meaning of a label open.
    """
    lists = files_with_names(files)
    names = {}
    for name in lists:
        path = os.path.join(folder, name)
        try:
            with io.open(path, encoding='utf-8-sig') as stream:         # editors of Windows put a BOM in front
                text = stream.read()
            names.update(_lines_of_synset(text) if name == SYNSET else _folders_by_label(text))
        except (ValueError, OverflowError) as error:        # UnicodeDecodeError is a ValueError
            raise DataError('%s cannot be read (%s). It must be UTF-8 text: synset.txt one class a line, a .lst file '
                            'lines of index, label and folder/file with tabs between.' % (path, error)) from error
        if name == SYNSET and not names:
            raise DataError('%s is empty; it must name the classes, one a line, in the order of their labels.' % path)
    if not names:
        return None
    where = os.path.join(folder, ' and '.join(lists))
    if max(names) >= MAX_CLASSES:
        raise DataError('%s: %d classes are named, at most %d can be learned. The file is damaged or no list of '
                        'classes.' % (where, max(names) + 1, MAX_CLASSES))
    class_names = tuple(names.get(label, str(label)) for label in range(max(names) + 1))
    _refuse_doubles(class_names, where)
    return class_names


def settle_class_names(class_names, train, val, folder):
    """Return a name for every label that occurs.

    class_names: what `read_class_names` found; train, val: RecordFile. Raises DataError when there are more labels
    than names, and when the training images are all of one class.
    """
    largest_label = max(train.labels + val.labels)
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
    if len(set(train.labels)) == 1:
        raise DataError('%s: all %d images are of the class %r (label %d). A network learns to tell classes apart and '
                        'needs at least two; pack a folder that holds one folder a class.'
                        % (train.path, len(train), class_names[train.labels[0]], train.labels[0]))
    return class_names


def _lines_of_synset(text):
    lines = text.rstrip().split('\n') if text.strip() else []
    for number, line in enumerate(lines):
        if not line.strip():        # left out or counted: either way half of the readers would take other labels
            raise ValueError('line %d is empty, so it is open which labels the lines below it have' % (number + 1))
    return {label: line.strip() for label, line in enumerate(lines)}


def _folders_by_label(text):
    folders = {label: folder for _, label, folder in rows_of_list(text)}
    if folders and min(folders) < 0:
        raise ValueError('the label %d is below 0' % min(folders))
    return folders


def rows_of_list(text):
    """Return (index, label, folder) of each line `index <tab> label <tab> folder/file`; index is a text.

    Raises ValueError or OverflowError for a label that is no number.
    """
    rows = [line.split('\t') for line in text.split('\n')]
    return [(row[0].strip(), int(float(row[1])), row[-1].strip().rsplit('/', 2)[-2]) for row in rows
            if len(row) >= 3 and '/' in row[-1].strip()]


def _refuse_doubles(class_names, where):
    name, count = collections.Counter(class_names).most_common(1)[0]
    if count > 1:
        labels = [str(label) for label, other in enumerate(class_names) if other == name]
        raise DataError('%s: %d classes are called %r (labels %s%s), so the answers of the service could not be told '
                        'apart. Give each class a name of its own in synset.txt, one a line in the order of the labels.'
                        % (where, count, name, ', '.join(labels[:5]), ', ...' if count > 5 else ''))
