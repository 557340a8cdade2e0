"""Large objects uploaded in parts: each checked, put together on the server, and taken back on any exception."""
import base64
import contextlib
import logging
import threading

from moxing_shim import etags, s3_errors
from moxing_shim.client import get_client
from moxing_shim.errors import MoxFileException, MoxFileMissingRespException, MoxFileReadException
from moxing_shim.express import md5_of
from moxing_shim.parallel import in_order, memory
from moxing_shim.ranged_download import CHECKED_TRIES
from moxing_shim.settings import PARTS_MAX

log = logging.getLogger('moxing')

# Of a copy on the server: S3 takes 5 GB in one request, but the answer must come before the time is out
COPY_PART_BYTES = 64 * 1024 * 1024


class MultipartUpload:
    """An upload in parts, to be used in a `with` block: without complete() its parts are taken back at the end.

    Parts are numbered from 1 and may come from several threads at a time.
    """

    def __init__(self, place):
        self._place = place
        self._client, self._settings = get_client()
        self._parts = {}        # number -> {'PartNumber', 'ETag', 'MD5'}; the MD5 digest None where it is unknown
        self._is_open = True
        with self._translated():
            answer = self._client.create_multipart_upload(Bucket=place.bucket, Key=place.key)
        self._target = {'Bucket': place.bucket, 'Key': place.key, 'UploadId': answer['UploadId']}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.abort()

    def send(self, number, data):
        """Upload `data` (bytes) as one part; raises MoxFileException when it keeps arriving as something else."""
        digest = md5_of(data)
        for attempt in range(1, CHECKED_TRIES + 1):
            with self._translated():
                answer = self._client.upload_part(
                    PartNumber=number, Body=data, ContentLength=len(data),
                    ContentMD5=base64.b64encode(digest).decode('ascii'), **self._target)
            etag = etags.usable_etag(answer['ResponseMetadata']['HTTPHeaders'])
            if not etags.is_plain(etag) or etag == digest.hex():
                self._parts[number] = {'PartNumber': number, 'ETag': answer['ETag'], 'MD5': digest}
                return
            log.info('try %d of %d failed: part %d of %s was stored with the MD5 %s instead of %s', attempt,
                     CHECKED_TRIES, number, self._place, etag, digest.hex())
        raise MoxFileException(
            f'cannot write {self._place}: {CHECKED_TRIES} times the server stored other content than was sent as part '
            f'{number} (MD5 {etag} instead of {digest.hex()}). Check the network and any proxy on the way')

    def copy(self, number, origin, etag, first_byte, last_byte):
        """Take a range of the object `origin` as one part, within the store; refused when its ETag is not `etag`.

        etag: None for no condition.
        """
        condition = {'CopySourceIfMatch': etag} if etag is not None else {}
        with self._translated():
            answer = self._client.upload_part_copy(
                PartNumber=number, CopySource={'Bucket': origin.bucket, 'Key': origin.key},
                CopySourceRange=f'bytes={first_byte}-{last_byte}', **dict(self._target, **condition))
        part_etag = answer['CopyPartResult']['ETag']
        digest = etags.clean(part_etag)
        self._parts[number] = {'PartNumber': number, 'ETag': part_etag,
                               'MD5': bytes.fromhex(digest) if etags.is_plain(digest) else None}

    def complete(self, end=None):
        """Make the parts one object, those below number `end` if there is one; returns its ETag.

        A repeated request whose first answer was lost finds no upload any more; then the object itself tells.
        """
        parts = [self._parts[number] for number in sorted(self._parts) if end is None or number < end]
        listed = [{'PartNumber': part['PartNumber'], 'ETag': part['ETag']} for part in parts]
        try:
            with self._translated():
                answer = self._client.complete_multipart_upload(MultipartUpload={'Parts': listed}, **self._target)
        except MoxFileMissingRespException:
            with self._translated():
                answer = self._client.head_object(Bucket=self._place.bucket, Key=self._place.key)
            digests = [part['MD5'] for part in parts]
            if None in digests or etags.clean(answer['ETag']) != etags.composite(digests):
                raise
        self._is_open = False
        return answer['ETag']

    def abort(self):
        """Take the parts back, unless they were made an object."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._client.abort_multipart_upload(**self._target)
        except Exception as error:      # the first failure is the one to tell
            log.warning('the parts of an unfinished upload are left in the bucket: %s, upload id %s (%s)',
                        self._place, self._target['UploadId'], error)

    @contextlib.contextmanager
    def _translated(self):
        with s3_errors.translated('write', self._place, self._settings.endpoint):
            yield


def upload(place, stream, size_bytes, part_threads):
    """Store `stream`, a seekable binary file of `size_bytes`, under the key; returns the ETag."""
    _, settings = get_client()
    with MultipartUpload(place) as target:
        send_stream(target, 1, place, stream, size_bytes, settings.part_bytes_for(size_bytes),
                    settings.part_threads_for(part_threads))
        return target.complete()


def copy(source, target, size_bytes, etag, part_threads):
    """Copy an object to another key within the store; returns the ETag of the copy."""
    with MultipartUpload(target) as upload_in_parts:
        copy_object(upload_in_parts, source, size_bytes, etag, part_threads)
        return upload_in_parts.complete()


def send_stream(target, first_number, place, stream, size_bytes, part_bytes, part_threads):
    """Send `size_bytes` of a seekable binary file, from its start, as parts from `first_number` on.

    Returns the number of the next part. Raises MoxFileException when the file is shorter.
    """
    lock = threading.Lock()

    def send(index):
        start = index * part_bytes
        length = min(part_bytes, size_bytes - start)
        with memory().holding(length):
            with lock:
                stream.seek(start)
                data = stream.read(length)
            if len(data) != length:
                raise MoxFileException(f'cannot write {place}: the source was cut at byte {start + len(data)} of '
                                       f'{size_bytes} while it was copied: copy it again')
            target.send(first_number + index, data)

    count = -(-size_bytes // part_bytes)
    for _ in in_order(send, count, part_threads):
        pass
    return first_number + count


def copy_object(target, origin, size_bytes, etag, part_threads):
    """Take a whole object as parts from number 1 on; returns the number of the next part.

    The parts are equal in size, so that none is below the 5 MiB that all but the last must have. Raises
    MoxFileReadException when the ETag of the object is not `etag`, or no longer is when all of it is taken.
    """
    try:
        return _copy_parts(target, origin, size_bytes, etag, part_threads)
    except MoxFileReadException:        # 412
        # Swift compares the ETag of an object that was uploaded in parts with another one than it tells
        if _etag_of(origin) != etag:
            raise
        end = _copy_parts(target, origin, size_bytes, None, part_threads)
        if _etag_of(origin) != etag:
            raise
        return end


def _copy_parts(target, origin, size_bytes, etag, part_threads):
    count = min(-(-size_bytes // COPY_PART_BYTES), PARTS_MAX - 1)
    part_bytes = -(-size_bytes // count)

    def take(index):
        last_byte = min((index + 1) * part_bytes, size_bytes) - 1
        target.copy(index + 1, origin, etag, index * part_bytes, last_byte)

    for _ in in_order(take, count, part_threads):
        pass
    return count + 1


def _etag_of(place):
    client, settings = get_client()
    with s3_errors.translated('read', place, settings.endpoint):
        return client.head_object(Bucket=place.bucket, Key=place.key)['ETag']
