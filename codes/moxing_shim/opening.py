"""File, moxing's open(): which raw stream, and what is put over it."""
from moxing_shim import local_store, stores, streams
from moxing_shim.urls import LocalPath


def File(name, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True,  # noqa: N802
         opener=None):
    """Open a file or object as a true text or binary stream; use it in a `with` block.

    name: a URL or path; of a local file also its descriptor.
    mode: 'r', 'w', 'a', each with 'b' for bytes and '+' for reading and writing, letters in any order.
    encoding: UTF-8 by default, everywhere. buffering, errors, newline, closefd, opener: as open() has them for a
    local file; in a bucket every stream is buffered, and closefd and opener mean nothing.

    In a bucket:
    'r' reads by ranged requests, so seek works.
    'w' and 'a' show what was written at flush() and close(). When the `with` block ends by an exception, or the
    file is forgotten unclosed, nothing is uploaded any more. What is beyond 64 MiB is sent on the way; seek()
    back into it raises io.UnsupportedOperation. 'a' sends an object of 5 MiB and more only what is new.
    '+' works on a copy in a temporary file that is written back (what moxing does there is not known).
    'a' and '+' replace nothing that somebody else stored since the file was opened: MoxFileException tells.

    Raises MoxFileNotExistsException when a file to be read is missing; ValueError or LookupError for arguments
    that do not fit, before anything is opened or emptied.
    """
    parsed = streams.parse_mode(mode)
    streams.check_options(parsed, mode, buffering, encoding, errors, newline)
    store, place = (local_store, LocalPath(name)) if isinstance(name, int) else stores.locate(name)
    raw = store.open_raw(place, parsed, closefd, opener)
    return streams.wrap(raw, parsed, mode, buffering if place.is_local else -1, encoding, errors, newline)
