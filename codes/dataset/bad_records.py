"""Bad records of a .rec file: refused with what is wrong with them or, with --skip_bad_records=1, left out.

Leaving out is for a few bad pictures among many. What is left out is counted and named in one warning, and a file that
loses more than MAX_BAD_SHARE is refused all the same: then something other than a few pictures is wrong.
"""
import logging

from mxnet_support import recordio
from mxnet_support.record_check import check_records

from errors import DataError
from .class_names import MAX_CLASSES
from .preprocessing import to_upright_rgb

log = logging.getLogger(__name__)

MAX_FINDINGS_SHOWN = 5
MAX_BAD_SHARE = 0.1         # chosen, of the records of one file: a bad one is an accident, every tenth is not
FLAG = '--skip_bad_records'
REMEDY = ('Pack the images again with `obs_layout pack`; for pictures that are too small choose a smaller --image_size '
          'or a larger `pack --resize`')


def good_records(path, class_names, smallest_edge, workers, skip_bad):
    """Check every record of a .rec file; return (byte offsets of the good ones, number of records in all).

    class_names: None when labels have no names; smallest_edge: pixels; workers: threads; skip_bad: leave the bad ones
    out instead of refusing the file.
    Raises DataError that names the first findings, OSError when the file cannot be read.
    """
    log.info('checking every record of %s', path)
    check = check_records(path, num_classes=len(class_names or ()) or MAX_CLASSES, smallest_edge=smallest_edge,
                          workers=workers, convert=to_upright_rgb)
    if not check.findings:
        return check.good_offsets, check.count
    num_bad = check.count - len(check.good_offsets) + count_lost(path, check)
    num_records = len(check.good_offsets) + num_bad
    num_bad = max(num_bad, 1)           # bytes behind the last record are none, and bad all the same
    share = num_bad / float(max(num_records, 1))
    bad = '%d of %d records (%.2f %%) are bad' % (num_bad, max(num_records, 1), 100 * share)
    shown = _shown(check.findings, num_bad)
    if not skip_bad:
        raise DataError('%s: %s:\n%s\n%s; %s=1 leaves a few bad records out.' % (path, bad, shown, REMEDY, FLAG))
    if share > MAX_BAD_SHARE:
        raise DataError('%s: %s, more than the %.0f %% that %s leaves out:\n%s\n%s.'
                        % (path, bad, 100 * MAX_BAD_SHARE, FLAG, shown, REMEDY))
    log.warning('%s: %s and left out (%s=1):\n%s', path, bad, FLAG, shown)
    return check.good_offsets, num_records


def count_lost(rec_path, check):
    """Count the records that lay in the damaged stretches of a .rec file.

    An .idx file that knows all sound records of a RecordCheck tells how many there were. Without one each stretch
    counts as one record: it was at least one.
    """
    if not check.gaps:
        return 0
    try:
        offsets = {byte_offset for _, byte_offset in recordio.read_index(index_path(rec_path))}
    except (OSError, ValueError):
        offsets = set()
    if offsets.issuperset(check.good_offsets):
        return max(len(offsets) - check.count, 0)
    return len(check.gaps)


def index_path(rec_path):
    """Return where the .idx file of a .rec file would lie."""
    return rec_path[:-len('.rec')] + '.idx'


def _shown(findings, num_bad):
    """Return a line for the first finding of each of the first bad records, and one that counts the others."""
    firsts = [finding for before, finding in zip([None] + findings, findings)
              if before is None or before.byte_offset != finding.byte_offset]
    lines = ['  ' + str(finding) for finding in firsts[:MAX_FINDINGS_SHOWN]]
    if num_bad > len(lines):
        lines.append('  and %d more' % (num_bad - len(lines)))
    return '\n'.join(lines)
