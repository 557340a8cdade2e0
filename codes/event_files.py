"""The event files that TensorBoard reads, one scalar a measure and epoch, written without TensorFlow.

The platform's image has no writer of them, and one needs little. An event file is a row of records (TFRecord):

    uint64 length of the data, little-endian
    uint32 masked CRC-32C of these eight bytes
    the data
    uint32 masked CRC-32C of the data

CRC-32C has the polynomial of Castagnoli, reflected 0x82F63B78; masked means rotated right by 15 bits plus 0xA282EAD8.
The data is an Event in Protocol Buffers' encoding, of which this file needs

    Event       1 wall_time: double, 2 step: int64, 3 file_version: string, 5 summary: Summary,
                7 session_log: SessionLog
    Summary     1 value: Value, repeated
    Value       1 tag: string, 2 simple_value: float
    SessionLog  1 status: enum, 1 is START: steps from this event's on that earlier files hold no longer count
"""
import logging
import os
import re
import struct
import time

from errors import StorageError

log = logging.getLogger(__name__)

FOLDER = 'tensorboard'
FILE_VERSION = b'brain.Event:2'
# TensorBoard knows them by `tfevents` and reads them in the order of their names: second of the start, then step
_NAME = 'events.out.tfevents.%010d.%04d'
_EVENT_FILE = re.compile(r'events\.out\.tfevents\.\d+')
_SESSION_START = b'\x08\x01'
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class EpochEvents:
    """Called after each epoch with the history: adds its measures to this run's event file, here and in the bucket.

    output: OutputFolder; images_per_epoch: int, for the speed. The step is the number of epochs trained. A run that
    goes on from a checkpoint begins a new file beside those of the runs before; what they hold of its own epochs no
    longer counts.
    """

    def __init__(self, output, images_per_epoch, clock=time.time):
        self._output = output
        self._images_per_epoch = images_per_epoch
        self._clock = clock
        self._name = None

    def __call__(self, history):
        """Write the last epoch of `history`; all of it where no run before has left an event file.

        A bucket that does not answer is a warning: the file is copied again with the next epoch.
        """
        rows = history[-1:]
        if self._name is None:
            rows = self._begin(history)
        for row in rows:
            self._append(event(self._clock(), step_of(row), scalars_of(row, self._images_per_epoch)))
        try:
            self._output.publish(FOLDER, (self._name,))
        except StorageError as error:
            log.warning('the events of epoch %d stay on this machine, the training goes on: %s', len(history), error)

    def _begin(self, history):
        """Begin this run's file; returns the rows of the history that no other file holds."""
        self._output.make_folder(FOLDER)
        rows = history[-1:] if self._has_earlier_file() else history
        self._name = _NAME % (self._clock(), step_of(rows[0]))
        self._append(event(self._clock(), 0, file_version=FILE_VERSION))
        self._append(event(self._clock(), step_of(rows[0]), starts_session=True))
        return rows

    def _has_earlier_file(self):
        try:
            return any(_EVENT_FILE.match(name) for name in self._output.list_folder(FOLDER))
        except StorageError as error:
            log.warning('whether there are events of a run before is not known: %s', error)
            return False

    def _append(self, data):
        with open(os.path.join(self._output.make_folder(FOLDER), self._name), 'ab') as stream:
            stream.write(record(data))


def step_of(row):
    """Return the number of epochs trained after a row of the history."""
    return row['epoch'] + 1


def scalars_of(row, images_per_epoch):
    """Return [(tag, number)] of a row of the history; TensorBoard groups tags by what stands before the slash."""
    scalars = []
    for name, value in row.items():
        part, _, measure = name.partition('-')
        if part in ('train', 'validation'):
            scalars.append(('%s/%s' % (measure, part), value))
    if 'lr' in row:
        scalars.append(('learning_rate', row['lr']))
    if row.get('seconds'):
        scalars.append(('speed/seconds_per_epoch', row['seconds']))
        scalars.append(('speed/images_per_second', images_per_epoch / row['seconds']))
    return scalars


def event(wall_time, step, scalars=(), file_version=None, starts_session=False):
    """Encode one Event.

    wall_time: seconds since 1970; step: int; scalars: [(tag, number)], a number is kept in single precision.
    """
    parts = [_field(1, _FIXED64, struct.pack('<d', wall_time)), _field(2, _VARINT, _varint(step))]
    if file_version is not None:
        parts.append(_field(3, _BYTES, file_version))
    if scalars:
        values = [_field(1, _BYTES, tag.encode('utf-8')) + _field(2, _FIXED32, struct.pack('<f', number))
                  for tag, number in scalars]
        parts.append(_field(5, _BYTES, b''.join(_field(1, _BYTES, value) for value in values)))
    if starts_session:
        parts.append(_field(7, _BYTES, _SESSION_START))
    return b''.join(parts)


def record(data):
    """Frame the bytes of an Event as one TFRecord."""
    length = struct.pack('<Q', len(data))
    return length + struct.pack('<I', masked_crc(length)) + data + struct.pack('<I', masked_crc(data))


def masked_crc(data):
    """Return the masked CRC-32C of some bytes."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data):
    """Return the CRC-32C of some bytes; of b'123456789' it is 0xE3069283."""
    crc = 0xFFFFFFFF
    for byte in bytearray(data):
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _table_entry(byte):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = [_table_entry(byte) for byte in range(256)]


def _field(number, kind, payload):
    """Encode a field: key, length where the kind has one, payload."""
    key = _varint(number << 3 | kind)
    return key + (_varint(len(payload)) if kind == _BYTES else b'') + payload


def _varint(number):
    """Encode a number from 0 on in groups of seven bits, the lowest first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)
