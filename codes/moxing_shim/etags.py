"""What an ETag says about the content, and checking content against it.

A plain ETag is the MD5 of the content; that of a multipart upload is "<MD5 of the parts' MD5s>-<parts>". Under
server-side encryption with a key service or a customer's key, and for OBS objects that grew by append, it is
neither: such an ETag checks nothing.
"""
import hashlib
import re

MIB = 1024 * 1024
_PLAIN = re.compile('[0-9a-f]{32}')
_COMPOSITE = re.compile('([0-9a-f]{32})-([0-9]+)')
# S3's answers under SSE-KMS and SSE-C, and OBS's for an object that grew by append
_NOT_AN_MD5 = ('x-amz-server-side-encryption-customer-algorithm', 'x-amz-server-side-encryption-aws-kms-key-id',
               'x-obs-server-side-encryption', 'x-obs-server-side-encryption-customer-algorithm',
               'x-obs-next-append-position', 'x-amz-next-append-position')
_SSE = 'x-amz-server-side-encryption'
# Parts that common clients upload: boto3 and awscli 8 MiB, s5cmd 50, OBS SDK 9, moxing 10, mc 16, others
COMMON_PART_BYTES = tuple(MIB * mib for mib in (10, 8, 5, 9, 16, 50, 64, 100))


def usable_etag(headers):
    """The ETag of an answer (a mapping of headers in any case), lower case without quotes, or None."""
    headers = {name.lower(): value for name, value in headers.items()}
    if any(name in headers for name in _NOT_AN_MD5) or headers.get(_SSE, 'AES256') != 'AES256':
        return None
    return clean(headers.get('etag'))


def clean(etag):
    """An ETag without quotes, or None when it is neither kind of MD5."""
    text = (etag or '').strip('"').lower()
    return text if _PLAIN.fullmatch(text) or _COMPOSITE.fullmatch(text) else None


def is_plain(etag):
    """True for the MD5 of the whole content."""
    return etag is not None and '-' not in etag


def part_count(etag):
    """The number of parts in a multipart ETag."""
    return int(_COMPOSITE.fullmatch(etag).group(2))


def composite(digests):
    """The multipart ETag of parts with these MD5 digests (16 bytes each)."""
    return f'{hashlib.md5(b"".join(digests)).hexdigest()}-{len(digests)}'


def part_sizes(etag, size_bytes, known=()):
    """The common part sizes that split `size_bytes` into the ETag's number of parts, those in `known` first."""
    parts = part_count(etag)
    return [part for part in dict.fromkeys(tuple(known) + COMMON_PART_BYTES) if -(-size_bytes // part) == parts]
