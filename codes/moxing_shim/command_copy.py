"""The commands cp and sync."""
import argparse
import json
import time

from moxing_shim.command_list import describe, size_text
from moxing_shim.command_progress import Progress
from moxing_shim.copying import copy_parallel
from moxing_shim.errors import MoxFileDirectoryRespException
from moxing_shim.transfers import THREADS_MAX

NAMES = ('cp', 'sync')
THREADS = 16


def add_commands(add, url):
    """Declare cp and sync."""
    copying = add('cp', 'copy a file, or with -r what is in a directory, in any direction', _copy,
                  ['s3://bucket/data/train.rec /cache/', '-r s3://bucket/data /cache/data',
                   '-r --json --quiet /cache/output s3://bucket/output'])
    copying.add_argument('-r', '-R', '--recursive', action='store_true',
                         help='copy the contents of the directory SOURCE right into TARGET')
    syncing = add('sync', 'copy what is new or changed in a directory; nothing is deleted', _sync,
                  ['s3://bucket/data /cache/data', '/cache/output s3://bucket/output'])
    for command in (copying, syncing):
        command.add_argument('source', type=url, metavar='SOURCE')
        command.add_argument('target', type=url, metavar='TARGET')
        command.add_argument('-j', '--threads', type=_threads, default=THREADS, metavar='N',
                             help='files at a time; 0 for one after the other (%(default)s)')
        command.add_argument('-q', '--quiet', action='store_true', help='no progress and no summary')
        command.add_argument('--json', action='store_true',
                             help='the summary as one JSON object: source, target, files, bytes, seconds')


def _threads(text):
    if not (text.isdigit() and int(text) <= THREADS_MAX):
        raise argparse.ArgumentTypeError(f'{text!r}: use a number from 0 to {THREADS_MAX}')
    return int(text)


def _copy(arguments):
    if not arguments.recursive and describe(arguments.source)[1].is_directory:
        raise MoxFileDirectoryRespException(f'{arguments.source} is a directory; -r copies what is in it')
    _transfer(arguments, 'copied', skip_unchanged=False)


def _sync(arguments):
    _transfer(arguments, 'in step', skip_unchanged=True)


def _transfer(arguments, done, skip_unchanged):
    started_s = time.monotonic()
    with Progress(is_quiet=arguments.quiet) as progress:
        copy_parallel(arguments.source, arguments.target, threads=arguments.threads, progress=progress,
                      skip_unchanged=skip_unchanged)
    seconds = time.monotonic() - started_s
    if arguments.json:
        print(json.dumps({'source': arguments.source, 'target': arguments.target, 'files': progress.files,
                          'bytes': progress.bytes, 'seconds': round(seconds, 3)}))
    elif not arguments.quiet:
        files = '1 file' if progress.files == 1 else f'{progress.files} files'
        print(f'{done}: {files}, {size_text(progress.bytes)}, from {arguments.source} to {arguments.target}')
