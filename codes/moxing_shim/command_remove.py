"""The commands rm and cat."""
import shutil
import sys

from moxing_shim import file, urls
from moxing_shim.command_list import describe
from moxing_shim.errors import MoxFileDirectoryRespException

NAMES = ('rm', 'cat')
CHUNK_BYTES = 1024 * 1024


def add_commands(add, url):
    """Declare rm and cat."""
    removing = add('rm', 'delete a file, or with -r a directory and all below it', _remove,
                   ['s3://bucket/output/log.txt', '-r s3://bucket/output/old/'])
    removing.add_argument('url', type=url)
    removing.add_argument('-r', '-R', '--recursive', action='store_true',
                          help='delete a directory; a file of the same name goes first')
    removing.add_argument('-q', '--quiet', action='store_true', help='do not say what was deleted')
    showing = add('cat', 'write the contents of files to standard output', _show,
                  ['s3://bucket/output/log.txt', 's3://bucket/part0 s3://bucket/part1 > whole'])
    showing.add_argument('urls', type=url, nargs='+', metavar='url')


def _remove(arguments):
    place = urls.parse(arguments.url)
    if not place.is_local and not place.prefix:
        raise ValueError(f'{arguments.url} is a whole bucket, which is not deleted here; name a folder in it')
    _, entry = describe(arguments.url)
    if entry.is_directory and not arguments.recursive:
        raise MoxFileDirectoryRespException(f'{arguments.url} is a directory; -r deletes it and all below it')
    file.remove(arguments.url, recursive=arguments.recursive)
    if not arguments.quiet:
        print(f'deleted: {arguments.url}')


def _show(arguments):
    for url in arguments.urls:
        with file.File(url, 'rb') as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer, CHUNK_BYTES)
