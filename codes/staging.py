"""Stage in and stage out: the job reads and writes local folders, whatever --data_url and --train_url are.

On ModelArts both are s3:// URLs of OBS and nothing is mounted (contract 1.2): data is copied to the machine first,
results are copied back during the job. Local folders are used in place.
"""
import contextlib
import fnmatch
import logging
import os
import shutil
import tempfile

from moxing_shim import load, urls

from dataset.records import find_record_name
from errors import DataError, StorageError

log = logging.getLogger(__name__)

CLOUD_SCRATCH = '/cache'                # the machine's large local disk on ModelArts (contract 1.2)
DATA_PATTERNS = ('*train*.rec', '*val*.rec', '*.idx', '*.lst', 'synset.txt', 'manifest.json')


def parse_place(flag, path):
    """Return the urls.ObjectUrl or urls.LocalPath that a flag's value names. Raises DataError for other schemes."""
    try:
        return urls.parse(path)
    except ValueError as error:
        raise DataError('%s: %s' % (flag, error)) from error


def refuse_same_folder(data_url, train_url):
    """Raise DataError when results would be mixed into the data (contract 1.1 forbids it)."""
    data, train = parse_place('--data_url', data_url), parse_place('--train_url', train_url)
    if urls.is_inside(data, train) and urls.is_inside(train, data):     # whatever the slashes at their ends
        raise DataError('--train_url is the same folder as --data_url (%s). Give the results a folder of their own.'
                        % train_url)


def make_scratch_folder():
    """Make a folder for this run on the largest local disk; `remove_scratch` removes it."""
    cache = os.environ.get('DLS_LOCAL_CACHE_PATH', CLOUD_SCRATCH)
    parent = cache if os.path.isdir(cache) and os.access(cache, os.W_OK) else None
    return tempfile.mkdtemp(prefix='caltech-', dir=parent)


def remove_scratch(scratch, output):
    """Remove the run's scratch folder, except for results that could not be published: their place is logged.

    output: OutputFolder, or None when the run ended before there was one.
    """
    kept = output.path if output is not None and output.unpublished else None
    if kept is None:
        shutil.rmtree(scratch, ignore_errors=True)
        return
    shutil.rmtree(os.path.join(scratch, 'data'), ignore_errors=True)
    log.warning('results that could not be copied to %s are kept on this machine in %s', output.url, kept)


def stage_in(data_url, scratch):
    """Return a local folder with the data: data_url itself when it is local, else a copy in `scratch`.

    Raises StorageError when the bucket cannot be read, DataError when it holds no data set.
    """
    place = parse_place('--data_url', data_url)
    if place.is_local:
        return os.path.abspath(place.path)
    url = str(place)
    with storage_errors('reading', url):
        files = load().file.list_directory(url, recursive=False)
        for split in ('train', 'val'):
            find_record_name(files, split, url)
        wanted = [name for name in files if any(fnmatch.fnmatch(name.lower(), pattern) for pattern in DATA_PATTERNS)]
        local = os.path.join(scratch, 'data')
        log.info('copying %d files from %s to %s', len(wanted), url, local)
        load().file.copy_parallel(url, local, file_list=wanted)
    return local


class OutputFolder:
    """train_url with a local folder in front of it: files are made locally and published one by one.

    path: the local folder. url: where it is published, None when train_url is local and path is the place itself.
    unpublished: set of (folder, name) that should be in the bucket and are not.
    """

    def __init__(self, train_url, scratch):
        place = parse_place('--train_url', train_url)
        self.unpublished = set()
        self.url = None if place.is_local else str(place).rstrip('/')
        self.path = os.path.abspath(place.path) if place.is_local else os.path.join(scratch, 'output')
        with storage_errors('making --train_url', train_url):
            os.makedirs(self.path, exist_ok=True)
            if self.url:            # a bucket that cannot be written is found now and not after thirty epochs
                load().file.make_dirs(self.url)

    def make_folder(self, name):
        """Make a sub-folder; returns its local path."""
        path = os.path.join(self.path, name)
        with storage_errors('making', path):
            os.makedirs(path, exist_ok=True)
        return path

    def list_folder(self, name):
        """Return the file names of a published sub-folder, none when it does not exist."""
        if self.url is None:
            return sorted(os.listdir(os.path.join(self.path, name)))
        folder = self._url_of(name)
        with storage_errors('listing', folder):
            return load().file.list_directory(folder) if load().file.is_directory(folder) else []

    def fetch(self, folder, name):
        """Copy a published file to the local folder, unless it is the place itself.

        Raises FileNotFoundError when it is not there, StorageError when that cannot be known.
        """
        if self.url is not None:
            url = self._url_of(folder, name)
            with storage_errors('reading', url):
                is_there = load().file.exists(url)
                if is_there:
                    load().file.copy(url, os.path.join(self.path, folder, name))
            if not is_there:
                raise FileNotFoundError('%s does not exist' % url)

    def publish(self, folder, names):
        """Copy finished local files of one folder to train_url, in the order given; returns the folder's place."""
        if self.url is None:
            return os.path.join(self.path, folder)
        self.unpublished.update((folder, name) for name in names)
        for name in names:
            url = self._url_of(folder, name)
            with storage_errors('writing', url):
                load().file.copy(os.path.join(self.path, folder, name), url)
            self.unpublished.discard((folder, name))
        return self._url_of(folder)

    def remove(self, folder, name):
        """Remove one file that this job has written, here and in the bucket."""
        path = os.path.join(self.path, folder, name)
        self.unpublished.discard((folder, name))
        if os.path.exists(path):
            os.remove(path)
        if self.url is not None:
            with storage_errors('removing', self._url_of(folder, name)):
                load().file.remove(self._url_of(folder, name))

    def _url_of(self, *names):
        return '/'.join((self.url,) + names)


@contextlib.contextmanager
def storage_errors(action, place):
    """Turn what storage raises in the block into a StorageError naming the action and the place."""
    try:
        yield
    except (DataError, StorageError):
        raise
    except Exception as error:      # moxing's are OSError or RuntimeError (moxing-file-api 7), boto's own are neither
        raise StorageError('%s %s failed: %s' % (action, place, error)) from error
