"""What can go wrong, as one tree; the leaves also derive from the builtin that callers already catch.

    MoxFileException (OSError, RuntimeError)        every error raised on purpose by this package
    |- MoxFileNotExistsException                    + FileNotFoundError
    |- MoxFileNameDuplicateException                + FileExistsError: one name is both a file and a directory
    |- MoxUnsafeKeyException                        a name, or a link, that leads out of the target folder
    |- MoxConnectionError                           + ConnectionError: no answer from the endpoint
    |- MoxTimeoutError                              + TimeoutError
    |- MoxCopyException                             some files failed; `.failures` is [(name, error), ...]
    |  |- MoxCopyMissingException                   + MoxFileNotExistsException: all of them were missing
    |  `- MoxCopyDuplicateException                 + MoxFileNameDuplicateException: all of them clashed
    `- _MoxFileBaseRespException                    `.resp` is the server's answer, a Response
       |- MoxFileReadException                      the stream broke after the answer 200
       `- MoxFileRespException                      the answer had HTTP status 300 or above
          |- MoxFileMissingRespException            + MoxFileNotExistsException
          |- MoxFileDeniedRespException             + PermissionError
          `- MoxFileDirectoryRespException          + IsADirectoryError: a directory where one file is needed

moxing names five of these (moxing-file-api, exceptions); public training code catches FileNotFoundError,
OSError and RuntimeError around copy_parallel, hence the common base.
"""
from typing import NamedTuple


class Response(NamedTuple):
    """The server's refusal, under the field names of Huawei's OBS SDK."""

    status: int             # HTTP status, None when there was no HTTP answer
    reason: str             # one phrase for the status
    errorCode: str          # noqa: N815  the S3 error code, such as NoSuchKey
    errorMessage: str       # noqa: N815
    requestId: str          # noqa: N815


class MoxFileException(OSError, RuntimeError):
    """Base of every error that this package raises on purpose."""

    concerns_all = False    # True: the bucket, the keys or the endpoint failed, so other files would fail alike


class MoxFileNotExistsException(MoxFileException, FileNotFoundError):
    """The file or directory does not exist."""


class MoxFileNameDuplicateException(MoxFileException, FileExistsError):
    """A download meets a file and a directory of the same name; a disk cannot hold both."""


class MoxUnsafeKeyException(MoxFileException):
    """An object key, or a link in the target folder, would have something written outside of it."""


class MoxConnectionError(MoxFileException, ConnectionError):
    """The endpoint could not be reached."""


class MoxTimeoutError(MoxFileException, TimeoutError):
    """The endpoint did not answer in time."""


class MoxCopyException(MoxFileException):
    """Some files of a copy failed; `.failures` lists (name, exception) and everything else was copied."""

    def __init__(self, message, failures=()):
        super().__init__(message)
        self.failures = list(failures)


class MoxCopyMissingException(MoxCopyException, MoxFileNotExistsException):
    """Every file of the copy that failed was missing."""


class MoxCopyDuplicateException(MoxCopyException, MoxFileNameDuplicateException):
    """Every file of the copy that failed has the name of a directory, or the other way round."""


class _MoxFileBaseRespException(MoxFileException):
    """An error with the server's answer in `.resp` (a Response)."""

    def __init__(self, message, resp=None):
        super().__init__(message)
        self.resp = resp


class MoxFileReadException(_MoxFileBaseRespException):
    """The stream broke after the server had answered 200."""


class MoxFileRespException(_MoxFileBaseRespException):
    """The server answered with HTTP status 300 or above."""


class MoxFileMissingRespException(MoxFileRespException, MoxFileNotExistsException):
    """The server answered that the bucket or object does not exist."""


class MoxFileDeniedRespException(MoxFileRespException, PermissionError):
    """The server refused the keys, or what they asked for."""


class MoxFileDirectoryRespException(MoxFileRespException, IsADirectoryError):
    """A directory was named where one file is needed."""
