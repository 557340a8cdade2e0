"""A raw stream that reads one object by ranged GET."""
import io
import logging
import time

from moxing_shim import s3_errors
from moxing_shim.client import retry_delay_s

log = logging.getLogger('moxing')

READ_CHUNK_BYTES = 1024 * 1024
SKIP_BYTES = 256 * 1024             # a shorter jump forward reads on: cheaper than a new request


class ObjectReader(io.RawIOBase):
    """Reads one object, seekable; a connection that breaks in mid-body is replaced where it broke.

    fetch: function (first_byte, etag) -> get_object's response; etag None for the first request. An object
    replaced while it is read is refused by the server then, never mixed.
    """

    def __init__(self, name, fetch, settings):
        super().__init__()
        self.name, self.mode = name, 'rb'
        self._fetch, self._settings = fetch, settings
        self._position = self._body_position = 0        # where the reader is; where the open body is
        first = fetch(0, None)
        self._body, self._size, self._etag = first['Body'], first['ContentLength'], first.get('ETag')
        self.headers = first.get('ResponseMetadata', {}).get('HTTPHeaders', {})     # of the first answer

    def readable(self):
        """Always true: readinto() works."""
        return True

    def seekable(self):
        """Always true: seek() asks the server for another range."""
        return True

    def size(self):
        """Bytes in the object."""
        return self._size

    def abandon(self):
        """Nothing to take back; returns False."""
        return False

    def tell(self):
        """Byte offset of the next read."""
        return self._position

    def seek(self, offset, whence=io.SEEK_SET):
        """Move to a byte offset; costs a request only when something is read from there."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f'{self.name}: cannot seek to byte {base + offset}, before the start')
        self._position = base + offset
        return self._position

    def readinto(self, buffer):
        """Fill `buffer` with the next bytes; returns their number, 0 at the end of the object."""
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        for attempt in range(1, self._settings.tries + 1):
            try:
                chunk = self._open_body().read(wanted)
                break
            except s3_errors.BOTO_ERRORS as error:
                self._drop_body()
                delay_s = retry_delay_s(attempt, self._settings)
                if delay_s is None:
                    raise s3_errors.translate(error, 'read', self.name, self._settings.endpoint) from error
                log.info('try %d of %d failed: reading %s at byte %d: %s; next in %.1f s', attempt,
                         self._settings.tries, self.name, self._position, error, delay_s)
                time.sleep(delay_s)
        buffer[:len(chunk)] = chunk
        self._position += len(chunk)
        self._body_position = self._position
        return len(chunk)

    def readall(self):
        """Everything from here to the end, in large pieces."""
        return b''.join(iter(lambda: self.read(READ_CHUNK_BYTES), b''))

    def close(self):
        """Give the connection back."""
        if not self.closed:
            self._drop_body()
        super().close()

    def _open_body(self):
        """The body, positioned at the reader's place."""
        gap = self._position - self._body_position
        if self._body is not None and 0 < gap <= SKIP_BYTES:
            while gap:
                gap -= len(self._body.read(gap))
        elif self._body is None or gap:
            self._drop_body()
            self._body = self._fetch(self._position, self._etag)['Body']
        self._body_position = self._position
        return self._body

    def _drop_body(self):
        body, self._body = getattr(self, '_body', None), None
        if body is not None:
            body.close()
