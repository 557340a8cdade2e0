"""What a shifted function does with a URL: the calls of Python in terms of moxing.file.

The methods are called like the functions they stand for and take their parameters, those that the caller has
given and no others: where a parameter that is left out means something else to moxing than to Python, moxing
decides. Parameters without a meaning in a bucket (mode, dir_fd, buffering, follow_symlinks) have no effect.
Errors are those of moxing_shim.errors, each of which is the builtin that callers of the function catch.
"""
import errno
import os
import shutil
import sys


class Calls:
    """The sixteen functions for URLs. files: whatever has the functions of moxing.file, asked at each call."""

    def __init__(self, files):
        self._files = files

    def open(self, file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, **_):
        """File; 'x' is 'w' for a name that is free."""
        url = os.fsdecode(file)
        if 'x' in mode:
            if self._files.exists(url):
                raise _os_error(errno.EEXIST, url)
            mode = mode.replace('x', 'w')
        return self._files.File(url, mode, buffering, encoding, errors, newline)

    def glob(self, pathname, **_):
        """The urls that match, spelt like the pattern."""
        return _like(pathname, self._files.glob(os.fsdecode(pathname)))

    def listdir(self, path):
        """The names inside, files and directories."""
        url = os.fsdecode(path)
        self._need_directory(url)
        return _like(path, self._files.list_directory(url, recursive=False))

    def makedirs(self, name, exist_ok=None, **_):
        """make_dirs: what is there is no error, as in moxing, unless `exist_ok` is given and false."""
        url = os.fsdecode(name)
        self._need_free(url, exist_ok)
        self._files.make_dirs(url)

    def mkdir(self, path, **_):
        """mk_dir, one level."""
        self._files.mk_dir(os.fsdecode(path))

    def remove(self, path, **_):
        """Delete a file; a missing one is no error, as in moxing."""
        self._files.remove(os.fsdecode(path), recursive=False)

    def rename(self, src, dst, **_):
        """Move a file or directory, also between a bucket and the disk."""
        self._files.rename(os.fsdecode(src), os.fsdecode(dst))

    def scandir(self, path):
        """An iterator of entries that also is a context manager."""
        url = os.fsdecode(path)
        self._need_directory(url)
        return self._files.scan_dir(url)

    def stat(self, path, **_):
        """The size, time and kind, also under the names of os.stat_result."""
        return self._files.stat(os.fsdecode(path))

    def walk(self, top, **options):
        """(directory, names of directories, names of files), the directory spelt like `top`."""
        for directory, directories, names in self._files.walk(os.fsdecode(top), **options):
            yield (os.fsencode(directory) if isinstance(top, bytes) else directory,
                   _like(top, directories), _like(top, names))

    def exists(self, path):
        """True for a file or directory. Unlike Python's it raises when the server does not say."""
        return self._files.exists(os.fsdecode(path))

    def getsize(self, filename):
        """Bytes of a file; 0 for a directory."""
        return self._files.get_size(os.fsdecode(filename))

    def isdir(self, s):
        """True for a directory. Unlike Python's it raises when the server does not say."""
        return self._files.is_directory(os.fsdecode(s))

    def copyfile(self, src, dst, **_):
        """Copy one file over what is there; returns `dst`."""
        self._files.copy(os.fsdecode(src), os.fsdecode(dst))
        return dst

    def copytree(self, src, dst, ignore=None, copy_function=None, dirs_exist_ok=None, **_):
        """copy_parallel: merges into what is there, as in moxing, unless `dirs_exist_ok` is given and false.

        Links are followed inside the tree. Raises NotImplementedError for another `copy_function` than shutil's.
        """
        if copy_function not in (None, shutil.copy2, shutil.copy, shutil.copyfile):
            raise NotImplementedError(f'copytree({os.fsdecode(src)!r}, {os.fsdecode(dst)!r}): copy_function cannot be '
                                      'another one where a bucket is concerned; copy the files one by one')
        source, target = os.fsdecode(src), os.fsdecode(dst)
        self._need_free(target, dirs_exist_ok)
        wanted = None if ignore is None else list(self._not_ignored(source, ignore))
        self._files.copy_parallel(source, target, file_list=wanted)
        return dst

    def rmtree(self, path, ignore_errors=False, onerror=None, onexc=None, **_):
        """Delete a directory and all below. moxing would delete a file of that name as well; this raises."""
        url = os.fsdecode(path)
        try:
            self._need_directory(url)
            self._files.remove(url.rstrip('/') + '/', recursive=True)
        except OSError as error:
            if ignore_errors:
                return
            if onexc is not None:
                onexc(shutil.rmtree, path, error)
            elif onerror is not None:
                onerror(shutil.rmtree, path, sys.exc_info())
            else:
                raise

    def _need_directory(self, url):
        if not self._files.is_directory(url):
            raise _os_error(errno.ENOTDIR if self._files.exists(url) else errno.ENOENT, url)

    def _need_free(self, url, may_exist):
        if may_exist is not None and not may_exist and self._files.exists(url):
            raise _os_error(errno.EEXIST, url)

    def _not_ignored(self, directory, ignore, below=''):
        """The names of the files in `directory` that `ignore` (see shutil.copytree) leaves, `below` in front."""
        files = self._files.list_directory(directory, skip_dir=True)
        folders = self._files.list_directory(directory, skip_file=True)
        ignored = set(ignore(directory, files + folders))
        yield from (below + name for name in files if name not in ignored)
        for name in folders:
            if name not in ignored:
                yield from self._not_ignored(directory.rstrip('/') + '/' + name, ignore, below + name + '/')


def _like(path, names):
    """The names as bytes when the path was given so, as the functions of os do."""
    return [os.fsencode(name) for name in names] if isinstance(path, bytes) else names


def _os_error(number, url):
    """The builtin exception for an error number, with the words and the attributes that os would give it."""
    return OSError(number, os.strerror(number), url)
