"""Stage in and stage out: the job reads and writes local folders, whatever --data_url and --train_url are.

On ModelArts both are s3:// URLs of OBS and nothing is mounted (contract 1.2): data is copied to the machine first,
results are copied back during the job. Local folders are used in place.
"""
import fnmatch
import logging
import os
import shutil
import tempfile

from moxing_shim import load

from errors import DataError, StorageError
from records import find_record_name

log = logging.getLogger(__name__)

CLOUD_SCRATCH = '/cache'                # the machine's large local disk on ModelArts (contract 1.2)
DATA_PATTERNS = ('*train*.rec', '*val*.rec', '*.lst', 'synset.txt', 'manifest.json')


def is_url(path):
    """Tell whether a path lies in a bucket."""
    return path.startswith(('s3://', 'obs://'))


def join(folder, *names):
    """Join with slashes, whether or not `folder` ends with one."""
    return '/'.join((folder.rstrip('/'),) + names)


def refuse_same_folder(data_url, train_url):
    """Raise DataError when results would be mixed into the data (contract 1.1 forbids it)."""
    if _normal(data_url) == _normal(train_url):
        raise DataError('--train_url is the same folder as --data_url (%s). Give the results a folder of their own.'
                        % train_url)


def make_scratch_folder():
    """Make a folder for this run on the largest local disk; the caller removes it."""
    cache = os.environ.get('DLS_LOCAL_CACHE_PATH', CLOUD_SCRATCH)
    parent = cache if os.path.isdir(cache) and os.access(cache, os.W_OK) else None
    return tempfile.mkdtemp(prefix='caltech-', dir=parent)


def stage_in(data_url, scratch):
    """Return a local folder with the data: data_url itself when it is local, else a copy in `scratch`.

    Raises StorageError when the bucket cannot be read, DataError when it holds no data set.
    """
    if not is_url(data_url):
        return os.path.abspath(data_url)
    with storage_errors('reading', data_url):
        files = load().file.list_directory(data_url, recursive=False)
        for split in ('train', 'val'):
            find_record_name(files, split, data_url)
        wanted = [name for name in files if any(fnmatch.fnmatch(name.lower(), pattern) for pattern in DATA_PATTERNS)]
        local = os.path.join(scratch, 'data')
        log.info('copying %d files from %s to %s', len(wanted), data_url, local)
        load().file.copy_parallel(data_url, local, file_list=wanted)
    return local


class OutputFolder:
    """train_url with a local folder in front of it: files are made locally and published one by one.

    path: the local folder. url: where it is published, None when train_url is local and path is the place itself.
    """

    def __init__(self, train_url, scratch):
        self.url = train_url.rstrip('/') if is_url(train_url) else None
        self.path = os.path.join(scratch, 'output') if self.url else os.path.abspath(train_url)
        try:
            os.makedirs(self.path, exist_ok=True)
        except OSError as error:
            raise StorageError('--train_url: %s cannot be made (%s). Give a folder that you may write to.'
                               % (self.path, error.strerror)) from error

    def make_folder(self, name):
        """Make a sub-folder; returns its local path."""
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        return path

    def list_folder(self, name):
        """Return the file names of a published sub-folder, none when it does not exist."""
        if self.url is None:
            path = os.path.join(self.path, name)
            return sorted(os.listdir(path)) if os.path.isdir(path) else []
        folder = join(self.url, name)
        with storage_errors('listing', folder):
            return load().file.list_directory(folder) if load().file.is_directory(folder) else []

    def fetch(self, folder, names):
        """Copy published files to the local folder, unless it is the place itself."""
        if self.url is not None:
            with storage_errors('reading', join(self.url, folder)):
                for name in names:
                    load().file.copy(join(self.url, folder, name), os.path.join(self.path, folder, name))

    def publish(self, folder, name):
        """Copy one finished local file to train_url, unless it is there already by being local."""
        if self.url is not None:
            target = join(self.url, folder, name)
            with storage_errors('writing', target):
                load().file.copy(os.path.join(self.path, folder, name), target)

    def publish_all(self, folder, names):
        """Copy finished local files of one folder to train_url, in the order given; returns the folder's place."""
        for name in names:
            self.publish(folder, name)
        return '%s/%s' % (self.url or self.path, folder)

    def remove(self, folder, name):
        """Remove one file that this job has written, here and in the bucket; a bucket that refuses is a warning."""
        path = os.path.join(self.path, folder, name)
        if os.path.exists(path):
            os.remove(path)
        if self.url is not None:
            try:
                with storage_errors('removing', join(self.url, folder, name)):
                    load().file.remove(join(self.url, folder, name))
            except StorageError as error:
                log.warning('%s', error)


class storage_errors:
    """Context manager that turns what storage raises into a StorageError naming the action and the URL."""

    def __init__(self, action, url):
        self._what = '%s %s failed' % (action, url)

    def __enter__(self):
        return self

    def __exit__(self, error_type, error, traceback):
        # moxing's exceptions are OSError or RuntimeError too (moxing-file-api 7); boto's own derive from Exception
        if error is not None and isinstance(error, Exception) and not isinstance(error, (DataError, StorageError)):
            raise StorageError('%s: %s' % (self._what, error)) from error


def remove_scratch(folder):
    """Remove the run's scratch folder."""
    shutil.rmtree(folder, ignore_errors=True)


def _normal(path):
    if is_url(path):
        return path.split('://', 1)[1].rstrip('/')
    return os.path.realpath(path)
