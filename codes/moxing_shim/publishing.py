"""A file on this machine appears under its name complete, or not at all."""
import contextlib
import os
import uuid

from moxing_shim.errors import MoxFileNotExistsException


@contextlib.contextmanager
def publishing(place):
    """Give a binary stream; what was written appears under the name when the block ends, or not at all.

    The bytes go to a temporary file in the same folder, which then replaces the target in one step.
    """
    target = os.path.realpath(place.path)       # a link stays, the file behind it is replaced
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise MoxFileNotExistsException(f'cannot write {place.path!r}: there is no folder {folder!r}; '
                                        'make_dirs makes it')
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, 'wb') as stream:      # a device or pipe cannot be replaced; a directory raises here
            yield stream
        return
    temporary = os.path.join(folder, f'.moxing-{uuid.uuid4().hex[:12]}.part')
    try:
        with open(temporary, 'x+b') as stream:
            yield stream
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise
