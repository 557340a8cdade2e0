"""Large objects downloaded in ranges, several at a time, checked against the ETag."""
import hashlib
import logging
import threading

from botocore.exceptions import ClientError

from moxing_shim import etags, s3_errors
from moxing_shim.client import get_client, get_express
from moxing_shim.errors import MoxFileReadException
from moxing_shim.object_reader import ObjectReader
from moxing_shim.parallel import MEMORY_BYTES, in_order

log = logging.getLogger('moxing')

CHUNK_BYTES = 1024 * 1024       # read from the disk, or from a client's answer, at a time
CHECKED_TRIES = 3               # of content that does not match its MD5; chosen
UNKNOWN_REQUEST_STATUSES = (400, 405, 501)      # for a request that a server does not know


def download(place, stream, part_threads):
    """Write the whole object into `stream`, an empty seekable binary file; returns its bytes.

    Every part is asked for with the ETag of the first answer: an object replaced meanwhile is refused by the
    server, never mixed.
    """
    client, settings = get_client()
    threads = settings.part_threads_for(part_threads)
    for attempt in range(1, CHECKED_TRIES + 1):
        source = _describe(client, settings, place, is_serial=not threads)
        if source.receive(stream, threads):
            return source.size_bytes
        log.info('try %d of %d failed: the content of %s does not match its ETag %s', attempt, CHECKED_TRIES, place,
                 source.checkable)
    raise mismatch(place, source.checkable)


def mismatch(place, etag):
    """The exception for content that keeps differing from the MD5 the server has for it."""
    return MoxFileReadException(
        f'cannot read {place}: {CHECKED_TRIES} times the content that arrived did not match its ETag {etag}. '
        'Check the network and any proxy on the way; if it stays so, the stored object is damaged: upload it again')


class _LargeObject:
    """An object to be downloaded: what the server said of it, and the ranges to ask for."""

    def __init__(self, place, client, settings, etag, size_bytes, part_bytes, checkable):
        self._place, self._client, self._settings = place, client, settings
        self._etag, self.size_bytes, self._part_bytes = etag, size_bytes, part_bytes
        self.checkable = checkable      # the ETag that the content must match, None where none can be computed

    def receive(self, stream, part_threads):
        """Fetch everything into `stream`; returns False when the content does not match `checkable`."""
        count = max(-(-self.size_bytes // self._part_bytes), 1)     # an object emptied meanwhile is one part
        lock, whole, digests = threading.Lock(), hashlib.md5(), []
        is_read_back = etags.is_plain(self.checkable) and count > 1
        for number, digest in enumerate(in_order(lambda part: self._fetch(part, stream, lock), count, part_threads)):
            digests.append(digest)
            if is_read_back:
                self._read_back(number, stream, lock, whole)
        if is_read_back:
            return self.checkable == whole.hexdigest()
        return self.checkable in (None, digests[0].hex(), etags.composite(digests))

    def _fetch(self, number, stream, lock):
        """Write one range to its place in `stream`; returns the MD5 digest of it."""
        start = number * self._part_bytes
        digest, position = hashlib.md5(), start
        for piece in self._pieces(start, min(self._part_bytes, self.size_bytes - start)):
            digest.update(piece)
            with lock:
                stream.seek(position)
                stream.write(piece)
            position += len(piece)
        return digest.digest()

    def _pieces(self, start, length):
        """Yield the bytes of a range: by the short way, and by the client from where that ends."""
        is_whole = length == self.size_bytes

        def asked(first_byte):
            return {} if is_whole and not first_byte else {'Range': f'bytes={start + first_byte}-{start + length - 1}'}

        came = 0
        for piece in get_express().pieces(self._place, dict(asked(0), **{'If-Match': self._etag}), length):
            came += len(piece)
            yield piece
        if came == length and came:
            return

        def fetch(first_byte, _etag):
            answer = self._client.get_object(Bucket=self._place.bucket, Key=self._place.key, IfMatch=self._etag,
                                             **asked(came + first_byte))
            if answer['ContentLength'] != length - came - first_byte:
                answer['Body'].close()
                raise MoxFileReadException(
                    f'cannot read {self._place}: {length - came - first_byte} bytes were asked for and '
                    f'{answer["ContentLength"]} offered; this server, or a proxy on the way, does not serve ranges')
            return answer

        with s3_errors.translated('read', self._place, self._settings.endpoint):
            with ObjectReader(str(self._place), fetch, self._settings) as reader:
                yield from iter(lambda: reader.read(CHUNK_BYTES), b'')

    def _read_back(self, number, stream, lock, whole):
        """Feed a part that has arrived into the MD5 of the whole, which must see the parts in order."""
        start = number * self._part_bytes
        for position in range(start, min(start + self._part_bytes, self.size_bytes), CHUNK_BYTES):
            with lock:
                stream.seek(position)
                chunk = stream.read(min(CHUNK_BYTES, start + self._part_bytes - position))
            whole.update(chunk)


def _describe(client, settings, place, is_serial):
    """Ask the server for the object's ETag, size and part size; returns a _LargeObject.

    Without threads nothing is won by parts, except that they show the parts' MD5s.
    """
    key = {'Bucket': place.bucket, 'Key': place.key}
    with s3_errors.translated('read', place, settings.endpoint):
        answer = client.head_object(**key)
        size_bytes = answer['ContentLength']
        checkable = etags.usable_etag(answer['ResponseMetadata']['HTTPHeaders'])
        part_bytes = max(size_bytes, 1) if is_serial else settings.part_bytes_for(size_bytes)
        if checkable is not None and not etags.is_plain(checkable):
            part_bytes, checkable = _uploaded_parts(client, key, checkable, size_bytes, part_bytes)
    return _LargeObject(place, client, settings, answer['ETag'], size_bytes, part_bytes, checkable)


def _uploaded_parts(client, key, checkable, size_bytes, own):
    """Return (part bytes, ETag to check or None) for an object that was uploaded in parts.

    HEAD of part 1 tells how large they were, where the server knows that request: S3, MinIO and newer Swift do, and
    Swift 2.30 refuses it. No check without it: a guessed part size that fits by chance would make good content look
    damaged.
    """
    try:
        first = client.head_object(PartNumber=1, **key)
    except ClientError as error:
        if error.response['ResponseMetadata']['HTTPStatusCode'] not in UNKNOWN_REQUEST_STATUSES:
            raise
        return own, None
    uploaded = first['ContentLength']
    if first.get('PartsCount') == etags.part_count(checkable) == -(-size_bytes // max(uploaded, 1)):
        if uploaded <= MEMORY_BYTES:
            return uploaded, checkable
        return own, None        # one request for a part of a gigabyte would leave the other threads idle
    return own, None
