"""Objects in a bucket, under the same function names as local_store, and the moves between bucket and disk.

A directory is a key prefix that ends in '/'; a marker object, empty and with just that key, keeps an empty
one alive. Nothing is cached: what a listing says was true when the call was made.
"""
import functools
import io
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from moxing_shim import local_store, s3_errors
from moxing_shim.client import get_client
from moxing_shim.errors import MoxFileException, MoxFileNotExistsException
from moxing_shim.object_streams import READ_CHUNK_BYTES, ObjectReader, ObjectWriter
from moxing_shim.urls import Entry

log = logging.getLogger('moxing')

MULTIPART_FROM_BYTES = 16 * 1024 * 1024     # smaller objects go in one request; chosen
PART_BYTES = 10 * 1024 * 1024               # moxing's default part; S3 wants at least 5 MiB
PARTS_MAX = 10000                           # S3 and OBS
COPY_ONE_REQUEST_BYTES = 64 * 1024 * 1024   # on the server; S3 allows 5 GB, but the answer must come in time
PARTS_IN_FLIGHT = 8                         # of one large object; chosen
DELETE_THREADS = 16
# What servers without a usable batch delete answer; single deletes do the same work
NO_BATCH_CODES = ('MissingContentMD5', 'InvalidRequest', 'MalformedXML', 'NotImplemented', 'MethodNotAllowed')


def exists(place):
    """True for an object, a marker, any key below; False when the bucket does not exist either."""
    return is_file(place) or is_directory(place)


def is_file(place):
    """True when an object has exactly this key; a marker is a directory."""
    return _size_bytes(place) is not None


def is_directory(place):
    """True for a marker or any key below the prefix, and for the root of an existing bucket."""
    client, settings = get_client()
    with s3_errors.translated('list', place, settings.endpoint):
        try:
            page = client.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix, MaxKeys=1)
        except ClientError as error:
            if s3_errors.is_missing(error):
                return False
            raise
    return not place.prefix or bool(page.get('Contents'))


def make_dirs(place):
    """Put the marker of the directory, unless the directory exists; parents need none.

    Raises MoxFileNotExistsException when the bucket does not exist.
    """
    if is_directory(place):
        return
    client, settings = get_client()
    with s3_errors.translated('create the folder', place, settings.endpoint):
        if place.prefix:
            client.put_object(Bucket=place.bucket, Key=place.prefix, Body=b'')
        else:
            client.list_objects_v2(Bucket=place.bucket, MaxKeys=1)      # raises: buckets are not made here


def get_size(place, recursive=False):
    """Bytes of an object; of a directory 0, or with `recursive` the sum below (moxing-file-api, get_size)."""
    size_bytes = _size_bytes(place)
    if size_bytes is not None:
        return size_bytes
    if not is_directory(place):
        raise MoxFileNotExistsException(f'no such file or directory: {place}')
    return sum(entry.size_bytes for entry in walk_leaves(place)) if recursive else 0


def remove(place, recursive=False):
    """Delete by moxing's truth table (moxing-file-api, remove).

    Without `recursive`, an object is deleted and a directory is left alone, silently. With it, the object of
    that very name is preferred, else the directory goes. A trailing slash never deletes an object.
    """
    if not recursive:
        if not place.ends_with_slash():
            _delete_object(place)
        return
    if not place.prefix:
        raise ValueError(f'remove({str(place)!r}, recursive=True) would empty the whole bucket; '
                         'name a folder in it')
    if is_file(place):
        _delete_object(place)
    elif _delete_tree(place) == 0 and not is_file(place._replace(key=place.key.rstrip('/'))):
        raise MoxFileNotExistsException(f'no such file or directory: {place}')


def read(place):
    """The whole content, bytes."""
    with _open_reader(place) as reader:
        return reader.readall()


def write(place, data):
    """Store `data` (bytes) under the key, replacing what was there."""
    _upload_stream(place, io.BytesIO(data))


def open_raw(place, mode):
    """Open the unbuffered stream below a File; `mode` is a streams.Mode."""
    if mode.base == 'r':
        return _open_reader(place)
    return ObjectWriter(str(place), functools.partial(_upload_stream, place))


def list_children(place):
    """Yield an Entry for each object and directory directly inside, in order of keys.

    Raises MoxFileNotExistsException when there is no such directory.
    """
    is_found = False
    for page in _pages(place, Delimiter='/'):
        keys = {item['Key']: item['Size'] for item in page.get('Contents', ())}
        keys.update((item['Prefix'], 0) for item in page.get('CommonPrefixes', ()))
        is_found = is_found or bool(keys)
        for key in sorted(keys):
            if key != place.prefix:
                yield _entry(place, key, keys[key])
    if not is_found and place.prefix:
        raise MoxFileNotExistsException(f'no such file or directory: {place}')


def walk_leaves(place):
    """Yield an Entry for each object below, in order of keys; markers come as directories."""
    for page in _pages(place):
        for item in page.get('Contents', ()):
            if item['Key'] != place.prefix:
                yield _entry(place, item['Key'], item['Size'])


def download(source, target, size_bytes=None, part_threads=PARTS_IN_FLIGHT):
    """Copy one object to a path, where it appears complete or not at all; returns the bytes copied.

    size_bytes: from a listing; None asks the server. part_threads: parallel requests for a large object, 0
    for one request in this thread.
    """
    if size_bytes is None:
        size_bytes = _head(source)['ContentLength']
    with local_store.publishing(target) as stream:
        if size_bytes < MULTIPART_FROM_BYTES or not part_threads:
            with _open_reader(source) as reader:
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
        size_bytes = _head(source)['ContentLength']
    client, settings = get_client()
    origin = {'Bucket': source.bucket, 'Key': source.key}
    with s3_errors.translated(f'copy to {target} from', source, settings.endpoint):
        if size_bytes < COPY_ONE_REQUEST_BYTES:
            client.copy_object(CopySource=origin, Bucket=target.bucket, Key=target.key)
        else:
            client.copy(origin, target.bucket, target.key, Config=_transfer_config(size_bytes, part_threads))
    return size_bytes


def _head(place):
    """The answer to a HEAD of the object; raises MoxFileNotExistsException when there is none."""
    client, settings = get_client()
    if place.ends_with_slash():
        raise MoxFileNotExistsException(f'no such file: {place}')
    with s3_errors.translated('read', place, settings.endpoint):
        return client.head_object(Bucket=place.bucket, Key=place.key)


def _size_bytes(place):
    """Bytes of the object, or None when there is none."""
    try:
        return _head(place)['ContentLength']
    except MoxFileNotExistsException:
        return None


def _pages(place, **options):
    """Yield the pages of the listing below `place`, one request each: memory holds one page."""
    client, settings = get_client()
    pages = client.get_paginator('list_objects_v2').paginate(
        Bucket=place.bucket, Prefix=place.prefix,
        PaginationConfig={'PageSize': settings.page_keys}, **options)
    with s3_errors.translated('list', place, settings.endpoint):
        for page in pages:
            yield page


def _entry(place, key, size_bytes):
    name = key[len(place.prefix):]
    if name.endswith('/'):
        return Entry(name[:-1], True, 0)
    return Entry(name, False, size_bytes)


def _open_reader(place):
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


def _upload_stream(place, stream):
    client, settings = get_client()
    stream.seek(0, io.SEEK_END)     # returns None for a spool before Python 3.11
    size_bytes = stream.tell()
    stream.seek(0)
    with s3_errors.translated('write', place, settings.endpoint):
        client.upload_fileobj(stream, place.bucket, place.key,
                              Config=_transfer_config(size_bytes, PARTS_IN_FLIGHT))


def _transfer_config(size_bytes, part_threads):
    """boto3's settings for one object: parts grow with it, since a store takes at most 10,000 of them."""
    part_bytes = max(PART_BYTES, -(-size_bytes // PARTS_MAX))
    uses_threads = bool(part_threads) and size_bytes >= MULTIPART_FROM_BYTES
    return TransferConfig(multipart_threshold=MULTIPART_FROM_BYTES, multipart_chunksize=part_bytes,
                          max_concurrency=part_threads or 1, use_threads=uses_threads)


def _delete_object(place):
    client, settings = get_client()
    with s3_errors.translated('delete', place, settings.endpoint):
        client.delete_object(Bucket=place.bucket, Key=place.key)


def _delete_tree(place):
    """Delete every key below the directory, marker included; returns how many there were."""
    count = 0
    for page in _pages(place):
        keys = [item['Key'] for item in page.get('Contents', ())]
        if keys:
            _delete_keys(place, keys)
        count += len(keys)
    return count


def _delete_keys(place, keys):
    """Delete the keys of one page in one request: both have at most 1,000 on S3 and OBS."""
    client, settings = get_client()
    with s3_errors.translated('delete', place, settings.endpoint):
        try:
            answer = client.delete_objects(
                Bucket=place.bucket, Delete={'Objects': [{'Key': key} for key in keys], 'Quiet': True})
        except ClientError as error:
            if error.response.get('Error', {}).get('Code') not in NO_BATCH_CODES:
                raise
            log.info('%s takes no batch delete (%s); deleting one by one', settings.endpoint, error)
            with ThreadPoolExecutor(DELETE_THREADS) as pool:
                list(pool.map(lambda key: _delete_object(place._replace(key=key)), keys))
            return
    refused = answer.get('Errors', ())
    if refused:
        shown = '; '.join(f'{item["Key"]}: {item["Code"]}' for item in refused[:10])
        raise MoxFileException(f'cannot delete {len(refused)} of {len(keys)} objects below {place}: {shown}')
