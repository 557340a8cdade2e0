"""botocore's exceptions turned into ours: which class, and which sentence tells the user what to check."""
import contextlib
from typing import NamedTuple

import boto3.exceptions
from botocore import exceptions as boto

from moxing_shim import errors

# The environment first: on a command line there is no set_auth to call
_KEYS = 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; in Python: set_auth(ak=..., sk=...)'
_PATH_STYLE = 'the path style (in Python: set_auth(path_style=...))'
_TRIES = 'AWS_MAX_ATTEMPTS (in Python: set_auth(retry=...))'
_DENIED = (f'Check the keys ({_KEYS}), their owner\'s rights on this bucket, the endpoint, the region, this '
           f'machine\'s clock (15 minutes off are refused) and {_PATH_STYLE}')
_ADDRESS = f'Check the endpoint (S3_ENDPOINT), the region (S3_REGION) and {_PATH_STYLE}'
_SPELLING = 'Check the spelling; keys are case-sensitive'


class Verdict(NamedTuple):
    """What one error code means to the caller."""

    exception: type
    advice: str
    concerns_all: bool = False      # see errors.MoxFileException


_MISSING, _REFUSED = errors.MoxFileMissingRespException, errors.MoxFileDeniedRespException
_FAILED, _BROKEN = errors.MoxFileRespException, errors.MoxFileReadException

# S3 error code -> verdict. The answer to a HEAD has no body, so botocore reports the bare status as its code.
VERDICTS = {code: Verdict(*verdict) for code, verdict in {
    'NoSuchKey': (_MISSING, _SPELLING),
    '404': (_MISSING, _SPELLING),
    'NoSuchBucket': (_MISSING, 'Check the bucket name, and that the endpoint is in the bucket\'s region',
                     True),
    'NoSuchUpload': (_MISSING, 'The upload was aborted elsewhere; run it again'),
    'AccessDenied': (_REFUSED, _DENIED),
    '403': (_REFUSED, _DENIED),
    'InvalidAccessKeyId': (_REFUSED, 'This endpoint does not know the access key: check S3_ENDPOINT, and '
                           f'{_KEYS}', True),
    'SignatureDoesNotMatch': (_REFUSED, f'Check the secret key ({_KEYS}), the region, and that S3_ENDPOINT '
                              'does not contain the bucket', True),
    'RequestTimeTooSkewed': (_REFUSED, 'This machine\'s clock is more than 15 minutes off: set it', True),
    # OBS refuses path-style addresses on its public domains since 2023-12-30 (contract, OBS addressing)
    'VirtualHostDomainRequired': (_REFUSED, 'This server wants the bucket in the host name: '
                                  'in Python, set_auth(path_style=False) puts it there', True),
    'PermanentRedirect': (_FAILED, _ADDRESS, True),
    'AuthorizationHeaderMalformed': (_FAILED, _ADDRESS, True),
    'PreconditionFailed': (_BROKEN, 'The object was replaced while it was being read; read it again'),
    'SlowDown': (_FAILED, f'The server is overloaded: use fewer threads, or more tries: {_TRIES}'),
}.items()}
_LIKE_CODE = {301: 'PermanentRedirect', 302: 'PermanentRedirect', 307: 'PermanentRedirect', 308: 'PermanentRedirect',
              401: 'AccessDenied', 403: 'AccessDenied', 404: 'NoSuchKey', 412: 'PreconditionFailed'}
_OTHER_REFUSAL = Verdict(_FAILED, _ADDRESS)
_SERVER_FAULT = Verdict(_FAILED, 'The fault is the server\'s: try again later, or raise ' + _TRIES)
# botocore's exceptions for requests that got no whole answer, the more special first
_WITHOUT_ANSWER = (
    ((boto.ConnectTimeoutError, boto.ReadTimeoutError), errors.MoxTimeoutError,
     'no answer in time{at} ({cause}). Check the endpoint (S3_ENDPOINT) and the network; '
     'in Python, set_auth(client_timeout=...) waits longer'),
    ((boto.ResponseStreamingError, boto.IncompleteReadError), errors.MoxFileReadException,
     'the connection broke in mid-body{at} ({cause}). Try again, or raise ' + _TRIES),
    (boto.SSLError, errors.MoxConnectionError,
     'TLS failed{at} ({cause}). Where the server speaks none, write http:// before its address in S3_ENDPOINT; else '
     'check the certificate: AWS_CA_BUNDLE names a file of authorities to trust, S3_VERIFY_SSL=0 skips the check'),
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
            ours = exception(f'cannot {action} {url}: {sentence.format(at=at, cause=cause)}{_unset_hint(endpoint)}')
            ours.concerns_all = exception is not errors.MoxFileReadException
            return ours
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
    refusal = verdict.exception(
        f'cannot {action} {url}: {endpoint or "Amazon S3"} answered {response.status}{code}{details}. '
        f'{_right_address(error) or verdict.advice}{_unset_hint(endpoint)}', resp=response)
    refusal.concerns_all = verdict.concerns_all
    return refusal


def _right_address(error):
    """The advice of a server that says where, or in which region, the bucket is; None if this one does not."""
    about, meta = error.response.get('Error', {}), error.response.get('ResponseMetadata', {})
    headers = meta.get('HTTPHeaders', {})
    region = about.get('Region') or headers.get('x-amz-bucket-region')
    location = about.get('Endpoint') or headers.get('location')
    if about.get('Code') == 'AuthorizationHeaderMalformed' and region:
        return f'The server is in the region {region!r}: set S3_REGION to it'
    if location and 300 <= meta.get('HTTPStatusCode', 0) < 400:
        in_region = f' and S3_REGION to {region!r}' if region else ''
        return (f'It sends requests for this bucket to {location}, and this package does not follow: set '
                f'S3_ENDPOINT to that server (without the bucket){in_region}')
    return None


def _unset_hint(endpoint):
    return '' if endpoint else '. S3_ENDPOINT is not set, so Amazon S3 itself was asked'
