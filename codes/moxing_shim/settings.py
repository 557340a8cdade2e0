"""Where the storage is and which keys open it: the environment, overridden by what set_auth was told.

| setting     | set_auth      | environment, first one set wins                                          |
| ---         | ---           | ---                                                                      |
| endpoint    | server, port  | S3_ENDPOINT, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL                       |
| https       | is_secure     | the endpoint's own scheme, S3_USE_HTTPS (default 1)                      |
| verify_ssl  | ssl_verify    | S3_VERIFY_SSL (default 1)                                                |
| keys        | ak, sk        | AWS_ACCESS_KEY_ID, S3_ACCESS_KEY_ID, ACCESS_KEY_ID; likewise SECRET      |
| region      | -             | S3_REGION, AWS_REGION, AWS_DEFAULT_REGION, else read off an OBS endpoint |
| tries       | retry         | AWS_MAX_ATTEMPTS (default 10)                                            |
| parts       | -             | MOX_FILE_LARGE_FILE_PART_SIZE, MOX_FILE_LARGE_FILE_TASK_NUM,             |
|             |               | MOX_FILE_PARTIAL_MAXIMUM_SIZE                                            |
"""
import logging
import os
import threading
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

log = logging.getLogger('moxing')

TRIES = 10              # moxing's own default number of tries
RETRY_WAIT_S = 0.1      # moxing's own first wait: its log says "Retry=9,Wait=0.1"
TIMEOUT_S = 60.0        # to connect, and between two bytes; chosen. The original has none, and hangs
PAGE_KEYS = 1000        # keys per listing request; S3 and OBS give no more
MIB = 1024 * 1024
PART_BYTES = 10 * MIB   # moxing's own default part of a large file
PART_THREADS = 8        # parts in flight of one large file; chosen. moxing has 32, for fewer files at a time
SPLIT_FROM_BYTES = 16 * MIB     # smaller files go in one request; chosen. moxing has 5 GB, one stream until then
PARTS_MAX = 10000       # of one object; S3 and OBS
PART_BYTES_MIN = 5 * MIB            # S3's; OBS takes smaller parts
ONE_REQUEST_BYTES_MAX = 5 * 1024 * MIB     # of a part or a whole object; S3 and OBS
HELD_BYTES_MAX = 64 * MIB       # of one request's content, which is held in memory; more in a variable counts as this
OBS_DOMAINS = ('.myhuaweicloud.com', '.myhuaweicloud.eu', '.myhwclouds.com')
_KEY_FAMILIES = ('AWS_', 'S3_', '')
_TRUE, _FALSE = ('1', 'true', 'yes', 'on'), ('0', 'false', 'no', 'off')

_told = {}              # what set_auth was told so far
_told_lock = threading.Lock()


class Settings(NamedTuple):
    """Everything a storage client is built from; equal settings share one client."""

    endpoint: Optional[str]         # URL with scheme; None means Amazon's own
    access_key: Optional[str]       # None: boto3 looks for keys itself (shared file, instance role)
    secret_key: Optional[str]
    session_token: Optional[str]
    region: Optional[str]
    verify_ssl: bool
    path_style: Optional[bool]      # None: decided by the endpoint
    tries: int                      # of one request, the first one included
    retry_wait_s: float             # before the second try; grows from there
    timeout_s: float
    page_keys: int
    part_bytes: int                 # of a large object's parts, as long as PARTS_MAX of them suffice
    part_threads: int               # parts in flight of one large object
    split_from_bytes: int           # objects of this size and more go in parts

    def part_bytes_for(self, size_bytes):
        """Bytes of each part of an object: they grow with it, since a store takes at most 10,000 of them."""
        return max(self.part_bytes, -(-size_bytes // PARTS_MAX))

    def part_threads_for(self, asked):
        """Parts in flight of one object: what the caller asked for, 0 being none, or the setting."""
        return self.part_threads if asked is None else asked

    def __repr__(self):
        shown = self._replace(**{name: '***' for name in ('access_key', 'secret_key', 'session_token')
                                 if getattr(self, name)})
        fields = ', '.join(f'{name}={value!r}' for name, value in zip(self._fields, shown))
        return f'Settings({fields})'

    __str__ = __repr__


def set_auth(ak=None, sk=None, server=None, port=None, is_secure=None, ssl_verify=None,
             long_conn_mode=None, path_style=None, retry=None, retry_wait=None, client_timeout=None,
             list_max_keys=None, timeout_config=None, obs_client_log=None, negotiation=None, **unknown):
    """Set connection options; each call adds to the earlier ones and None leaves an option as it is.

    ak, sk: access key and secret key.
    server: host, with or without scheme and port. port: overrides the server's.
    is_secure: use https. ssl_verify: check the certificate.
    long_conn_mode: no effect; connections are always kept.
    path_style: True puts the bucket into the path, False into the host name; unset, the endpoint decides.
    retry: tries of one request, the first included. retry_wait: seconds before the second try.
    client_timeout: seconds to connect, and between two bytes.
    list_max_keys: keys per listing request, 1 to 1,000.
    timeout_config: {OBS operation such as 'getObject': seconds, None for no limit}. moxing has a limit for each
        operation; botocore has one for all, so the longest of these numbers is it, when it is longer than the
        60 s that count without; client_timeout goes before both.
    obs_client_log, negotiation: no effect; they belong to Huawei's OBS client.

    An unknown option is named in a warning and ignored. Raises ValueError for a number out of range.
    """
    given = dict(ak=ak, sk=sk, server=server, port=port, is_secure=is_secure, ssl_verify=ssl_verify,
                 long_conn_mode=long_conn_mode, path_style=path_style, retry=retry, retry_wait=retry_wait,
                 client_timeout=client_timeout, list_max_keys=list_max_keys,
                 longest_timeout=_longest(timeout_config))
    given = {name: value for name, value in given.items() if value is not None}
    for name, low, high in (('port', 1, 65535), ('retry', 1, 1000), ('retry_wait', 0, 3600),
                            ('client_timeout', 0.001, 86400), ('list_max_keys', 1, 1000)):
        if name in given and not low <= float(given[name]) <= high:
            raise ValueError(f'set_auth({name}={given[name]!r}): use a number from {low:g} to {high:g}')
    if unknown:
        log.warning('set_auth: no effect here: %s', ', '.join(sorted(unknown)))
    with _told_lock:
        _told.update(given)


def _longest(timeout_config):
    """The longest time in a timeout_config; None when there is none."""
    seconds = [value for value in (timeout_config or {}).values() if value is not None]
    for operation, value in (timeout_config or {}).items():
        if value is not None and not 0 < float(value) <= 86400:
            raise ValueError(f'set_auth(timeout_config={{{operation!r}: {value!r}}}): use seconds above 0, up to 86400')
    return max(map(float, seconds), default=None)


def forget_auth():
    """Forget everything set_auth was told; the environment alone counts again."""
    with _told_lock:
        _told.clear()


def current_settings():
    """Merge the environment and set_auth as they stand now into one Settings.

    Raises ValueError when a variable holds something else than the yes or no, or the number, that it should.
    """
    with _told_lock:
        told = dict(_told)
    access_key, secret_key, session_token = _keys(told)
    endpoint = _endpoint(told)
    return Settings(
        endpoint=endpoint, access_key=access_key, secret_key=secret_key, session_token=session_token,
        region=_first_set('S3_REGION', 'AWS_REGION', 'AWS_DEFAULT_REGION') or region_of(endpoint),
        verify_ssl=bool(told.get('ssl_verify', _yes_no('S3_VERIFY_SSL'))),
        path_style=bool(told['path_style']) if 'path_style' in told else None,
        tries=int(told.get('retry', _number('AWS_MAX_ATTEMPTS', TRIES, 1, 1000))),
        retry_wait_s=float(told.get('retry_wait', RETRY_WAIT_S)),
        timeout_s=float(told.get('client_timeout', max(TIMEOUT_S, told.get('longest_timeout', 0)))),
        page_keys=int(told.get('list_max_keys', PAGE_KEYS)),
        part_bytes=_bytes('MOX_FILE_LARGE_FILE_PART_SIZE', PART_BYTES, PART_BYTES_MIN),
        part_threads=_number('MOX_FILE_LARGE_FILE_TASK_NUM', PART_THREADS, 1, 1000),
        split_from_bytes=_bytes('MOX_FILE_PARTIAL_MAXIMUM_SIZE', SPLIT_FROM_BYTES, 1))


def is_obs_endpoint(endpoint):
    """True for Huawei's public object storage, which refuses path-style addresses since 2023-12-30."""
    return bool(endpoint) and (urlsplit(endpoint).hostname or '').endswith(OBS_DOMAINS)


def region_of(endpoint):
    """The region that an endpoint implies: obs.<region>.<domain> names it, other servers take us-east-1."""
    if not endpoint:
        return None
    labels = (urlsplit(endpoint).hostname or '').split('.')
    if is_obs_endpoint(endpoint) and labels[0] == 'obs' and len(labels) == 4:
        return labels[1]
    return 'us-east-1'


def _endpoint(told):
    given = told.get('server') or _first_set('S3_ENDPOINT', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL')
    if not given:
        return None
    scheme, separator, host = given.strip().rstrip('/').rpartition('://')
    if 'is_secure' in told:
        scheme = 'https' if told['is_secure'] else 'http'
    elif not separator:
        scheme = 'https' if _yes_no('S3_USE_HTTPS') else 'http'
    if 'port' in told:
        hostname = urlsplit('//' + host).hostname or ''
        hostname = f'[{hostname}]' if ':' in hostname else hostname     # an IPv6 address
        host = f'{hostname}:{int(told["port"])}'
    return f'{scheme}://{host}'


def _keys(told):
    """The access key, secret key and session token; all from one family, never a mixture of accounts."""
    family = next((name for name in _KEY_FAMILIES if os.environ.get(name + 'ACCESS_KEY_ID')), None)
    access_key = secret_key = session_token = None
    if family is not None:
        access_key = os.environ[family + 'ACCESS_KEY_ID']
        secret_key = os.environ.get(family + 'SECRET_ACCESS_KEY')
        session_token = os.environ.get('AWS_SESSION_TOKEN') if family == 'AWS_' else None
    if 'ak' in told or 'sk' in told:
        access_key, secret_key, session_token = told.get('ak', access_key), told.get('sk', secret_key), None
    return access_key, secret_key, session_token


def _first_set(*names):
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _number(name, default, low, high):
    text = os.environ.get(name, '').strip()
    if not text:
        return default
    if not (text.isdigit() and low <= int(text) <= high):
        raise ValueError(f'{name} is {os.environ[name]!r}; set it to a whole number from {low} to {high}, or unset it')
    return int(text)


def _bytes(name, default, low):
    return min(_number(name, default, low, ONE_REQUEST_BYTES_MAX), HELD_BYTES_MAX)


def _yes_no(name):
    text = os.environ.get(name, '').strip().lower()
    if text in _TRUE or not text:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'{name} is {os.environ[name]!r}; set it to 0 or 1')
