"""One boto3 client per process and settings, set up for S3, OBS and the servers that imitate them."""
import base64
import datetime
import email.utils
import hashlib
import ipaddress
import logging
import os
import random
import threading
import time
from urllib.parse import urlsplit

import boto3.session
import botocore.session
import botocore.utils
from botocore import exceptions as boto
from botocore.config import Config

from moxing_shim.express import Express
from moxing_shim.settings import current_settings, is_obs_endpoint

log = logging.getLogger('moxing')

# Connections kept open for reuse. Slots are filled on demand, so a large number costs nothing; it must cover
# file threads x parts in flight, or urllib3 throws connections away and warns about each.
POOL_CONNECTIONS = 1024
RETRY_GROWTH = 1.7          # each wait is about this much longer than the one before (s3fs uses the same)
RETRY_WAIT_MAX_S = 15.0
RETRY_AFTER_MAX_S = 60.0    # a server may ask for a longer wait than ours, up to this; chosen
RETRY_STATUSES = (408, 429, 500, 502, 503, 504)     # every other 4xx is an answer, not an accident
RETRY_CODES = ('RequestTimeout', 'SlowDown', 'InternalError')
RETRY_ERRORS = (boto.HTTPClientError, boto.ConnectionError)     # no answer, or a broken one
FINAL_ERRORS = (boto.SSLError,)     # among those: a certificate does not get better
# Nobody listens, or the name does not resolve. Before this client ever got an answer that is most likely a wrong
# S3_ENDPOINT, so it is told after three tries, under a second for a refusal; after an answer it is an accident.
UNREACHABLE_ERRORS = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)
UNREACHABLE_TRIES = 3

_clients = {}       # (process id, Settings) -> (client, Express)
_locks = {}         # process id -> lock: one inherited through fork may be held by a thread that is not there


def get_client():
    """Return the client for the settings as they are now, and those settings.

    Clients are thread-safe but must not cross a fork, hence one per process; new settings replace the old
    client.
    """
    settings = current_settings()
    return _connection(settings)[0], settings


def get_express():
    """Return the Express beside the client that get_client() returns; it holds those settings."""
    return _connection(current_settings())[1]


def _connection(settings):
    pid = os.getpid()
    with _locks.setdefault(pid, threading.Lock()):
        connection = _clients.get((pid, settings))
        if connection is None:
            _clients.clear()
            connection = _clients[pid, settings] = _connect(settings)
    return connection


def retry_delay_s(attempt, settings):
    """Seconds to wait after failed try number `attempt` (from 1), or None when that was the last one.

    A half to the whole of a time that grows from retry_wait_s, at random: threads that failed together must not
    come back together.
    """
    if attempt >= settings.tries:
        return None
    longest_s = min(settings.retry_wait_s * RETRY_GROWTH ** (attempt - 1), RETRY_WAIT_MAX_S)
    return longest_s * random.uniform(0.5, 1)


def addressing_style(settings):
    """'virtual' puts the bucket into the host name, 'path' into the path, 'auto' lets boto3 choose."""
    if settings.path_style is not None:
        return 'path' if settings.path_style else 'virtual'
    if settings.endpoint is None:
        return 'auto'
    return 'virtual' if is_obs_endpoint(settings.endpoint) else 'path'


def _connect(settings):
    core = botocore.session.Session()
    core.get_component('response_parser_factory').set_parser_defaults(timestamp_parser=_parse_timestamp)
    session = boto3.session.Session(
        aws_access_key_id=settings.access_key, aws_secret_access_key=settings.secret_key,
        aws_session_token=settings.session_token, botocore_session=core)
    client = session.client('s3', endpoint_url=settings.endpoint, region_name=settings.region,
                            # None: by the authorities that AWS_CA_BUNDLE names, which True would pass over
                            verify=None if settings.verify_ssl else False, config=_config(settings))
    client.meta.events.register('before-sign.s3.DeleteObjects', _add_content_md5)
    # Before botocore's own handler, which total_max_attempts=1 keeps from trying again
    client.meta.events.register_first('needs-retry.s3', _retry_policy(settings))
    return client, Express(client, session.get_credentials(), addressing_style(settings), settings,
                           core.get_config_variable('ca_bundle'), retry_delay_s)


def _parse_timestamp(text):
    """S3's own form of a time, much faster than botocore's parser of all forms: a listing has one for each key."""
    try:
        moment = datetime.datetime.strptime(text[:19] + text[-1:], '%Y-%m-%dT%H:%M:%SZ')
    except (TypeError, ValueError):
        return botocore.utils.parse_timestamp(text)
    return moment.replace(microsecond=int((text[20:-1] or '0')[:6].ljust(6, '0')), tzinfo=datetime.timezone.utc)


def _config(settings):
    options = dict(
        signature_version='s3v4',
        # https then sends UNSIGNED-PAYLOAD, one of two V4 forms that OBS accepts (contract, OBS signatures)
        s3={'addressing_style': addressing_style(settings), 'payload_signing_enabled': False},
        retries={'mode': 'standard', 'total_max_attempts': 1},
        max_pool_connections=POOL_CONNECTIONS,
        connect_timeout=settings.timeout_s, read_timeout=settings.timeout_s)
    if _is_loopback(settings.endpoint):
        options['proxies'] = {}     # a proxy of the environment would look on its own machine
    try:
        # boto3 1.36 adds CRC trailers by default; OBS and most servers that imitate S3 refuse them
        return Config(request_checksum_calculation='when_required',
                      response_checksum_validation='when_required', **options)
    except TypeError:       # botocore before 1.36 knows neither the options nor the trailers
        return Config(**options)


def _is_loopback(endpoint):
    host = urlsplit(endpoint or '').hostname or ''
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:      # a name
        return host == 'localhost'


def _add_content_md5(request, **_):
    """OBS, Swift and older MinIO refuse a batch delete without Content-MD5; new boto3 sends a CRC instead."""
    body = request.body if isinstance(request.body, bytes) else request.body.encode('utf-8')
    if 'Content-MD5' in request.headers:
        del request.headers['Content-MD5']
    for name in list(request.headers):
        if name.lower().startswith(('x-amz-checksum-', 'x-amz-sdk-checksum-')):
            del request.headers[name]       # as everywhere else, see _config
    request.headers['Content-MD5'] = base64.b64encode(hashlib.md5(body).digest()).decode('ascii')


def _retry_policy(settings):
    """Build botocore's needs-retry handler: it returns the seconds to wait, or None for "no further try"."""
    answered = threading.Event()    # the endpoint has answered this client, whatever it said
    hasty = settings._replace(tries=min(settings.tries, UNREACHABLE_TRIES))

    def decide(response, attempts, caught_exception, operation, request_dict, **_):
        if response is not None:
            answered.set()
        if settings.endpoint is not None:
            _follow_no_redirect(request_dict)
        reason = _passing_fault(response, caught_exception)
        if not reason:
            return None
        is_hasty = isinstance(caught_exception, UNREACHABLE_ERRORS) and not answered.is_set()
        limits = hasty if is_hasty else settings
        delay_s = retry_delay_s(attempts, limits)
        if delay_s is not None:
            delay_s = max(delay_s, _asked_delay_s(response))
            log.info('try %d of %d failed: %s %s: %s; next in %.1f s', attempts, limits.tries,
                     operation.name, request_dict.get('url', '').partition('?')[0], reason, delay_s)
        return delay_s
    return decide


def _follow_no_redirect(request_dict):
    """Tell botocore's region redirector, which is asked next, that it has had its turn.

    It knows Amazon's endpoints only: a 301 from another server makes it ask that server for the region, for ever
    (RecursionError), and older versions send the request, keys and all, to amazonaws.com.
    """
    context = request_dict.setdefault('context', {})
    context['s3_redirected'] = True                                 # botocore 1.26
    context.setdefault('s3_redirect', {})['redirected'] = True      # since 1.28


def _asked_delay_s(response):
    """The seconds that a Retry-After header asks to wait, as a number or a date; 0 without one."""
    text = response[0].headers.get('Retry-After') if response is not None else None
    if not text:
        return 0
    try:
        asked_s = float(text)
    except ValueError:
        try:
            asked_s = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return 0
    return min(max(asked_s, 0), RETRY_AFTER_MAX_S)


def _passing_fault(response, caught_exception):
    """Name a fault that may be gone at the next try; None for success and for a final refusal."""
    if caught_exception is not None:
        if isinstance(caught_exception, FINAL_ERRORS) or not isinstance(caught_exception, RETRY_ERRORS):
            return None
        return str(caught_exception)
    http, parsed = response
    code = parsed.get('Error', {}).get('Code')
    if http.status_code in RETRY_STATUSES or code in RETRY_CODES:
        return f'{http.status_code} {code}'
    return None
