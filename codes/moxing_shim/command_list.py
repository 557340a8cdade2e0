"""The commands ls and stat."""
import datetime
import json

from moxing_shim import stores
from moxing_shim.errors import MoxFileNotExistsException
from moxing_shim.urls import Entry

NAMES = ('ls', 'stat')
_UNITS = ('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')


def add_commands(add, url):
    """Declare ls and stat."""
    listing = add('ls', 'list a directory, or name a file', _list,
                  ['s3://bucket/data/', '-l -h s3://bucket/data/', '-r --json s3://bucket/data/'])
    listing.add_argument('url', type=url)
    listing.add_argument('-r', '-R', '--recursive', action='store_true', help='everything below, files by full names')
    listing.add_argument('-l', '--long', action='store_true', help='sizes and dates (UTC) too')
    listing.add_argument('-h', '--human-readable', action='store_true', help='with -l: sizes as 1.5 MiB')
    listing.add_argument('--json', action='store_true', help='one JSON object a line: url, type, size_bytes, modified')
    about = add('stat', 'tell what is known of one file or directory', _stat,
                ['s3://bucket/data/train.rec', '--json s3://bucket/data/train.rec'])
    about.add_argument('url', type=url)
    about.add_argument('--json', action='store_true', help='one JSON object: url, type, size_bytes, modified, etag')


def size_text(size_bytes):
    """1536 as '1.5 KiB'."""
    size, unit = float(size_bytes), 0
    while size >= 1023.95 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f'{size:.1f} {_UNITS[unit]}' if unit else f'{size_bytes} B'


def describe(url):
    """Return (place, Entry) of a file or directory; raises MoxFileNotExistsException when there is neither."""
    store, place = stores.locate(url)
    entry = None if place.ends_with_slash() else store.describe(place)
    if entry is None:
        if not store.is_directory(place):
            raise MoxFileNotExistsException(f'no such file or directory: {place}')
        entry = Entry(place.basename, True, 0)
    return place, entry


def _list(arguments):
    place, entry = describe(arguments.url)
    if entry.is_directory:
        store = stores.store_of(place)
        entries = store.walk_leaves(place) if arguments.recursive else store.list_children(place)
        found = ((place.join(child.name), child) for child in entries)
    else:
        found = [(place, entry)]
    for where, child in found:
        if arguments.json:
            print(json.dumps(_facts(where, child)))
        else:
            name = child.name + '/' if child.is_directory else child.name
            print(_columns(child, arguments.human_readable) + name if arguments.long else name)


def _columns(entry, is_human):
    size = '' if entry.is_directory else size_text(entry.size_bytes) if is_human else str(entry.size_bytes)
    return f'{_modified(entry) or "":20}  {size:>{10 if is_human else 15}}  '


def _stat(arguments):
    place, entry = describe(arguments.url)
    facts = _facts(place, entry)
    if arguments.json:
        print(json.dumps(dict(facts, etag=entry.etag)))
        return
    print(facts['url'])
    print(f'  type      {facts["type"]}')
    if not entry.is_directory:
        print(f'  size      {entry.size_bytes} bytes ({size_text(entry.size_bytes)})')
        print(f'  modified  {facts["modified"]}')
    if entry.etag:
        print(f'  etag      {entry.etag}')


def _facts(place, entry):
    return {'url': str(place), 'type': 'directory' if entry.is_directory else 'file',
            'size_bytes': None if entry.is_directory else entry.size_bytes, 'modified': _modified(entry)}


def _modified(entry):
    """The time as 2026-01-31T12:00:00Z, None when it is not known."""
    if entry.mtime_ns is None:
        return None
    moment = datetime.datetime.fromtimestamp(entry.mtime_ns // 10**9, datetime.timezone.utc)
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')
