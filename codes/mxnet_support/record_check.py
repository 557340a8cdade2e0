"""Check the records of a .rec file before anything trains on them.

MXNet's ImageRecordIter ends the whole process, without a Python exception, on a record that does not decode or is
smaller than the crop. `check_records` finds such records first and says which they are.
"""
import collections
import functools
import io
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Deque, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from mxnet_support.recordio import Gap, Header, Record, RecordFormatError, RecordReader, unpack

__all__ = ['Finding', 'MAX_FINDINGS', 'RecordCheck', 'check_records', 'class_number']

# What MXNet's OpenCV surely decodes. The list is short also to keep Pillow's rarer decoders away from hostile bytes.
IMAGE_FORMATS = ('JPEG', 'PNG', 'BMP')
MAX_FINDINGS = 1000  # chosen: plenty to see what is wrong; a hostile file must not fill the memory with findings
_QUEUED_PER_WORKER = 4  # records read ahead for each decoding thread


class Finding(NamedTuple):
    """One thing that is wrong with a .rec file.

    record_number: counted from 0 in the order of the file, a gap between records too. byte_offset: where it starts.
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
    findings: in the order of the file, at most MAX_FINDINGS; empty means that the file is good.
    good_offsets: where the records start in which nothing was found. gaps: the stretches that are no records.
    """

    count: int
    class_counts: Dict[int, int]
    smallest_edge: Optional[int]
    findings: List[Finding]
    good_offsets: List[int]
    gaps: List[Gap]


class _Inspection(NamedTuple):
    byte_offset: int
    label: Optional[int]
    short_edge: Optional[int]
    faults: List[str]
    gap: Optional[Gap]


def check_records(rec_path: str, num_classes: Optional[int] = None, smallest_edge: Optional[int] = None,
                  decode: bool = True, workers: int = 2, on_progress: Optional[Callable[[int, int], None]] = None,
                  convert: Optional[Callable[[Any], Any]] = None) -> RecordCheck:
    """Read every record of an image .rec file and report each that training would trip over.

    Behind bytes that are no record it goes on with the next one.

    num_classes: every label must be below it; None allows any whole number from 0.
    smallest_edge: pixels; no image may have a shorter edge (the crop of the training); None allows any.
    decode: decode all pixels, not only the image's own header. workers: decoding threads (Pillow releases the GIL).
    on_progress: called after each record with (bytes read, bytes of the file).
    convert: called with each decoded Pillow image, what the training does with it; what it raises is a finding.

    Raises OSError when the file cannot be read. What is wrong inside it never raises; it becomes a Finding.
    """
    inspect = functools.partial(_inspect, num_classes=num_classes, smallest_edge=smallest_edge, decode=decode,
                                convert=convert)
    result = RecordCheck(0, collections.Counter(), None, [], [], [])
    with RecordReader(rec_path) as reader, ThreadPoolExecutor(max_workers=workers) as pool:
        for inspection in _inspect_in_order(pool, inspect, reader.salvage(), workers * _QUEUED_PER_WORKER):
            result = _add(result, inspection)
            if on_progress is not None:
                on_progress(inspection.byte_offset, reader.file_bytes)
    if result.count == 0 and not result.findings:
        result.findings.append(Finding(0, 0, 'the file holds no records.'))
    return result._replace(class_counts=dict(sorted(result.class_counts.items())))


def _add(result: RecordCheck, inspection: _Inspection) -> RecordCheck:
    """Return the result with one more record or gap; its lists grow in place."""
    number = result.count + len(result.gaps)
    result.findings.extend(Finding(number, inspection.byte_offset, fault) for fault in inspection.faults)
    if len(result.findings) > MAX_FINDINGS:
        result.findings[MAX_FINDINGS - 1:] = [Finding(number, inspection.byte_offset,
                                                      'there are more findings, only %d are listed.' % MAX_FINDINGS)]
    if inspection.gap is not None:
        result.gaps.append(inspection.gap)
        return result
    if not inspection.faults:
        result.good_offsets.append(inspection.byte_offset)
    if inspection.label is not None:
        result.class_counts[inspection.label] += 1
    edges = [edge for edge in (result.smallest_edge, inspection.short_edge) if edge is not None]
    return result._replace(count=result.count + 1, smallest_edge=min(edges) if edges else None)


def _inspect_in_order(pool: ThreadPoolExecutor, inspect: Callable[[Union[Record, Gap]], _Inspection],
                      found: Iterator[Union[Record, Gap]], queue_length: int) -> Iterator[_Inspection]:
    """Yield the inspections in the order of the file; at most `queue_length` records are in memory."""
    pending: Deque[Future[_Inspection]] = collections.deque()
    for record in found:
        pending.append(pool.submit(inspect, record))
        if len(pending) >= queue_length:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _inspect(found: Union[Record, Gap], num_classes: Optional[int], smallest_edge: Optional[int], decode: bool,
             convert: Optional[Callable[[Any], Any]]) -> _Inspection:
    if isinstance(found, Gap):
        return _Inspection(found.byte_offset, None, None, [str(found.error)], found)
    try:
        header, image_bytes = unpack(found.payload)
    except RecordFormatError as error:
        return _Inspection(found.byte_offset, None, None, ['%s.' % error], None)
    faults: List[str] = []
    label: Optional[int] = None
    try:
        label = class_number(header, num_classes)
    except RecordFormatError as error:
        faults.append(str(error))
    short_edge, image_fault = _inspect_image(image_bytes, smallest_edge, decode, convert)
    return _Inspection(found.byte_offset, label, short_edge, faults + image_fault, None)


def class_number(header: Header, num_classes: Optional[int] = None) -> int:
    """Return the label of an image record as the number of its class.

    Raises RecordFormatError for several labels, and for one that is no whole number from 0 and below num_classes.
    """
    labels = header.label if isinstance(header.label, tuple) else (header.label,)
    if len(labels) != 1:
        raise RecordFormatError('it has %d labels, expected one.' % header.flag)
    (value,) = labels
    # Infinity and NaN are not whole numbers, and comparing is safe for both.
    if not (value >= 0 and value == value // 1 and (num_classes is None or value < num_classes)):
        raise RecordFormatError('its label is %r, expected a whole number from 0%s.'
                                % (value, '' if num_classes is None else ' to %d' % (num_classes - 1)))
    return int(value)


def _inspect_image(image_bytes: bytes, smallest_edge: Optional[int], decode: bool,
                   convert: Optional[Callable[[Any], Any]]) -> Tuple[Optional[int], List[str]]:
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
                if convert is not None:
                    convert(image)
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
