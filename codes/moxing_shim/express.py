"""The short way for small objects: one signed GET or PUT, without the client's machinery around it.

botocore spends well over a millisecond of Python on every call (parameter validation, endpoint rules,
serialisation, event handlers, parsing); for thousands of small files that is most of the time. Here botocore's
own signer signs, http.client sends on a kept connection, and nothing else happens. Only a plain success counts:
for whatever else comes back, None tells the caller to ask the client, which retries, follows and explains.
"""
import base64
import collections
import contextlib
import hashlib
import http.client
import logging
import ssl
import time
import weakref
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies, percent_encode

log = logging.getLogger('moxing')

KEY_SAFE = '/-._~'          # what S3 leaves as it is in the path of a signed request
PIECE_BYTES = 128 * 1024    # of a large object read at a time; there may be 1,000 such buffers
CONNECTIONS_MAX = 1024     # kept open, idle ones: as many as may be in use, 128 files in 8 parts


class Content(NamedTuple):
    """A whole object, as it came."""

    data: bytes
    headers: object         # case-insensitive mapping


class Express:
    """Sends small requests to one endpoint; thread-safe, and bound to the process that made it, as a client is.

    client: the boto3 client whose region and signing options are used. credentials: botocore's, or None.
    style: 'path' or 'virtual'. ca_bundle: path of trusted certificates, None for botocore's own.
    settings: the Settings that all of this comes from.
    delay_s: function (attempt, settings) -> seconds to wait after a failure.
    Without keys, without an endpoint of one's own, with another style or behind a proxy nothing goes this way.
    """

    def __init__(self, client, credentials, style, settings, ca_bundle, delay_s):
        self._config = client.meta.config
        self._endpoint = urlsplit(client.meta.endpoint_url)
        self._region = client.meta.region_name
        self._credentials = credentials
        self._style = style
        self.settings = settings
        self._delay_s = delay_s
        self._idle = collections.defaultdict(lambda: collections.deque(maxlen=CONNECTIONS_MAX))     # by host
        weakref.finalize(self, _close_all, self._idle)
        self._tls = None
        proxies = get_environ_proxies(self._endpoint.geturl()) if self._config.proxies is None else self._config.proxies
        self._is_open = (settings.endpoint is not None and credentials is not None and not proxies
                         and style in ('path', 'virtual'))
        if self._is_open and self._endpoint.scheme == 'https':
            self._tls = _tls_context(settings.verify_ssl, ca_bundle)

    def get(self, place):
        """Return the Content of the object, or None when the client has to find out."""
        return self._plain_success('GET', place, None, {})

    def put(self, place, data, md5):
        """Store `data` (bytes); returns the response's headers, or None when the client has to do it.

        md5: the 16-byte digest, sent as Content-MD5 so that the server refuses what arrives otherwise.
        """
        content_md5 = base64.b64encode(md5).decode('ascii')
        answer = self._plain_success('PUT', place, data, {'Content-MD5': content_md5})
        return None if answer is None else answer.headers

    def pieces(self, place, headers, size_bytes):
        """Yield the `size_bytes` of the object, or of the Range in `headers`, in pieces as they come.

        It ends early, perhaps before the first piece, when the client has to go on from there. The pieces are
        memoryviews of one buffer: each is valid until the next is asked for.
        """
        opened = self._attempt('GET', place, None, headers)
        if opened is None:
            return
        with opened as response:
            if response.status not in (200, 206) or response.length != size_bytes:
                return
            buffer, left = memoryview(bytearray(min(PIECE_BYTES, size_bytes))), size_bytes
            while left:
                try:
                    count = response.readinto(buffer[:left])
                except (OSError, http.client.HTTPException) as error:
                    log.info('try 1 of %d failed: GET %s: %s', self.settings.tries, place, error)
                    return
                if not count:
                    return
                left -= count
                yield buffer[:count]

    def _plain_success(self, method, place, data, headers):
        """The Content of the answer 200 to a request, or None."""
        opened = self._attempt(method, place, data, headers)
        if opened is None:
            return None
        fault = None
        with opened as response:
            try:
                content = Content(response.read(), response.headers)
            except (OSError, http.client.HTTPException) as error:
                fault = error or type(error).__name__
        if fault is None and response.status == 200:
            return content
        if fault is None and response.status < 500 and response.status not in (408, 429):
            return None     # an answer, not an accident: the client will get the same one and explain it
        self._wait(method, place, fault or response.status)
        return None

    def _attempt(self, method, place, data, headers):
        """The _Opened answer to one request, or None after an accident or where the short way is closed."""
        if not self._is_open:
            return None
        try:
            return self._request(method, place, data, headers)
        except (OSError, http.client.HTTPException) as error:
            self._wait(method, place, error or type(error).__name__)
            return None

    def _wait(self, method, place, fault):
        delay_s = self._delay_s(1, self.settings)
        if delay_s is not None:
            log.info('try 1 of %d failed: %s %s: %s; next in %.1f s', self.settings.tries, method, place, fault,
                     delay_s)
            time.sleep(delay_s)

    def _request(self, method, place, data, headers):
        host, path = self._address(place)
        headers = self._signed_headers(method, host, path, data, headers)
        try:
            kept = self._idle[host].pop()       # atomic, as is append: no lock
        except IndexError:
            kept = None
        if kept is not None:
            try:
                return _Opened(kept, self._idle[host], method, path, data, headers)
            except (ConnectionError, http.client.RemoteDisconnected):
                _close(self._idle[host])        # closed by the server while idle, and so will be the others
        return _Opened(self._connect(host), self._idle[host], method, path, data, headers)

    def _signed_headers(self, method, host, path, data, headers):
        request = AWSRequest(method, f'{self._endpoint.scheme}://{host}{path}', data=data, headers=headers)
        request.context['client_config'] = self._config     # it says whether the signature covers the body
        S3SigV4Auth(self._credentials.get_frozen_credentials(), 's3', self._region).add_auth(request)
        signed = [('Host', host), ('User-Agent', self._config.user_agent)] + list(request.headers.items())
        if data is not None:
            signed.append(('Content-Length', str(len(data))))
        return signed

    def _address(self, place):
        """The host, with the port if there is one, and the path of the object's URL."""
        key = percent_encode(place.key, safe=KEY_SAFE)
        host, base = self._endpoint.netloc, self._endpoint.path.rstrip('/')
        if self._style == 'virtual':
            return f'{place.bucket}.{host}', f'{base}/{key}'
        return host, f'{base}/{place.bucket}/{key}'

    def _connect(self, host):
        name = urlsplit('//' + host).hostname
        timeout_s = self.settings.timeout_s
        if self._tls is not None:
            return http.client.HTTPSConnection(name, self._endpoint.port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(name, self._endpoint.port, timeout=timeout_s)


class _Opened:
    """An answer whose body is read within a `with` block; the connection is kept only when it was read to its end."""

    def __init__(self, connection, idle, method, path, data, headers):
        self._connection, self._idle = connection, idle
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(data)
            self._response = connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def __enter__(self):
        return self._response

    def __exit__(self, *_):
        if self._response.isclosed() and not self._response.will_close:
            self._idle.append(self._connection)
        else:
            self._connection.close()


def _close_all(idle):
    for connections in idle.values():
        _close(connections)


def _close(connections):
    """Close every connection in a deque from which other threads take, too."""
    with contextlib.suppress(IndexError):
        while True:
            connections.pop().close()


def _tls_context(is_verified, ca_bundle):
    context = ssl.create_default_context(cafile=ca_bundle or get_cert_path(True))
    if not is_verified:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def md5_of(data):
    """The 16-byte MD5 of `data`; a checksum here, not a defence."""
    return hashlib.md5(data).digest()
