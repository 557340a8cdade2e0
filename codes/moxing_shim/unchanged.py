"""Which files a copy may leave out because the target has them already: copy_parallel(skip_unchanged=True).

A file is unchanged when the target has one of the same name and size, and

| between                      | known                                       | unchanged when                         |
| ---                          | ---                                         | ---                                    |
| a disk and a bucket          | ETag: an MD5                                | it is the MD5 of the file on the disk  |
|                              | ETag: MD5 of the parts' MD5s, "<hex>-<n>"   | a usual part size gives it for the file|
|                              | neither, or no usual part size makes n parts| the target is not older (see below)    |
| two places in a store        | equal ETags                                 | always                                 |
|                              | two different MD5s                          | never                                  |
|                              | anything else                               | the target is not older                |
| two folders                  | -                                           | the target is not older                |

Times are compared as the listings have them, those of a bucket by its server's clock. A time decides only where
nothing better is known, and a doubt is a reason to copy: what is copied once too often costs time, what is
left out wrongly costs data. An encrypted object may show an ETag that looks like an MD5 and is none; so one that
differs is looked up once (HEAD) before it counts.
"""
import hashlib
import os

from moxing_shim import etags, stores
from moxing_shim.settings import current_settings

READ_BYTES = 1024 * 1024


def compared_with(target, plan):
    """Mark the transfers of `plan`, a tree, whose target has to be compared before it is copied over.

    A folder is looked at file by file when it is each file's turn. A bucket is listed once, in step with the
    plan: neither is ever held whole.
    """
    return compared_one_by_one(plan) if target.is_local else in_step(plan, stores.store_of(target).walk_leaves(target))


def in_step(plan, listing):
    """Yield the transfers of `plan`, those that `listing` has too as compared with it; both in order of keys.

    A store that lists in another order only makes files look absent, and they are copied.
    """
    entry = next(listing, None)
    for transfer in plan:
        while entry is not None and key_order(entry) < key_order(transfer):
            entry = next(listing, None)
        is_found = entry is not None and not transfer.is_directory and entry[:2] == (transfer.name, False)
        yield transfer._replace(is_compared=True, there=entry) if is_found else transfer


def compared_one_by_one(plan):
    """Mark all files of `plan` as to be looked up by themselves: with a list of names that is the cheaper way."""
    for transfer in plan:
        yield transfer._replace(is_compared=not transfer.is_directory)


def key_order(item):
    """Where an Entry or a Transfer stands in a listing: stores sort keys by their UTF-8 bytes."""
    return os.fsencode(item.name + '/' if item.is_directory else item.name)


def unchanged_bytes(transfer):
    """Bytes of a file whose copy would change nothing, by the table above; None when it has to be copied."""
    here = transfer.entry or stores.store_of(transfer.source).describe(transfer.source)
    there = transfer.there or stores.store_of(transfer.target).describe(transfer.target)
    if here is None or there is None or there.is_directory or here.size_bytes != there.size_bytes:
        return None
    verdict = _by_content(transfer.source, here, transfer.target, there)
    if verdict is None:
        verdict = None not in (here.mtime_ns, there.mtime_ns) and there.mtime_ns >= here.mtime_ns
    return here.size_bytes if verdict else None


def _by_content(source, here, target, there):
    """True or False when the ETags tell, None when they do not."""
    if source.is_local and target.is_local:
        return None
    if not source.is_local and not target.is_local:
        if here.etag and here.etag == there.etag:
            return True
        tags = _looked_up(source, here.etag), _looked_up(target, there.etag)
        return False if all(map(etags.is_plain, tags)) else None
    place, etag, path = (target, there.etag, source.path) if source.is_local else (source, here.etag, target.path)
    verdict = _has_content(path, here.size_bytes, etags.clean(etag))
    if verdict is False and _looked_up(place, etag) is None:
        return None
    return verdict


def _looked_up(place, etag):
    """The ETag if it is an MD5 of the content after all, None if not; HEAD tells, a listing does not."""
    if etags.clean(etag) is None:
        return None
    entry = stores.store_of(place).describe(place)
    return entry.etag if entry is not None else etag


def _has_content(path, size_bytes, etag):
    """True when the file at `path` has the content that the ETag stands for; None when nothing can be computed.

    A file that cannot be read has not: the copy will replace it, or say what is wrong.
    """
    if etag is None:
        return None
    try:
        if etags.is_plain(etag):
            return _md5s(path, max(size_bytes, 1))[0].hex() == etag
        part_sizes = etags.part_sizes(etag, size_bytes, (current_settings().part_bytes_for(size_bytes),))
        return any(etags.composite(_md5s(path, size)) == etag for size in part_sizes) if part_sizes else None
    except OSError:
        return False


def _md5s(path, part_bytes):
    """The MD5 digest of each part of the file; at least one."""
    digests = []
    with open(path, 'rb') as stream:
        chunk = stream.read(min(READ_BYTES, part_bytes))
        while chunk or not digests:
            digest, left = hashlib.md5(chunk), part_bytes - len(chunk)
            while chunk and left:
                chunk = stream.read(min(READ_BYTES, left))
                digest.update(chunk)
                left -= len(chunk)
            digests.append(digest.digest())
            chunk = stream.read(min(READ_BYTES, part_bytes))
    return digests
