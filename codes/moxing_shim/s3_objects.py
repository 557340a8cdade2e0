"""One object: its size, its content, and the moves between bucket and disk, each checked on arrival."""
import base64
import contextlib
import logging
import os

from moxing_shim import etags, local_store, multipart, ranged_download, s3_errors
from moxing_shim.client import get_client, get_express
from moxing_shim.errors import MoxFileException, MoxFileNotExistsException
from moxing_shim.express import md5_of
from moxing_shim.object_reader import ObjectReader
from moxing_shim.parallel import memory
from moxing_shim.publishing import publishing
from moxing_shim.ranged_download import CHECKED_TRIES

log = logging.getLogger('moxing')


def download(source, target, size_bytes=None, part_threads=None):
    """Copy one object to a path, where it appears complete or not at all; returns the bytes copied.

    size_bytes: from a listing; None asks the server. part_threads: parallel requests for a large object, 0
    for one request after the other in this thread, None for as many as the settings say.
    Raises MoxFileReadException when the content keeps differing from the MD5 that its ETag holds.
    """
    if size_bytes is None:
        size_bytes = head(source)['ContentLength']
    express = get_express()
    if size_bytes >= express.settings.split_from_bytes:
        with publishing(target) as stream:
            return ranged_download.download(source, stream, part_threads)
    with memory().holding(size_bytes):
        data = _read(source, express)
        with publishing(target) as stream:
            stream.write(data)
    return len(data)


def upload(source, target, part_threads=None):
    """Copy one file to an object; returns the bytes copied. A large file that fails leaves no part behind.

    Raises MoxFileException when the file is changed while it is read.
    """
    with local_store.open_for_reading(source) as stream:
        before = os.fstat(stream.fileno())
        _upload(target, stream, before.st_size, part_threads)
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise MoxFileException(f'{source} was changed while it was copied to {target}: copy it again')
    return before.st_size


def copy(source, target, size_bytes=None, part_threads=None):
    """Copy one object to another key within the store, not through this machine; returns the bytes copied."""
    client, settings = get_client()
    etag = None
    if size_bytes is None or size_bytes > multipart.COPY_PART_BYTES:
        answer = head(source)
        size_bytes, etag = answer['ContentLength'], answer['ETag']
    if size_bytes > multipart.COPY_PART_BYTES:
        multipart.copy(source, target, size_bytes, etag, settings.part_threads_for(part_threads))
    else:
        with s3_errors.translated(f'copy to {target} from', source, settings.endpoint):
            client.copy_object(CopySource={'Bucket': source.bucket, 'Key': source.key}, Bucket=target.bucket,
                               Key=target.key)
    return size_bytes


def upload_stream(place, stream):
    """Store all of `stream`, a seekable binary file object, under the key; returns the ETag."""
    stream.seek(0, os.SEEK_END)     # returns None for a spool before Python 3.11
    size_bytes = stream.tell()
    stream.seek(0)
    return _upload(place, stream, size_bytes, None)


def read(place):
    """The whole content, bytes, checked against the MD5 in its ETag where there is one.

    Raises MoxFileReadException when they keep differing; MoxFileNotExistsException when there is no object.
    """
    refuse_directory(place)
    return _read(place, get_express())


def _read(place, express):
    for attempt in range(1, CHECKED_TRIES + 1):
        content = express.get(place)
        data, headers = content or _read_by_client(place)
        etag = etags.usable_etag(headers)
        if not etags.is_plain(etag) or md5_of(data).hex() == etag:
            return data
        log.info('try %d of %d failed: the content of %s does not match its ETag %s', attempt,
                 CHECKED_TRIES, place, etag)
    raise ranged_download.mismatch(place, etag)


def head(place):
    """The answer to a HEAD of the object; raises MoxFileNotExistsException when there is none."""
    client, settings = get_client()
    if place.ends_with_slash():
        raise MoxFileNotExistsException(f'no such file: {place}')
    with s3_errors.translated('read', place, settings.endpoint):
        return client.head_object(Bucket=place.bucket, Key=place.key)


def describe(place):
    """As head(), but None when there is no such object."""
    try:
        return head(place)
    except MoxFileNotExistsException:
        return None


def open_reader(place):
    """Open the object as an ObjectReader; raises MoxFileNotExistsException when there is none."""
    refuse_directory(place)
    client, settings = get_client()

    def fetch(first_byte, etag):
        options = {'Range': f'bytes={first_byte}-'} if first_byte else {}
        if etag:
            options['IfMatch'] = etag
        with s3_errors.translated('read', place, settings.endpoint):
            return client.get_object(Bucket=place.bucket, Key=place.key, **options)

    return ObjectReader(str(place), fetch, settings)


def delete(place):
    """Delete the object; that there is none is no error."""
    client, settings = get_client()
    with s3_errors.translated('delete', place, settings.endpoint):
        client.delete_object(Bucket=place.bucket, Key=place.key)


def refuse_directory(place):
    """Raise MoxFileNotExistsException for a place whose spelling says that it is a directory."""
    if place.ends_with_slash():
        raise MoxFileNotExistsException(f'cannot open {place}: it names a directory; leave out the slash')


def _read_by_client(place):
    """Return (content, headers): the client's tries cover the answer, the reader's the body."""
    with open_reader(place) as reader:
        return reader.readall(), reader.headers


def _upload(place, stream, size_bytes, part_threads):
    express = get_express()
    if size_bytes >= express.settings.split_from_bytes:
        return multipart.upload(place, stream, size_bytes, part_threads)
    with memory().holding(size_bytes):
        data = stream.read(size_bytes)
        if len(data) != size_bytes:
            raise MoxFileException(f'cannot write {place}: {size_bytes} bytes were to be read and {len(data)} came; '
                                   'the source was cut while it was copied: copy it again')
        return _put(place, data, express)


def _put(place, data, express):
    digest = md5_of(data)
    for attempt in range(1, CHECKED_TRIES + 1):
        headers = express.put(place, data, digest) or _put_by_client(place, data, digest)
        etag = etags.usable_etag(headers)
        if not etags.is_plain(etag) or etag == digest.hex():
            return headers.get('ETag') or headers.get('etag')
        log.info('try %d of %d failed: %s was stored with the MD5 %s instead of %s', attempt,
                 CHECKED_TRIES, place, etag, digest.hex())
    with contextlib.suppress(Exception):    # what arrived is not what was sent; it must not pass for it
        delete(place)
    raise MoxFileException(
        f'cannot write {place}: {CHECKED_TRIES} times the server stored other content than was sent (MD5 '
        f'{etag} instead of {digest.hex()}), so the object was deleted. Check the network and any proxy on the way')


def _put_by_client(place, data, digest):
    client, settings = get_client()
    with s3_errors.translated('write', place, settings.endpoint):
        answer = client.put_object(Bucket=place.bucket, Key=place.key, Body=data,
                                   ContentMD5=base64.b64encode(digest).decode('ascii'))
    return answer['ResponseMetadata']['HTTPHeaders']
