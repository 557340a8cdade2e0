"""One object: its size, its content, and the moves between bucket and disk."""
import io
import logging
import shutil

from boto3.s3.transfer import TransferConfig

from moxing_shim import local_store, s3_errors
from moxing_shim.client import get_client
from moxing_shim.errors import MoxFileNotExistsException
from moxing_shim.object_streams import READ_CHUNK_BYTES, ObjectReader
from moxing_shim.publishing import publishing

log = logging.getLogger('moxing')

MULTIPART_FROM_BYTES = 16 * 1024 * 1024     # smaller objects go in one request; chosen
PART_BYTES = 10 * 1024 * 1024               # moxing's default part; S3 wants at least 5 MiB
PARTS_MAX = 10000                           # S3 and OBS
COPY_ONE_REQUEST_BYTES = 64 * 1024 * 1024   # on the server; S3 allows 5 GB, but the answer must come in time
PARTS_IN_FLIGHT = 8                         # of one large object; chosen


def download(source, target, size_bytes=None, part_threads=PARTS_IN_FLIGHT):
    """Copy one object to a path, where it appears complete or not at all; returns the bytes copied.

    size_bytes: from a listing; None asks the server. part_threads: parallel requests for a large object, 0
    for one request in this thread.
    """
    if size_bytes is None:
        size_bytes = head(source)['ContentLength']
    with publishing(target) as stream:
        if size_bytes < MULTIPART_FROM_BYTES or not part_threads:
            with open_reader(source) as reader:
                shutil.copyfileobj(reader, stream, READ_CHUNK_BYTES)
        else:
            client, settings = get_client()
            with s3_errors.translated('read', source, settings.endpoint):
                client.download_fileobj(source.bucket, source.key, stream,
                                        Config=_transfer_config(size_bytes, part_threads))
    return size_bytes


def upload(source, target, part_threads=PARTS_IN_FLIGHT):
    """Copy one file to an object; returns the bytes copied. A large file that fails leaves no part behind."""
    size_bytes = local_store.get_size(source)
    client, settings = get_client()
    with s3_errors.translated('write', target, settings.endpoint):
        client.upload_file(source.path, target.bucket, target.key,
                           Config=_transfer_config(size_bytes, part_threads))
    return size_bytes


def copy(source, target, size_bytes=None, part_threads=PARTS_IN_FLIGHT):
    """Copy one object to another key within the store, not through this machine; returns the bytes copied."""
    if size_bytes is None:
        size_bytes = head(source)['ContentLength']
    client, settings = get_client()
    origin = {'Bucket': source.bucket, 'Key': source.key}
    with s3_errors.translated(f'copy to {target} from', source, settings.endpoint):
        if size_bytes < COPY_ONE_REQUEST_BYTES:
            client.copy_object(CopySource=origin, Bucket=target.bucket, Key=target.key)
        else:
            client.copy(origin, target.bucket, target.key, Config=_transfer_config(size_bytes, part_threads))
    return size_bytes


def upload_stream(place, stream):
    """Store all of `stream`, a seekable binary file object, under the key."""
    client, settings = get_client()
    stream.seek(0, io.SEEK_END)     # returns None for a spool before Python 3.11
    size_bytes = stream.tell()
    stream.seek(0)
    with s3_errors.translated('write', place, settings.endpoint):
        client.upload_fileobj(stream, place.bucket, place.key,
                              Config=_transfer_config(size_bytes, PARTS_IN_FLIGHT))


def head(place):
    """The answer to a HEAD of the object; raises MoxFileNotExistsException when there is none."""
    client, settings = get_client()
    if place.ends_with_slash():
        raise MoxFileNotExistsException(f'no such file: {place}')
    with s3_errors.translated('read', place, settings.endpoint):
        return client.head_object(Bucket=place.bucket, Key=place.key)


def open_reader(place):
    """Open the object as an ObjectReader; raises MoxFileNotExistsException when there is none."""
    if place.ends_with_slash():
        raise MoxFileNotExistsException(f'cannot read {place}: it names a directory; leave out the slash')
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


def _transfer_config(size_bytes, part_threads):
    """boto3's settings for one object: parts grow with it, since a store takes at most 10,000 of them."""
    part_bytes = max(PART_BYTES, -(-size_bytes // PARTS_MAX))
    uses_threads = bool(part_threads) and size_bytes >= MULTIPART_FROM_BYTES
    return TransferConfig(multipart_threshold=MULTIPART_FROM_BYTES, multipart_chunksize=part_bytes,
                          max_concurrency=part_threads or 1, use_threads=uses_threads)
