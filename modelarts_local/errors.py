"""What can go wrong, and the exit code of each.

StandInError                 the command ends with one sentence and `exit_code`
|-- CommandLineError         2  a flag, an environment variable or a port is wrong
|-- JobRefused               1  the platform would not take the job
|-- PackageError             1  the model folder is not what the platform imports
|-- HandlerLoadError         1  customize_service.py does not load, or fails on the first image
|-- PicturesError            1  records or a list of classes are not what predict can read
|-- PlatformRefused          1  ModelArts itself refuses what submit asks, or what submit made there failed
|-- StorageFailed            3  a bucket, or a folder of a job, cannot be listed, read or written
|-- PlatformSilent           3  ModelArts itself does not answer, or not in time
`-- ServiceUnreachable       3  nothing answers at the URL that predict was given

HandlerError                 customize_service.py raised while it answered one request
|-- HandlerDied              its process ended instead
`-- HandlerTooSlow           it took longer than allowed, and its process was ended

RequestError                 a request is refused before it reaches the handler; has an HTTP status
`-- ModelUnavailable         503  its model does not answer now: it starts, starts again, or has failed
"""

from __future__ import annotations

import contextlib
from typing import Iterator

from .platform_rules import CODE_SERVICE_DOWN


class StandInError(Exception):
    """Ends the command; the message is one sentence for the user."""

    exit_code = 1


class CommandLineError(StandInError):
    """A flag, an environment variable or a port is wrong."""

    exit_code = 2


class JobRefused(StandInError):
    """The platform would not take the job."""


class PackageError(StandInError):
    """The model folder is not what the platform imports."""


class HandlerLoadError(StandInError):
    """customize_service.py does not load, or fails on the first image.

    trace: the traceback in the handler, empty when there is none.
    """

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


class PicturesError(StandInError):
    """Records or a list of classes are not what predict can read."""


class PlatformRefused(StandInError):
    """ModelArts itself refuses what submit asks, or what submit made there failed.

    status: HTTP status, None where it is no answer to a request. code: the platform's, empty where it gave none.
    """

    def __init__(self, message: str, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class PlatformSilent(StandInError):
    """ModelArts itself does not answer, or not in time. is_undone: what was asked for was surely not done."""

    exit_code = 3

    def __init__(self, message: str, is_undone: bool = False) -> None:
        super().__init__(message)
        self.is_undone = is_undone


class StorageFailed(StandInError):
    """A bucket, or a folder of a job, cannot be listed, read or written; `place` is which."""

    exit_code = 3

    def __init__(self, message: str, place: str) -> None:
        super().__init__(message)
        self.place = place


class ServiceUnreachable(StandInError):
    """Nothing answers at the URL that predict was given."""

    exit_code = 3


@contextlib.contextmanager
def storage_errors(failure: str, place: str) -> Iterator[None]:
    """Turn what storage raises in the block into a StorageFailed. failure: the clause that its message begins with."""
    try:
        yield
    # the shim's errors derive from one or the other, as those of moxing are caught by user code; boto's own show a
    # wrong key or endpoint
    except (OSError, RuntimeError, ValueError) as error:
        raise StorageFailed(f"{failure}: {error}", place) from error


class HandlerError(Exception):
    """customize_service.py raised while it answered one request.

    http_status: 400 when the handler blames the image, else 500.
    trace: the traceback in the handler, empty when there is none.
    """

    def __init__(self, message: str, http_status: int = 500, trace: str = "") -> None:
        super().__init__(message)
        self.http_status = http_status
        self.trace = trace


class HandlerDied(HandlerError):
    """The process of customize_service.py ended instead of answering."""


class HandlerTooSlow(HandlerError):
    """customize_service.py took longer than allowed; its process was ended.

    trace: its stack at that time, empty when it gave none.
    """

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message, 504, trace)


class RequestError(Exception):
    """A request is refused before it reaches the handler.

    http_status, code: what the client is answered; `code` is one of platform_rules.
    retry_after_s: when the same request may be answered; None when waiting does not help.
    """

    def __init__(self, http_status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.retry_after_s = retry_after_s


class ModelUnavailable(RequestError):
    """A model that does not answer now is asked."""

    def __init__(self, message: str, retry_after_s: int | None) -> None:
        super().__init__(503, CODE_SERVICE_DOWN, message, retry_after_s)
