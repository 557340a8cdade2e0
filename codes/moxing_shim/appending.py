"""append and append_remote of moxing.file.

A bucket has no append: the object is written anew with more at its end. From 5 MiB on the server puts it together
itself, out of the old object and the new content, and refuses when the old one is not the one it was; a smaller
one is read and written again (object_writer.py does both). OBS has a native append, but not in the S3 protocol,
and only for objects that were made by it.
"""
import shutil
import tempfile

from moxing_shim import streams, urls
from moxing_shim.opening import File

CHUNK_BYTES = 1024 * 1024
SPOOL_MEMORY_BYTES = 8 * 1024 * 1024    # of a source on its way to a disk; more goes to a temporary file


def append(url, data, binary=False):
    """Add `data` to the end of the file: str, stored as UTF-8, or bytes with binary=True. Creates a missing file.

    It is no lock: when two programs append at a time, the later one raises MoxFileException if it sees that, and has
    added nothing. Raises TypeError when `data` is not what `binary` says.
    """
    content = streams.as_bytes('append', urls.parse(url), data, binary)
    with File(url, 'ab') as target:
        target.write(content)


def append_remote(src_url, dst_url):
    """Add the content of one file to the end of another one, which is created when it is missing.

    moxing does so for two objects; here either may be local. The content passes through this machine, a piece at a
    time. When it cannot be read to its end, nothing is added.
    Raises MoxFileNotExistsException when there is no source; ValueError when both are the same.
    """
    if urls.is_same(urls.parse(src_url), urls.parse(dst_url)):
        raise ValueError(f'append_remote({src_url!r}, {dst_url!r}): a file cannot be put behind itself')
    with File(src_url, 'rb') as source:
        if not urls.parse(dst_url).is_local:
            with File(dst_url, 'ab') as target:
                shutil.copyfileobj(source, target, CHUNK_BYTES)
            return
        # What is in a local file cannot be taken back, so all of the source comes first
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES) as spool:
            shutil.copyfileobj(source, spool, CHUNK_BYTES)
            spool.seek(0)
            with File(dst_url, 'ab') as target:
                shutil.copyfileobj(spool, target, CHUNK_BYTES)
