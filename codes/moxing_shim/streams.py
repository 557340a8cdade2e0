"""The file objects behind mox.file.File: true text and binary streams over raw ones.

    TextFile(BinaryReader(raw))     File(url, 'r')
    TextFile(BinaryWriter(raw))     File(url, 'w') and 'a'
    TextFile(BinaryRandom(raw))     File(url, 'r+'), 'w+' and 'a+'
    BinaryReader(raw)               File(url, 'rb')
    BinaryWriter(raw)               File(url, 'wb') and 'ab'
    BinaryRandom(raw)               File(url, 'rb+'), 'wb+' and 'ab+'

A raw stream is a LocalRaw, an ObjectReader or an ObjectWriter; besides io.RawIOBase it has
size(), publish() and abandon(). A writer publishes at flush() and close(); it publishes nothing when a `with`
block ends by an exception, and nothing when it is garbage-collected: neither says that the content is
complete.
"""
import codecs
import contextlib
import io
import logging
import os
from typing import NamedTuple

log = logging.getLogger('moxing')

BUFFER_BYTES = 256 * 1024       # one buffered read or write; a request for each byte asked would be slow
DEFAULT_ENCODING = 'utf-8'      # not the locale's: training images run under LANG=C, where that is ASCII


class Mode(NamedTuple):
    """A parsed open mode."""

    base: str           # 'r', 'w' or 'a'
    updates: bool       # with '+': for reading and writing
    is_binary: bool

    @property
    def of_bytes(self):
        """The mode in open()'s spelling, for a stream of bytes."""
        return self.base + ('+' if self.updates else '') + 'b'

    def __str__(self):
        return self.of_bytes


def parse_mode(mode):
    """Return the Mode for one of r, w, a, r+, w+ and a+, with b or t, letters in any order (moxing writes 'br+').

    Raises ValueError for any other mode.
    """
    base = ''.join(sorted(mode.replace('b', '', 1).replace('t', '', 1).replace('+', '', 1)))
    if base not in ('r', 'w', 'a') or ('b' in mode and 't' in mode):
        raise ValueError(f"File mode {mode!r} is not supported; use 'r', 'w' or 'a', with 'b' for bytes and '+' for "
                         'reading and writing')
    return Mode(base, '+' in mode, 'b' in mode)


def check_options(mode, mode_text, buffering, encoding, errors, newline):
    """Refuse what open() refuses, but before a file is opened: open() has emptied it by then.

    Raises ValueError, TypeError or LookupError.
    """
    if mode.is_binary and (encoding, errors, newline) != (None, None, None):
        raise ValueError(f'File mode {mode_text!r} is binary and takes no encoding, errors or newline')
    if buffering == 0 and not mode.is_binary:
        raise ValueError(f"File mode {mode_text!r} is text and cannot be unbuffered; use 'b' or buffering=1")
    io.TextIOWrapper(io.BytesIO(), encoding or DEFAULT_ENCODING, errors, newline)
    if errors is not None:
        codecs.lookup_error(errors)


def wrap(raw, mode, mode_text, buffering=-1, encoding=None, errors=None, newline=None):
    """Put the buffer, and for text the decoder, over the raw stream; `mode_text` becomes its `.mode`.

    buffering: as of open(): 0 none, 1 by lines, more: bytes, -1 the usual.
    """
    if buffering == 0:
        return raw
    kind = BinaryRandom if mode.updates else BinaryReader if mode.base == 'r' else BinaryWriter
    binary = kind(raw, buffering if buffering > 1 else BUFFER_BYTES)
    if mode.is_binary:
        return binary
    is_by_lines = buffering == 1 or buffering < 0 and raw.isatty()
    text = TextFile(binary, encoding or DEFAULT_ENCODING, errors, newline, is_by_lines)
    text.mode = mode_text
    return text


def as_bytes(function, place, data, binary):
    """What `function` stores for `data`; raises TypeError when that is not the kind that `binary` says."""
    if isinstance(data, str) == bool(binary):
        wanted = 'a str with binary=False' if binary else 'bytes with binary=True'
        raise TypeError(f'{function}({str(place)!r}): binary={binary!r}, but data is {type(data).__name__}; '
                        f'pass {wanted}')
    return bytes(data) if binary else data.encode(DEFAULT_ENCODING)


class LocalRaw(io.FileIO):
    """A file on this machine; like open(), it shows what is written as it is written."""

    def size(self):
        """Bytes in the file."""
        return os.fstat(self.fileno()).st_size

    def publish(self):
        """Nothing to do: the file itself is written."""

    def abandon(self):
        """Nothing to take back; returns False, no content is lost."""
        return False


class _Ending:
    """How every writer ends: complete (close) or abandoned (exception, garbage collection)."""

    def __exit__(self, exception_type, exception, traceback):
        if exception_type is not None:
            self._raw().abandon()
        self.close()

    def __del__(self):
        try:
            is_open = not self.closed
        except ValueError:          # detached, or never completely built
            return
        if is_open:
            if self._raw().abandon():
                log.error('%s was never closed: what was written since the last flush is lost', self.name)
            self.close()


class BinaryReader(io.BufferedReader):
    """A readable, seekable binary stream."""

    def size(self):
        """Bytes in the whole file."""
        return self.raw.size()


class _Writing(_Ending):
    _is_held = False

    def flush(self):
        """Make what was written so far visible under the name."""
        super().flush()
        if not self._is_held:
            self.raw.publish()

    def size(self):
        """Bytes in the whole content."""
        with self.held():
            self.flush()
        return self.raw.size()

    @contextlib.contextmanager
    def held(self):
        """For the length of a block, let flush() reach the raw stream but not the store."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    def _raw(self):
        return self.raw


class BinaryWriter(_Writing, io.BufferedWriter):
    """A writable binary stream; an object appears, or changes, at flush() and close()."""


class BinaryRandom(_Writing, io.BufferedRandom):
    """A binary stream that is read and written; an object appears, or changes, at flush() and close()."""


class TextFile(_Ending, io.TextIOWrapper):
    """A text stream; UTF-8 unless told otherwise, universal newlines."""

    def size(self):
        """Bytes (not characters) in the whole content."""
        with self._held():
            self.flush()
        return self.buffer.size()

    def tell(self):
        """The place of the next character, a number for seek(); TextIOWrapper flushes, which is to show nothing."""
        with self._held():
            return super().tell()

    def seek(self, cookie, whence=io.SEEK_SET):
        """Go to a place that tell() returned, or to the start or end; this shows nothing either."""
        with self._held():
            return super().seek(cookie, whence)

    def _held(self):
        return self.buffer.held() if self.writable() else contextlib.ExitStack()    # a reader has nothing to hold

    def _raw(self):
        return self.buffer.raw
