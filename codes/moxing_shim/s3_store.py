"""Objects in a bucket, under the same function names as local_store.

A directory is a key prefix that ends in '/'; a marker object, empty and with just that key, keeps an empty
one alive. Nothing is cached: what a listing says was true when the call was made.
"""
import io
import logging
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from moxing_shim import etags, s3_errors, s3_objects
from moxing_shim.client import get_client
from moxing_shim.errors import MoxFileException, MoxFileNotExistsException
from moxing_shim.object_writer import ObjectWriter
from moxing_shim.s3_objects import copy, download, upload     # noqa: F401  part of every store
from moxing_shim.urls import Entry

log = logging.getLogger('moxing')

DELETE_THREADS = 16
DELETED_TOGETHER = 1000     # keys in one request, the most that S3 and OBS take
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


def describe(place):
    """The Entry of the object, or None when there is none; its ETag only where that is an MD5 of the content."""
    answer = s3_objects.describe(place)
    if answer is None:
        return None
    etag = etags.usable_etag(answer['ResponseMetadata']['HTTPHeaders'])
    return Entry(place.basename, False, answer['ContentLength'], _mtime_ns(answer), etag)


def describe_directory(place):
    """The Entry of the directory, or None when there is none; it has the time of its marker, if it has one."""
    if not is_directory(place):
        return None
    client, settings = get_client()
    try:
        with s3_errors.translated('read', place, settings.endpoint):
            marker = client.head_object(Bucket=place.bucket, Key=place.prefix) if place.prefix else {}
    except MoxFileNotExistsException:
        marker = {}
    return Entry(place.basename, True, 0, _mtime_ns(marker))


def mk_dir(place):
    """Put the marker of the directory; raises MoxFileNotExistsException, an OSError, when its parent is missing.

    moxing's answer to a directory that is there already is not known; here it stays as it is.
    """
    parent = place._replace(key=place.key.rstrip('/').rpartition('/')[0])
    if not is_directory(parent):
        raise MoxFileNotExistsException(f'cannot create the folder {place}: there is no folder {parent}; '
                                        'make_dirs makes both')
    make_dirs(place)


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
            s3_objects.delete(place)
        return
    if not place.prefix:
        raise ValueError(f'remove({str(place)!r}, recursive=True) would empty the whole bucket; '
                         'name a folder in it')
    if is_file(place):
        s3_objects.delete(place)
    elif _delete_tree(place) == 0 and not is_file(place._replace(key=place.key.rstrip('/'))):
        raise MoxFileNotExistsException(f'no such file or directory: {place}')


def remove_leaves(place, entries):
    """Delete the objects of `entries`, a listing by walk_leaves, and the marker of the directory itself."""
    keys = [place.join(entry.name + '/' * entry.is_directory).key for entry in entries]
    keys += [place.prefix] if place.prefix else []
    for start in range(0, len(keys), DELETED_TOGETHER):
        _delete_keys(place, keys[start:start + DELETED_TOGETHER])


def read(place):
    """The whole content, bytes."""
    with s3_objects.open_reader(place) as reader:
        return reader.readall()


def write(place, data):
    """Store `data` (bytes) under the key, replacing what was there."""
    s3_objects.upload_stream(place, io.BytesIO(data))


def open_raw(place, mode, closefd=True, opener=None):
    """Open the unbuffered stream below a File; `mode` is a streams.Mode, the others have no meaning in a bucket."""
    if mode.base == 'r' and not mode.updates:
        return s3_objects.open_reader(place)
    s3_objects.refuse_directory(place)
    return ObjectWriter(place, mode)


def list_children(place):
    """Yield an Entry for each object and directory directly inside, in order of keys.

    Raises MoxFileNotExistsException when there is no such directory.
    """
    is_found = False
    for page in _pages(place, Delimiter='/'):
        items = {item['Key']: item for item in page.get('Contents', ())}
        items.update((item['Prefix'], {'Key': item['Prefix']}) for item in page.get('CommonPrefixes', ()))
        is_found = is_found or bool(items)
        for key in sorted(items):
            if key != place.prefix:
                yield _entry(place, items[key])
    if not is_found and place.prefix:
        raise MoxFileNotExistsException(f'no such file or directory: {place}')


def walk_leaves(place):
    """Yield an Entry for each object below, in order of keys; markers come as directories."""
    for page in _pages(place):
        for item in page.get('Contents', ()):
            if item['Key'] != place.prefix:
                yield _entry(place, item)


def _size_bytes(place):
    """Bytes of the object, or None when there is none."""
    answer = s3_objects.describe(place)
    return None if answer is None else answer['ContentLength']


def _pages(place, **options):
    """Yield the pages of the listing below `place`, one request each: memory holds one page."""
    client, settings = get_client()
    pages = client.get_paginator('list_objects_v2').paginate(
        Bucket=place.bucket, Prefix=place.prefix,
        PaginationConfig={'PageSize': settings.page_keys}, **options)
    with s3_errors.translated('list', place, settings.endpoint):
        for page in pages:
            yield page


def _entry(place, item):
    """The Entry of one line of a listing, as botocore parses it."""
    name = item['Key'][len(place.prefix):]
    if name.endswith('/'):
        return Entry(name[:-1], True, 0)
    return Entry(name, False, item['Size'], _mtime_ns(item), item.get('ETag'))


def _mtime_ns(answer):
    modified = answer.get('LastModified')
    return modified and int(modified.timestamp() * 10**9)


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
                list(pool.map(lambda key: s3_objects.delete(place._replace(key=key)), keys))
            return
    refused = answer.get('Errors', ())
    if refused:
        shown = '; '.join(f'{item["Key"]}: {item["Code"]}' for item in refused[:10])
        raise MoxFileException(f'cannot delete {len(refused)} of {len(keys)} objects below {place}: {shown}')
