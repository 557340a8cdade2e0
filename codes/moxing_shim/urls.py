"""Places: an object in a bucket (s3:// and obs:// mean the same) or a path on this machine."""
import os
import re
from typing import NamedTuple, Optional

from moxing_shim.errors import MoxUnsafeKeyException

_REMOTE = re.compile(r'(s3|obs):/{1,2}([^/]*)/?(.*)', re.DOTALL)
_OTHER_SCHEME = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*://')
_DRIVE = re.compile(r'[A-Za-z]:')


class ObjectUrl(NamedTuple):
    """An object or a key prefix in a bucket; the key is kept letter for letter."""

    scheme: str
    bucket: str
    key: str

    is_local = False

    def __str__(self):
        return f'{self.scheme}://{self.bucket}/{self.key}'

    @property
    def prefix(self):
        """What every key below this directory starts with; '' for the whole bucket."""
        return self.key.rstrip('/') + '/' if self.key.strip('/') else ''

    @property
    def basename(self):
        """The last part of the key."""
        return self.key.rstrip('/').rpartition('/')[2]

    def ends_with_slash(self):
        """True when the caller wrote a directory: a trailing slash, or no key at all."""
        return not self.key or self.key.endswith('/')

    def join(self, name):
        """The place of `name`, a relative name with forward slashes, below this directory."""
        return self._replace(key=self.prefix + name)


class LocalPath(NamedTuple):
    """A path on this machine, spelt as the caller spelt it."""

    path: str

    is_local = True

    def __str__(self):
        return self.path

    @property
    def basename(self):
        """The last part of the path."""
        return os.path.basename(self.path.rstrip('/'))

    def ends_with_slash(self):
        """True when the caller wrote a directory, with a trailing slash."""
        return self.path.endswith('/')

    def join(self, name):
        """The place of `name`, a relative name with forward slashes, below this directory."""
        return LocalPath(os.path.join(self.path, *name.split('/')))


class Entry(NamedTuple):
    """One line of a listing."""

    name: str               # relative to what was listed, forward slashes, none at the end
    is_directory: bool
    size_bytes: int         # 0 for a directory
    mtime_ns: Optional[int] = None      # nanoseconds since the epoch, UTC; None where the listing has none
    etag: Optional[str] = None          # of an object, with its quotes
    leads_to: Optional[str] = None      # of a link out of the folder that was listed: the real path


def parse(url):
    """Return the ObjectUrl or LocalPath that `url` (str, bytes or path-like) names.

    'obs:/bucket/key' is accepted too: pathlib folds the two slashes of a URL into one.
    Raises ValueError for a URL without bucket and for any scheme but s3 and obs.
    """
    text = os.fsdecode(url)
    remote = _REMOTE.fullmatch(text)
    if remote:
        if not remote.group(2):
            raise ValueError(f'{text!r} names no bucket; write {remote.group(1)}://bucket/key')
        return ObjectUrl(*remote.groups())
    if _OTHER_SCHEME.match(text):
        raise ValueError(f'{text!r}: only s3:// and obs:// URLs and local paths are understood')
    return LocalPath(text)


def is_same(one, other):
    """True when both name the same object, or the same file: a copy from one to the other is done already."""
    if one.is_local and other.is_local:
        return os.path.realpath(one.path) == os.path.realpath(other.path)
    return not one.is_local and not other.is_local and one[1:] == other[1:]     # whatever the scheme


def is_inside(inner, outer):
    """True when `inner` is the place `outer` or lies below it."""
    if inner.is_local != outer.is_local:
        return False
    if inner.is_local:
        inner_path, outer_path = os.path.realpath(inner.path), os.path.realpath(outer.path)
        return inner_path == outer_path or inner_path.startswith(os.path.join(outer_path, ''))
    return inner.bucket == outer.bucket and inner.prefix.startswith(outer.prefix)


def check_relative_name(name):
    """Refuse a name that could be written outside the folder it is meant for.

    Object keys are foreign input: '../x', '/etc/x', 'C:x', 'a\\\\..\\\\x', 'a//x' and NUL are legal in a key.
    Raises MoxUnsafeKeyException, which names the key and the reason.
    """
    parts = name.split('/')
    if '\0' in name:
        reason = 'it contains a NUL character'
    elif '\\' in name:
        reason = 'it contains a backslash'
    elif _DRIVE.match(name):
        reason = 'it starts with a drive letter'
    elif '' in parts:
        reason = 'it is absolute or has an empty part'
    elif '.' in parts or '..' in parts:
        reason = "it has a '.' or '..' part"
    else:
        return
    raise MoxUnsafeKeyException(f'the name {name!r} is refused: {reason}, so it could be written outside the '
                                'target folder; rename the object')
