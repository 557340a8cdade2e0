"""Raw streams that write one object: new content, more at its end, or changes anywhere in it.

What is written goes to a spool: in memory up to 8 MiB, then in a temporary file. The object appears, or changes,
at publish(). What is beyond 64 MiB of a stream that is only written is sent to the store on the way, as parts of
an upload that publish() completes; so a stream of any length needs no more room than that.
"""
import io
import logging
import shutil
import tempfile

from moxing_shim import s3_objects
from moxing_shim.client import get_client
from moxing_shim.errors import MoxFileException, MoxFileNotExistsException
from moxing_shim.multipart import MultipartUpload, copy_object, send_stream
from moxing_shim.settings import PART_BYTES_MIN

log = logging.getLogger('moxing')

SPOOL_MEMORY_BYTES = 8 * 1024 * 1024    # what a writer holds in memory; more goes to a temporary file
SEND_FROM_BYTES = 64 * 1024 * 1024      # what it holds at all, when it is only written; chosen
STEADY_PARTS = 500      # from this many of the usual size on, parts grow with what was sent; chosen


class ObjectWriter(io.RawIOBase):
    """Writes one object; with mode.updates reads it too.

    place: ObjectUrl. mode: a streams.Mode; 'w' starts empty, 'r' and 'a' with what is there.
    Raises MoxFileNotExistsException when there is nothing to be updated.
    """

    def __init__(self, place, mode):
        super().__init__()
        self.name, self.mode = str(place), str(mode)
        self._place, self._mode = place, mode
        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES)
        self._sent = 0              # bytes in the bucket, ahead of the spool
        self._upload = None         # the MultipartUpload that they are parts of; None: they are the object itself
        self._next_part = 1
        self._there = None          # (bytes, ETag) of the object as this writer last read or stored it
        self._like_there = 0        # bytes at the start of the content that are as in that object
        self._is_changed = True     # opening for writing makes an empty object, as open() does a file
        self._is_abandoned = False
        if mode.base != 'w':
            self._begin_with_what_is_there()

    def readable(self):
        """True for the modes with '+'."""
        return self._mode.updates

    def writable(self):
        """Always true: write() works."""
        return True

    def seekable(self):
        """Always true, but for what was sent already, see seek()."""
        return True

    def size(self):
        """Bytes in the whole content."""
        position = self._spool.tell()
        self._spool.seek(0, io.SEEK_END)    # returns None before Python 3.11
        size_bytes = self._spool.tell()
        self._spool.seek(position)
        return self._sent + size_bytes

    def tell(self):
        """Byte offset of the next read or write."""
        return self._sent + self._spool.tell()

    def seek(self, offset, whence=io.SEEK_SET):
        """Move to a byte offset.

        Raises io.UnsupportedOperation for a place in what was sent already.
        """
        target = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self.size()}[whence] + offset
        if target < 0:
            raise ValueError(f'{self.name}: cannot seek to byte {target}, before the start')
        if self._mode.base == 'a' and not self._mode.updates:
            return target       # it writes at the end, wherever it stands
        self._refuse_sent(target)
        self._spool.seek(target - self._sent)
        return target

    def truncate(self, size=None):
        """Cut the content at `size` bytes, by default here, or fill it up with zeros."""
        position = self.tell()
        size = position if size is None else size
        self._refuse_sent(size)
        self._note_change_at(min(size, self.size()))
        if size > self.size():
            self._spool.rollover()      # what is in memory would not grow
        self._spool.truncate(size - self._sent)
        self._spool.seek(position - self._sent)
        return size

    def readinto(self, buffer):
        """Fill `buffer` with the next bytes; returns their number."""
        if not self._mode.updates:
            raise io.UnsupportedOperation(f'{self.name}: not open for reading')
        chunk = self._spool.read(len(buffer))
        buffer[:len(chunk)] = chunk
        return len(chunk)

    def write(self, data):
        """Take the bytes; returns their number."""
        if self._is_abandoned:
            return len(data)
        if self._mode.base == 'a':
            self._spool.seek(0, io.SEEK_END)
        # Before anything is taken: the buffer above keeps what could not be written, and brings it again
        if not self._mode.updates and self.size() == self.tell() >= self._sent + SEND_FROM_BYTES:
            self._send_spool()
        self._note_change_at(min(self.tell(), self.size()))
        self._spool.write(data)
        return len(data)

    def publish(self):
        """Make the object what was written so far; without a change since the last time, do nothing.

        After a failure the content still counts as unpublished, so a later flush() or close() tries again.
        Raises MoxFileException when the object that is updated was changed by somebody else meanwhile.
        """
        if not self._is_changed or self._is_abandoned:
            return
        size_bytes = self.size()
        is_as_left = self._is_as_left()
        if self._upload is not None:
            # A failure may be followed by another flush(): until it succeeds, the rest stays in the spool
            end = self._send_rest(self._upload, self._next_part, self._sent)
            etag, self._upload = self._upload.complete(end), None
        elif is_as_left and self._can_be_joined(size_bytes):
            etag = self._join()
        else:
            etag = self._store_whole()
        if self._sent:
            self._sent = size_bytes
            self._empty_spool()
        self._there, self._like_there, self._is_changed = (size_bytes, etag), size_bytes, False

    def abandon(self):
        """Upload nothing from now on; returns True when unpublished content is lost by that."""
        is_loss = self._is_changed and not self._is_abandoned
        self._is_abandoned = True
        return is_loss

    def close(self):
        """Throw away what was not published."""
        if not self.closed:
            if self._upload is not None:
                self._upload.abort()
            self._spool.close()
        super().close()

    def _begin_with_what_is_there(self):
        answer = s3_objects.describe(self._place)
        if answer is None:
            if self._mode.base == 'r':
                raise MoxFileNotExistsException(f'no such file: {self._place}')
            return
        self._is_changed = False
        size_bytes = self._like_there = answer['ContentLength']
        self._there = size_bytes, answer['ETag']
        if not self._mode.updates and size_bytes >= PART_BYTES_MIN:
            self._sent = size_bytes
            return
        with s3_objects.open_reader(self._place) as reader:
            shutil.copyfileobj(reader, self._spool, SPOOL_MEMORY_BYTES)
        if self._mode.base == 'r':
            self._spool.seek(0)

    def _note_change_at(self, position):
        self._like_there = min(self._like_there, position)
        self._is_changed = True

    def _can_be_joined(self, size_bytes):
        """True when the object in the bucket is a first part: it is all there, and more has come behind it."""
        return (self._there is not None and PART_BYTES_MIN <= self._there[0] == self._like_there < size_bytes)

    def _store_whole(self):
        position = self._spool.tell()
        try:
            return s3_objects.upload_stream(self._place, self._spool)
        finally:
            self._spool.seek(position)

    def _join(self):
        """Have the store put what is new behind what it has; returns the ETag."""
        with MultipartUpload(self._place) as upload:
            self._send_rest(upload, self._copy_there(upload), self._there[0])
            return upload.complete()

    def _copy_there(self, upload):
        """Take the object as it is there for the first parts of `upload`; returns the number of the next part."""
        _, settings = get_client()
        try:
            return copy_object(upload, self._place, *self._there, part_threads=settings.part_threads)
        except MoxFileException as error:
            if getattr(getattr(error, 'resp', None), 'status', None) in (404, 412):
                raise self._changed_by_others() from error
            raise

    def _send_spool(self):
        """Send all that the spool holds, and empty it."""
        if self._upload is None:
            upload = MultipartUpload(self._place)
            try:
                self._next_part = self._copy_there(upload) if self._sent else 1
            except BaseException:
                upload.abort()
                raise
            self._upload = upload
        self._next_part = self._send_rest(self._upload, self._next_part, self._sent)
        self._sent = self.size()
        self._empty_spool()

    def _send_rest(self, upload, first_part, first_byte):
        """Send the content from `first_byte` on, which is in the spool; returns the number of the next part.

        The parts grow with the stream, whose length nobody knows: the 10,000 of an upload reach for over 500 GiB.
        """
        rest = _From(self._spool, first_byte - self._sent)
        size_bytes = self.size() - first_byte
        if not size_bytes:
            return first_part
        _, settings = get_client()
        count = max(size_bytes // max(settings.part_bytes_for(self.size()), first_byte // STEADY_PARTS), 1)
        position = self._spool.tell()
        try:
            return send_stream(upload, first_part, self._place, rest, size_bytes, -(-size_bytes // count),
                               settings.part_threads)
        finally:
            self._spool.seek(position)

    def _empty_spool(self):
        self._spool.seek(0)
        self._spool.truncate()

    def _is_as_left(self):
        """True when the object in the bucket is the one that this writer read or stored last.

        What others wrote since is not overwritten by an update, nor taken for what was sent; only a file opened
        with 'w' that has everything at hand replaces what is there. Some servers ignore the condition of a copy.
        """
        if self._mode.base == 'w' and self._there is None:
            return False
        answer = s3_objects.describe(self._place)
        if (answer and answer['ETag']) == (self._there and self._there[1]):
            return True
        needs_it = self._sent and self._upload is None
        if needs_it or (answer is not None and self._mode.base != 'w'):
            raise self._changed_by_others()
        return False

    def _changed_by_others(self):
        return MoxFileException(f'cannot write {self._place}: somebody else changed it since it was opened with '
                                f'{self.mode!r}, or flushed; open it again')

    def _refuse_sent(self, position):
        if position < self._sent:
            raise io.UnsupportedOperation(
                f'{self.name}: cannot go back to byte {position}, the first {self._sent} are in the bucket already; '
                "a file opened with 'w+b' holds everything until it is closed")


class _From:
    """A spool from some byte on. It has no close(): the spool stays open after it was sent."""

    def __init__(self, spool, first_byte):
        self._spool, self._first_byte = spool, first_byte
        self.read = spool.read

    def seek(self, offset):
        """Move to `offset` bytes behind the first one."""
        self._spool.seek(self._first_byte + offset)
