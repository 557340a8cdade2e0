"""Read MXNet's .params files in Python, for files of unknown origin.

MXNet's own reader takes every size in such a file at its word, and a damaged one can end the process. The layout is
that of NDArray::Load in MXNet's src/ndarray/ndarray.cc, in all its versions; numbers are little-endian.

    uint64 0x112, uint64 0, uint64 count, count arrays, uint64 count, count names: uint64 length, bytes
"""
import collections
import os
import struct

import numpy as np

FILE_MAGIC = 0x112
# What an array starts with. V1 brought 64-bit dimensions, V2 sparse storage, V3 NumPy's shapes; before V1 the number of
# dimensions stands in its place.
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DENSE = 0
MAX_DIMENSIONS = 32             # chosen, as NumPy's; convolutions have 4
DTYPES = {0: '<f4', 1: '<f8', 2: '<f2', 3: 'u1', 4: '<i4', 5: 'i1', 6: '<i8'}     # mshadow's type flags
PREFIXES = ('arg:', 'aux:')


class ParamsFormatError(ValueError):
    """The file is not a sound .params file; str() tells what was found at which byte."""


def read_params(path):
    """Return the arrays of a .params file: OrderedDict name -> float32 numpy array, names without arg: and aux:.

    Raises ParamsFormatError for what MXNet would not have written, such as a file that was cut, OSError when it cannot
    be read.
    """
    with open(path, 'rb') as stream:
        reader = _Reader(stream, os.fstat(stream.fileno()).st_size)
        magic, _ = reader.numbers('<QQ')
        if magic != FILE_MAGIC:
            raise ParamsFormatError('it starts with %#x and not with %#x' % (magic, FILE_MAGIC))
        arrays = [_read_array(reader) for _ in range(reader.count(smallest_bytes=4))]
        names = [_read_name(reader) for _ in range(reader.count(smallest_bytes=8))]
        reader.refuse('%d bytes follow its end' % reader.left if reader.left else '')
    if len(names) != len(arrays):
        raise ParamsFormatError('it holds %d arrays and %d names' % (len(arrays), len(names)))
    if len(set(names)) < len(names):
        raise ParamsFormatError('a name comes twice')
    return collections.OrderedDict(zip(names, arrays))


class _Reader:
    """Numbers and bytes of a file, never more than it has left."""

    def __init__(self, stream, size):
        self._stream = stream
        self._size = size

    @property
    def left(self):
        """How many bytes follow."""
        return self._size - self._stream.tell()

    def refuse(self, problem):
        """Raise ParamsFormatError that names the place, unless the problem is ''."""
        if problem:
            raise ParamsFormatError('at byte %d: %s' % (self._stream.tell(), problem))

    def take(self, size):
        """Return so many bytes."""
        self.refuse('%d bytes should follow, %d do' % (size, self.left) if size > self.left else '')
        return self._stream.read(size)

    def numbers(self, layout):
        """Return the numbers of a struct layout."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def count(self, smallest_bytes):
        """Return a uint64 that counts things of at least so many bytes each."""
        count, = self.numbers('<Q')
        self.refuse('%d things should follow in %d bytes' % (count, self.left)
                    if count * smallest_bytes > self.left else '')
        return count


def _read_array(reader):
    magic, = reader.numbers('<I')
    if magic in (V2, V3):
        storage, = reader.numbers('<i')
        reader.refuse('an array is sparse or without content' if storage != DENSE else '')
    wide = magic in (V1, V2, V3)
    ndim = reader.numbers('<i')[0] if wide else magic
    # V3 alone knows the array without dimensions, one number; in the others it means that there is no array
    smallest = 0 if magic == V3 else 1
    reader.refuse('an array has %d dimensions' % ndim if not smallest <= ndim <= MAX_DIMENSIONS else '')
    shape = reader.numbers('<%d%s' % (ndim, 'q' if wide else 'I'))
    _, _, flag = reader.numbers('<iii')         # the device it was on, twice a number, and the type
    reader.refuse('an array has the unknown type %d' % flag if flag not in DTYPES else '')
    reader.refuse('an array has the shape %s' % (shape,) if min(shape + (0,)) < 0 else '')
    dtype = np.dtype(DTYPES[flag])
    size = dtype.itemsize
    for edge in shape:                          # Python's whole numbers do not overflow
        size *= edge
    return np.frombuffer(reader.take(size), dtype).reshape(shape).astype(np.float32)


def _read_name(reader):
    content = reader.take(reader.count(smallest_bytes=1))
    try:
        name = content.decode('utf-8')
    except UnicodeDecodeError:
        name = ''
    reader.refuse('a name is empty or no text' if not name.isprintable() or not name else '')
    return name[len(PREFIXES[0]):] if name.startswith(PREFIXES) else name
