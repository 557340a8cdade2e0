"""Large objects in parts: several requests at a time, each checked, with bounded memory and nothing left over."""
import base64
import contextlib
import hashlib
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from moxing_shim import etags, s3_errors
from moxing_shim.client import get_client, get_express
from moxing_shim.errors import MoxFileException, MoxFileMissingRespException, MoxFileReadException
from moxing_shim.express import md5_of
from moxing_shim.object_streams import ObjectReader

log = logging.getLogger('moxing')

CHUNK_BYTES = 1024 * 1024       # read from a socket and written to disk at a time
MEMORY_BYTES = 128 * 1024 * 1024    # of content held by all threads of a process together; chosen
CHECKED_TRIES = 3               # of content that does not match its MD5; chosen

_budgets = {}       # process id -> ByteBudget: what was held when a process forked is not held in the child


def memory():
    """The ByteBudget of this process for content held in memory."""
    return _budgets.setdefault(os.getpid(), ByteBudget(MEMORY_BYTES))


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


def upload(place, stream, size_bytes, part_threads):
    """Store `stream`, a seekable binary file of `size_bytes`, under the key; on any exception no part is left."""
    client, settings = get_client()
    target = {'Bucket': place.bucket, 'Key': place.key}
    with s3_errors.translated('write', place, settings.endpoint):
        target['UploadId'] = client.create_multipart_upload(**target)['UploadId']
        try:
            parts = _send_parts(client, target, place, stream, size_bytes, settings.part_bytes_for(size_bytes),
                                settings.part_threads_for(part_threads))
            _complete(client, target, place, parts)
        except BaseException:
            try:
                client.abort_multipart_upload(**target)
            except Exception as error:      # the first failure is the one to tell
                log.warning('the parts of an unfinished upload are left in the bucket: %s, upload id %s (%s)', place,
                            target['UploadId'], error)
            raise


def mismatch(place, etag):
    """The exception for content that keeps differing from the MD5 the server has for it."""
    return MoxFileReadException(
        f'cannot read {place}: {CHECKED_TRIES} times the content that arrived did not match its ETag {etag}. '
        'Check the network and any proxy on the way; if it stays so, the stored object is damaged: upload it again')


class ByteBudget:
    """Lets threads hold so many bytes together; who wants more waits. One alone may exceed it."""

    def __init__(self, total_bytes):
        self._free = self._total = total_bytes
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def holding(self, size_bytes):
        """Hold `size_bytes` for the length of a block."""
        wanted = min(size_bytes, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


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
        for number, digest in enumerate(_in_order(lambda part: self._fetch(part, stream, lock), count, part_threads)):
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
                raise MoxFileReadException(
                    f'cannot read {self._place}: {length - came - first_byte} bytes were asked for (Range) and '
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

    HEAD of part 1 tells how large they were, where the server knows that request (S3, MinIO and Swift do). No
    check without it: a guessed part size that fits by chance would make good content look damaged.
    """
    first = client.head_object(PartNumber=1, **key)
    uploaded = first['ContentLength']
    if first.get('PartsCount') == etags.part_count(checkable) == -(-size_bytes // max(uploaded, 1)):
        if uploaded <= MEMORY_BYTES:
            return uploaded, checkable
        return own, None        # one request for a part of a gigabyte would leave the other threads idle
    return own, None


def _send_parts(client, target, place, stream, size_bytes, part_bytes, part_threads):
    """Upload every part; returns [{'PartNumber', 'ETag', 'MD5'}, ...] in order."""
    lock = threading.Lock()

    def send(number):
        start = number * part_bytes
        length = min(part_bytes, size_bytes - start)
        with memory().holding(length):
            with lock:
                stream.seek(start)
                data = stream.read(length)
            if len(data) != length:
                raise MoxFileException(f'cannot write {place}: the source was cut at byte {start + len(data)} of '
                                       f'{size_bytes} while it was copied: copy it again')
            return _send_part(client, target, place, number + 1, data)

    return list(_in_order(send, -(-size_bytes // part_bytes), part_threads))


def _send_part(client, target, place, number, data):
    digest = md5_of(data)
    for attempt in range(1, CHECKED_TRIES + 1):
        answer = client.upload_part(PartNumber=number, Body=data, ContentLength=len(data),
                                    ContentMD5=base64.b64encode(digest).decode('ascii'), **target)
        etag = etags.usable_etag(answer['ResponseMetadata']['HTTPHeaders'])
        if not etags.is_plain(etag) or etag == digest.hex():
            return {'PartNumber': number, 'ETag': answer['ETag'], 'MD5': digest}
        log.info('try %d of %d failed: part %d of %s was stored with the MD5 %s instead of %s', attempt,
                 CHECKED_TRIES, number, place, etag, digest.hex())
    raise MoxFileException(
        f'cannot write {place}: {CHECKED_TRIES} times the server stored other content than was sent as part '
        f'{number} (MD5 {etag} instead of {digest.hex()}). Check the network and any proxy on the way')


def _complete(client, target, place, parts):
    """Make the parts one object; a repeated request whose first answer was lost finds no upload any more."""
    listed = [{'PartNumber': part['PartNumber'], 'ETag': part['ETag']} for part in parts]
    try:
        with s3_errors.translated('write', place, client.meta.endpoint_url):
            client.complete_multipart_upload(MultipartUpload={'Parts': listed}, **target)
    except MoxFileMissingRespException:
        there = client.head_object(Bucket=target['Bucket'], Key=target['Key'])
        if etags.clean(there['ETag']) != etags.composite([part['MD5'] for part in parts]):
            raise


def _in_order(work, count, threads):
    """Yield work(0), work(1), ... in order; with `threads`, so many at a time. The first failure stops the rest."""
    if not threads or count <= 1:
        for number in range(count):
            yield work(number)
        return
    stop = threading.Event()

    def guarded(number):
        if stop.is_set():
            return None
        try:
            return work(number)
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(min(threads, count), thread_name_prefix='moxing-part') as pool:
        futures = [pool.submit(guarded, number) for number in range(count)]
        try:
            for future in futures:
                result = future.result()
                if stop.is_set():       # a later part has failed: its exception is the one to raise
                    break
                yield result
            for future in futures if stop.is_set() else ():
                future.result()
        finally:
            stop.set()
            for future in futures:
                future.cancel()
