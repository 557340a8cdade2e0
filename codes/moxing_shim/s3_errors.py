"""botocore's exceptions turned into ours: which class, and which sentence tells the user what to check."""
import contextlib
from typing import NamedTuple

import boto3.exceptions
from botocore import exceptions as boto

from moxing_shim import errors

_KEYS = 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or set_auth(ak=..., sk=...)'
_PATH_STYLE = 'the path style (set_auth(path_style=...))'
_DENIED = (f'Check the keys ({_KEYS}), their owner\'s rights on this bucket, the endpoint, the region, this '
           f'machine\'s clock (15 minutes off are refused) and {_PATH_STYLE}')
_ADDRESS = f'Check the endpoint (S3_ENDPOINT), the region (S3_REGION) and {_PATH_STYLE}'
_SPELLING = 'Check the spelling; keys are case-sensitive'


class Verdict(NamedTuple):
    """What one error code means to the caller."""

    exception: type
    advice: str


_MISSING, _REFUSED = errors.MoxFileMissingRespException, errors.MoxFileDeniedRespException
_FAILED, _BROKEN = errors.MoxFileRespException, errors.MoxFileReadException

# S3 error code -> verdict. The answer to a HEAD has no body, so botocore reports the bare status as its code.
VERDICTS = {code: Verdict(*verdict) for code, verdict in {
    'NoSuchKey': (_MISSING, _SPELLING),
    '404': (_MISSING, _SPELLING),
    'NoSuchBucket': (_MISSING, 'Check the bucket name, and that the endpoint is in the bucket\'s region'),
    'NoSuchUpload': (_MISSING, 'The upload was aborted elsewhere; run it again'),
    'AccessDenied': (_REFUSED, _DENIED),
    '403': (_REFUSED, _DENIED),
    'InvalidAccessKeyId': (_REFUSED, f'This endpoint does not know the access key: check {_KEYS}, and '
                           'S3_ENDPOINT'),
    'SignatureDoesNotMatch': (_REFUSED, f'Check the secret key ({_KEYS}), the region, and that S3_ENDPOINT '
                              'does not contain the bucket'),
    'RequestTimeTooSkewed': (_REFUSED, 'This machine\'s clock is more than 15 minutes off: set it'),
    # OBS refuses path-style addresses on its public domains since 2023-12-30 (contract, OBS addressing)
    'VirtualHostDomainRequired': (_REFUSED, 'This server wants the bucket in the host name: '
                                  'set_auth(path_style=False)'),
    'PermanentRedirect': (_FAILED, _ADDRESS),
    'AuthorizationHeaderMalformed': (_FAILED, _ADDRESS),
    'PreconditionFailed': (_BROKEN, 'The object was replaced while it was being read; read it again'),
    'SlowDown': (_FAILED, 'The server is overloaded: use fewer threads, or more tries (set_auth(retry=...))'),
}.items()}
_LIKE_CODE = {401: 'AccessDenied', 403: 'AccessDenied', 404: 'NoSuchKey', 412: 'PreconditionFailed'}
_OTHER_REFUSAL = Verdict(_FAILED, _ADDRESS)
_SERVER_FAULT = Verdict(_FAILED, 'The fault is the server\'s: try again later, or raise set_auth(retry=...)')
# botocore's exceptions for requests that got no whole answer, the more special first
_WITHOUT_ANSWER = (
    ((boto.ConnectTimeoutError, boto.ReadTimeoutError), errors.MoxTimeoutError,
     'no answer in time{at} ({cause}). Check the endpoint and the network, or raise '
     'set_auth(client_timeout=...)'),
    ((boto.ResponseStreamingError, boto.IncompleteReadError), errors.MoxFileReadException,
     'the connection broke in mid-body{at} ({cause}). Try again, or raise set_auth(retry=...)'),
    (boto.SSLError, errors.MoxConnectionError,
     'TLS failed{at} ({cause}). Check S3_USE_HTTPS and the certificate; S3_VERIFY_SSL=0 skips its check'),
    ((boto.NoCredentialsError, boto.PartialCredentialsError), errors.MoxFileDeniedRespException,
     'no access keys found. Set ' + _KEYS),
    ((boto.HTTPClientError, boto.ConnectionError), errors.MoxConnectionError,
     'the endpoint cannot be reached{at} ({cause}). Check S3_ENDPOINT, S3_USE_HTTPS and the network'),
)
BOTO_ERRORS = (boto.BotoCoreError, boto.ClientError, boto3.exceptions.Boto3Error)


@contextlib.contextmanager
def translated(action, url, endpoint=None):
    """Raise ours in place of boto's; the message starts "cannot <action> <url>: "."""
    try:
        yield
    except BOTO_ERRORS as error:
        raise translate(error, action, url, endpoint) from error


def translate(error, action, url, endpoint=None):
    """Return our exception for boto's `error`; its message says what failed, where, and what to check."""
    cause = _innermost(error)
    if isinstance(cause, boto.ClientError):
        return _refusal(cause, action, url, endpoint)
    at = f' at {endpoint}' if endpoint else ''
    for kinds, exception, sentence in _WITHOUT_ANSWER:
        if isinstance(cause, kinds):
            return exception(f'cannot {action} {url}: {sentence.format(at=at, cause=cause)}')
    return errors.MoxFileException(f'cannot {action} {url}: {cause}')


def is_missing(error):
    """True when a botocore ClientError says that the bucket or object does not exist."""
    return _response(error).status == 404


def _innermost(error):
    """The botocore error inside boto3's wrappers: the managed transfers raise their own around it."""
    while isinstance(error, boto3.exceptions.Boto3Error):
        inner = getattr(error, 'last_exception', None) or error.__cause__ or error.__context__
        if not isinstance(inner, BOTO_ERRORS):
            return error
        error = inner
    return error


def _response(error):
    answer = error.response
    about, meta = answer.get('Error', {}), answer.get('ResponseMetadata', {})
    return errors.Response(status=meta.get('HTTPStatusCode'), reason=error.operation_name,
                           errorCode=about.get('Code'), errorMessage=about.get('Message'),
                           requestId=meta.get('RequestId'))


def _verdict(response):
    code = response.errorCode if response.errorCode in VERDICTS else _LIKE_CODE.get(response.status)
    return VERDICTS.get(code, _SERVER_FAULT if (response.status or 0) >= 500 else _OTHER_REFUSAL)


def _refusal(error, action, url, endpoint):
    response = _response(error)
    verdict = _verdict(response)
    code = '' if response.errorCode in (None, str(response.status)) else f' {response.errorCode}'
    request = response.requestId and f'request {response.requestId}'
    details = ', '.join(text.rstrip('.') for text in (response.errorMessage, request) if text)
    details = f' ({details})' if details else ''
    return verdict.exception(f'cannot {action} {url}: {endpoint or "the server"} answered {response.status}'
                             f'{code}{details}. {verdict.advice}', resp=response)
