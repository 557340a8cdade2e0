"""Check the records of a .rec file before MXNet reads them.

ImageRecordIter ends the whole process, without a Python exception, on a record that does not decode or is smaller than
the crop. `check_records` finds such records first and says which they are.
"""
import collections
import functools
import io
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Deque, Dict, Iterator, List, NamedTuple, Optional, Tuple

from mxnet_support.recordio import Record, RecordFormatError, RecordReader, unpack

__all__ = ['Finding', 'MAX_FINDINGS', 'RecordCheck', 'check_records']

# What MXNet's OpenCV surely decodes. The list is short also to keep Pillow's rarer decoders away from hostile bytes.
IMAGE_FORMATS = ('JPEG', 'PNG', 'BMP')
MAX_FINDINGS = 1000  # chosen: plenty to see what is wrong; a hostile file must not fill the memory with findings
_QUEUED_PER_WORKER = 4  # records read ahead for each decoding thread


class Finding(NamedTuple):
    """One thing that is wrong with a .rec file.

    record_number: counted from 0 in the order of the file. byte_offset: where that record starts.
    sentence: what is wrong; it does not repeat the two numbers.
    """

    record_number: int
    byte_offset: int
    sentence: str

    def __str__(self) -> str:
        return 'record %d at byte %d: %s' % self


class RecordCheck(NamedTuple):
    """What `check_records` saw.

    count: records read, good or bad. class_counts: label -> number of records, for the labels that are in range.
    smallest_edge: the shortest edge of all images, pixels; None when no image could be opened.
    findings: in the order of the file, checking stops at MAX_FINDINGS; empty means that the file is good.
    """

    count: int
    class_counts: Dict[int, int]
    smallest_edge: Optional[int]
    findings: List[Finding]


class _Inspection(NamedTuple):
    byte_offset: int
    label: Optional[int]
    short_edge: Optional[int]
    faults: List[str]


def check_records(rec_path: str, num_classes: Optional[int] = None, smallest_edge: Optional[int] = None,
                  decode: bool = True, workers: int = 2,
                  on_progress: Optional[Callable[[int, int], None]] = None) -> RecordCheck:
    """Read every record of an image .rec file and report each that MXNet would trip over.

    num_classes: every label must be below it; None allows any whole number from 0.
    smallest_edge: pixels; no image may have a shorter edge (the crop of the training); None allows any.
    decode: decode all pixels, not only the image's own header. workers: decoding threads (Pillow releases the GIL).
    on_progress: called after each record with (bytes read, bytes of the file).

    Raises OSError when the file cannot be opened. What is wrong inside it never raises; it becomes a Finding.
    """
    inspect = functools.partial(_inspect, num_classes=num_classes, smallest_edge=smallest_edge, decode=decode)
    class_counts: Dict[int, int] = collections.Counter()
    shortest: Optional[int] = None
    findings: List[Finding] = []
    format_errors: List[RecordFormatError] = []
    count = 0
    with RecordReader(rec_path) as reader, ThreadPoolExecutor(max_workers=workers) as pool:
        records = _until_format_error(reader, format_errors)
        for inspection in _inspect_in_order(pool, inspect, records, workers * _QUEUED_PER_WORKER):
            findings += [Finding(count, inspection.byte_offset, fault) for fault in inspection.faults]
            count += 1
            if inspection.label is not None:
                class_counts[inspection.label] += 1
            if inspection.short_edge is not None:
                shortest = inspection.short_edge if shortest is None else min(shortest, inspection.short_edge)
            if on_progress is not None:
                on_progress(inspection.byte_offset, reader.file_bytes)
            if len(findings) >= MAX_FINDINGS:
                findings[MAX_FINDINGS - 1:] = [Finding(
                    count, inspection.byte_offset,
                    'checking stopped here, %d findings are enough to tell that the file is bad.' % MAX_FINDINGS)]
                break
        else:
            findings += [Finding(count, error.byte_offset or 0, str(error)) for error in format_errors]
    if count == 0 and not findings:
        findings = [Finding(0, 0, 'the file holds no records.')]
    return RecordCheck(count, dict(sorted(class_counts.items())), shortest, findings)


def _until_format_error(reader: RecordReader, format_errors: List[RecordFormatError]) -> Iterator[Record]:
    # Behind bytes that are not a record nothing can be found for sure, so the first such place ends the reading.
    try:
        for record in reader:
            yield record
    except RecordFormatError as error:
        format_errors.append(error)


def _inspect_in_order(pool: ThreadPoolExecutor, inspect: Callable[[Record], _Inspection],
                      records: Iterator[Record], queue_length: int) -> Iterator[_Inspection]:
    """Yield the inspections in the order of the records; at most `queue_length` records are in memory."""
    pending: Deque[Future[_Inspection]] = collections.deque()
    for record in records:
        pending.append(pool.submit(inspect, record))
        if len(pending) >= queue_length:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _inspect(record: Record, num_classes: Optional[int], smallest_edge: Optional[int], decode: bool) -> _Inspection:
    try:
        header, image_bytes = unpack(record.payload)
    except RecordFormatError as error:
        return _Inspection(record.byte_offset, None, None, ['%s.' % error])
    faults = []
    label: Optional[int] = None
    if header.flag > 1 or isinstance(header.label, tuple) and len(header.label) != 1:
        faults.append('it has %d labels, expected one.' % header.flag)
    else:
        value = header.label[0] if isinstance(header.label, tuple) else header.label
        if _is_class_number(value, num_classes):
            label = int(value)
        else:
            faults.append('its label is %r, expected a whole number from 0%s.'
                          % (value, '' if num_classes is None else ' to %d' % (num_classes - 1)))
    short_edge, image_fault = _inspect_image(image_bytes, smallest_edge, decode)
    return _Inspection(record.byte_offset, label, short_edge, faults + image_fault)


def _is_class_number(value: float, num_classes: Optional[int]) -> bool:
    # Infinity and NaN are not whole numbers, and comparing is safe for both.
    return value >= 0 and value == value // 1 and (num_classes is None or value < num_classes)


def _inspect_image(image_bytes: bytes, smallest_edge: Optional[int],
                   decode: bool) -> Tuple[Optional[int], List[str]]:
    from PIL import Image  # only here: reading records without their images needs no Pillow

    unknown = ['its image is damaged or no %s; it starts with %s.'
               % (', '.join(IMAGE_FORMATS), image_bytes[:4].hex() or 'nothing')]
    try:
        with Image.open(io.BytesIO(image_bytes)) as image:
            if image.format not in IMAGE_FORMATS:
                return None, unknown
            width, height = image.size
            if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
                return None, ['its image has %dx%d pixels, more than the %d that are decoded as safe.'
                              % (width, height, Image.MAX_IMAGE_PIXELS)]
            if decode:
                image.load()
    # Pillow's decoders raise nearly any type on hostile bytes: OSError, SyntaxError, struct.error, KeyError ...
    except Exception as error:
        if 'cannot identify image file' in str(error):  # a type of its own since Pillow 7.0 only
            return None, unknown
        return None, ['its image does not decode: %s.' % (error or type(error).__name__)]
    short_edge = min(width, height)
    if smallest_edge is not None and short_edge < smallest_edge:
        return short_edge, ['its image has %dx%d pixels, the shorter edge must be at least %d.'
                            % (width, height, smallest_edge)]
    return short_edge, []
