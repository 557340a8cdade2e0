"""Which module serves which place; s3_store, and boto3 with it, is imported when first needed."""
import importlib
import sys

from moxing_shim import local_store, urls


def locate(url):
    """Return (store, place): the module whose functions serve `url`, and what to pass them.

    Raises ValueError for a URL that is neither s3:// nor obs:// nor a path; ImportError, with the command
    that helps, when boto3 is missing.
    """
    place = urls.parse(url)
    return store_of(place), place


def store_of(place):
    """The module whose functions serve `place`, an ObjectUrl or LocalPath."""
    if place.is_local:
        return local_store
    try:
        return importlib.import_module('moxing_shim.s3_store')
    except ImportError as error:
        if getattr(error, 'name', '') not in ('boto3', 'botocore', 's3transfer'):
            raise
        wanted = 'boto3' if sys.version_info >= (3, 7) else '"boto3==1.23.10"'
        raise ImportError(f'{place} needs boto3, which is not installed: pip install {wanted}') from error
