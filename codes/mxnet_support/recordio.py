"""Read and write MXNet RecordIO files (.rec, .idx) in pure Python.

A .rec file is a row of records, each made of one or more parts:

    magic    4 bytes   0xced7230a, little-endian as every number here
    lrecord  4 bytes   upper 3 bits: the part's place in its record; lower 29 bits: its length in bytes
    payload  length bytes, then zero bytes up to a multiple of 4

A record has several parts when its payload holds the magic word at a multiple of 4: the payload is cut there, the four
bytes are dropped, and the reader puts them back. Image records start with a header of 24 bytes (`Header`).
The rules are those of dmlc-core's recordio.cc and of mxnet.recordio; files come out byte for byte the same.
"""
import os
import struct
from typing import BinaryIO, Iterator, List, NamedTuple, Optional, TextIO, Tuple, Union

__all__ = [
    'Gap', 'Header', 'IndexedRecordWriter', 'MAX_RECORD_BYTES', 'Record', 'RecordFormatError', 'RecordReader',
    'encode_record', 'pack', 'read_index', 'unpack',
]

MAGIC = 0xced7230a
MAGIC_BYTES = struct.pack('<I', MAGIC)
MAX_RECORD_BYTES = (1 << 29) - 1  # the length field has 29 bits; dmlc-core refuses to write more

# The part's place in its record, as dmlc-core numbers it.
WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3
PLACE_NAMES = {WHOLE: 'a whole record', FIRST: 'a first part', MIDDLE: 'a middle part', LAST: 'a last part'}

_PART_HEAD = struct.Struct('<II')
_BLOCK_BYTES = 1 << 20  # chosen: read at a time while looking for a magic word
_IMAGE_HEADER = struct.Struct('<IfQQ')


class RecordFormatError(ValueError):
    """The bytes are not what the format asks for; the message says what is wrong and where.

    byte_offset: where in the file, bytes from its start; None when no file is involved.
    """

    def __init__(self, message: str, byte_offset: Optional[int] = None) -> None:
        super().__init__(message)
        self.byte_offset = byte_offset


class Record(NamedTuple):
    """One record as it lies in the file.

    byte_offset: where its first part starts, bytes from the start of the file; the number an .idx file holds.
    payload: the content, with the magic words that divided its parts put back.
    """

    byte_offset: int
    payload: bytes


class Gap(NamedTuple):
    """A stretch of a file that is no record.

    byte_offset: where it starts, bytes from the start of the file. num_bytes: how long it is, up to the next record
    or the end of the file. error: what is wrong with it.
    """

    byte_offset: int
    num_bytes: int
    error: RecordFormatError


class Header(NamedTuple):
    """The 24 bytes in front of each image (mxnet.recordio.IRHeader).

    flag: number of labels stored after the header, 0 when the one label is in the header.
    label: the label, or a tuple of `flag` labels.
    id: number of the image, unique in the data set. id2: its upper 64 bits, 0 in practice.
    """

    flag: int
    label: Union[float, Tuple[float, ...]]
    id: int
    id2: int


def pack(label: float, record_id: int, image: bytes) -> bytes:
    """Return the payload of an image record: mxnet.recordio.pack(IRHeader(0, label, record_id, 0), image)."""
    return _IMAGE_HEADER.pack(0, label, record_id, 0) + image


def unpack(payload: bytes) -> Tuple[Header, bytes]:
    """Split the payload of an image record into its Header and the encoded image.

    Raises RecordFormatError when the payload is shorter than its header and labels.
    """
    if len(payload) < _IMAGE_HEADER.size:
        raise RecordFormatError('the record holds %d bytes, fewer than the %d of an image header'
                                % (len(payload), _IMAGE_HEADER.size))
    flag, label, record_id, id2 = _IMAGE_HEADER.unpack_from(payload)
    image_start = _IMAGE_HEADER.size + 4 * flag
    if image_start > len(payload):
        raise RecordFormatError('the header announces %d labels, but the record holds only %d bytes'
                                % (flag, len(payload)))
    if flag:
        label = struct.unpack_from('<%df' % flag, payload, _IMAGE_HEADER.size)
    return Header(flag, label, record_id, id2), payload[image_start:]


def encode_record(payload: bytes) -> bytes:
    """Return the bytes that stand for one record in a .rec file.

    Raises ValueError when the payload is longer than MAX_RECORD_BYTES.
    """
    if len(payload) > MAX_RECORD_BYTES:
        raise ValueError('a record may hold %d bytes, not %d' % (MAX_RECORD_BYTES, len(payload)))
    pieces: List[bytes] = []
    part_start = 0
    for cut in _aligned_magic_words(payload):
        place = FIRST if part_start == 0 else MIDDLE
        pieces += [_part_head(place, cut - part_start), payload[part_start:cut]]
        part_start = cut + 4
    place = WHOLE if part_start == 0 else LAST
    pieces += [_part_head(place, len(payload) - part_start), payload[part_start:], b'\0' * (-len(payload) % 4)]
    return b''.join(pieces)


def _aligned_magic_words(payload: bytes) -> Iterator[int]:
    found = payload.find(MAGIC_BYTES)
    while found >= 0:
        if found % 4 == 0:
            yield found
        found = payload.find(MAGIC_BYTES, found + 1)


def _part_head(place: int, part_bytes: int) -> bytes:
    return _PART_HEAD.pack(MAGIC, place << 29 | part_bytes)


class IndexedRecordWriter:
    """Writes records and their index, as mxnet.recordio.MXIndexedRecordIO does.

    rec_file: binary file, empty. idx_file: text file; one line 'key TAB byte offset' for each record.
    The caller opens and closes both, so that it decides how they get their final names.
    """

    def __init__(self, rec_file: BinaryIO, idx_file: TextIO) -> None:
        self._rec_file = rec_file
        self._idx_file = idx_file
        self._byte_offset = 0

    def write(self, key: int, payload: bytes) -> int:
        """Append one record under `key`; returns the byte offset at which it starts."""
        encoded = encode_record(payload)
        start = self._byte_offset
        self._rec_file.write(encoded)
        self._idx_file.write('%d\t%d\n' % (key, start))
        self._byte_offset += len(encoded)
        return start


class RecordReader:
    """Reads the records of one .rec file, in order (iterate) or by byte offset (`read_at`).

    Use it in a `with` block. Lengths are compared with the size of the file before anything is read, so a damaged
    or hostile file costs no more memory than it has bytes.
    Raises OSError when the file cannot be opened, RecordFormatError where its bytes break the format.
    """

    def __init__(self, rec_path: Union[str, 'os.PathLike[str]']) -> None:
        self._path = str(rec_path)
        self._file = open(self._path, 'rb')
        self.file_bytes = os.fstat(self._file.fileno()).st_size

    def __enter__(self) -> 'RecordReader':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __iter__(self) -> Iterator[Record]:
        byte_offset = 0
        while byte_offset < self.file_bytes:
            payload, next_offset = self._read_record(byte_offset)
            yield Record(byte_offset, payload)
            byte_offset = next_offset

    def salvage(self) -> Iterator[Union[Record, Gap]]:
        """Yield every record in order and, in place of the bytes that are none, a Gap up to the next record.

        Every part of a record starts at a multiple of 4 with the magic word, and writers keep it out of the payload at
        such places. So the next record is where such a word stands next, and a record that has one inside has swallowed
        others, because its length is damaged: it is a gap too.
        """
        byte_offset = 0
        while byte_offset < self.file_bytes:
            try:
                payload, next_offset = self._read_record(byte_offset)
                swallowed_last = self._read_exactly(next_offset - 4, 4) == MAGIC_BYTES   # with its padding
                if swallowed_last or len(encode_record(payload)) != next_offset - byte_offset:
                    raise self._error(byte_offset, 'the record announces so many bytes that others start inside it')
                yield Record(byte_offset, payload)
            except RecordFormatError as error:
                next_offset = self._next_start(byte_offset + 4)
                yield Gap(byte_offset, next_offset - byte_offset, error)
            byte_offset = next_offset

    def read_at(self, byte_offset: int) -> bytes:
        """Return the payload of the record that starts at `byte_offset`, a number from the .idx file."""
        if not 0 <= byte_offset < self.file_bytes:
            raise self._error(byte_offset, 'no record can start here, the file has %d bytes' % self.file_bytes)
        return self._read_record(byte_offset)[0]

    def _read_record(self, byte_offset: int) -> Tuple[bytes, int]:
        place, payload, next_offset = self._read_part(byte_offset)
        if place == WHOLE:
            return payload, next_offset
        if place != FIRST:
            raise self._error(byte_offset, 'a record starts with %s' % _name_place(place))
        parts = [payload]
        record_bytes = len(payload)
        while place != LAST:
            if next_offset == self.file_bytes:
                raise self._error(next_offset, 'the file ends inside a record that starts at byte %d' % byte_offset)
            part_offset = next_offset
            place, payload, next_offset = self._read_part(part_offset)
            if place not in (MIDDLE, LAST):
                raise self._error(part_offset, 'inside the record that starts at byte %d stands %s'
                                  % (byte_offset, _name_place(place)))
            record_bytes += 4 + len(payload)
            if record_bytes > MAX_RECORD_BYTES:
                raise self._error(part_offset, 'the record that starts at byte %d is longer than %d bytes'
                                  % (byte_offset, MAX_RECORD_BYTES))
            parts.append(payload)
        return MAGIC_BYTES.join(parts), next_offset

    def _read_part(self, byte_offset: int) -> Tuple[int, bytes, int]:
        bytes_left = self.file_bytes - byte_offset
        if bytes_left < _PART_HEAD.size:
            raise self._error(byte_offset, '%d bytes are left, a record starts with %d; the file is cut off'
                              % (bytes_left, _PART_HEAD.size))
        magic, lrecord = _PART_HEAD.unpack(self._read_exactly(byte_offset, _PART_HEAD.size))
        if magic != MAGIC:
            raise self._error(byte_offset, 'expected the magic word 0x%08x of a record, found 0x%08x' % (MAGIC, magic))
        place, part_bytes = lrecord >> 29, lrecord & MAX_RECORD_BYTES
        padded_bytes = part_bytes + -part_bytes % 4
        payload_offset = byte_offset + _PART_HEAD.size
        if padded_bytes > self.file_bytes - payload_offset:
            raise self._error(byte_offset, 'the record announces %d bytes, the file has only %d more; it is cut off'
                              % (padded_bytes, self.file_bytes - payload_offset))
        return place, self._read_exactly(payload_offset, part_bytes), payload_offset + padded_bytes

    def _next_start(self, byte_offset: int) -> int:
        """Return where the next whole record or first part starts, the end of the file when there is none."""
        while byte_offset < self.file_bytes:
            # a magic word at the end of one block has its length in the next
            self._file.seek(byte_offset)
            block = self._file.read(_BLOCK_BYTES + 4)
            for found in _aligned_magic_words(block[:-4]):
                if _PART_HEAD.unpack_from(block, found)[1] >> 29 in (WHOLE, FIRST):
                    return byte_offset + found
            byte_offset += _BLOCK_BYTES
        return self.file_bytes

    def _read_exactly(self, byte_offset: int, wanted_bytes: int) -> bytes:
        self._file.seek(byte_offset)
        content = self._file.read(wanted_bytes)
        if len(content) != wanted_bytes:
            raise self._error(byte_offset, 'the file became shorter while it was read')
        return content

    def _error(self, byte_offset: int, what: str) -> RecordFormatError:
        return RecordFormatError('%s: at byte %d: %s.' % (self._path, byte_offset, what), byte_offset)


def _name_place(place: int) -> str:
    return PLACE_NAMES.get(place, 'a part of unknown kind %d' % place)


def read_index(idx_path: Union[str, 'os.PathLike[str]']) -> List[Tuple[int, int]]:
    """Return the (key, byte offset) pairs of an .idx file, in the file's order.

    Raises OSError when it cannot be opened, RecordFormatError naming the first line that is not two whole numbers.
    """
    pairs = []
    with open(str(idx_path), 'rb') as idx_file:
        for line_number, line in enumerate(idx_file, start=1):
            key, _, byte_offset = line.rstrip(b'\r\n').partition(b'\t')
            if not (key.isdigit() and byte_offset.isdigit()):
                raise RecordFormatError("%s: line %d: expected 'key TAB byte offset', found %r."
                                        % (idx_path, line_number, line[:60]))
            pairs.append((int(key), int(byte_offset)))
    return pairs
