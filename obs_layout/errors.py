"""The errors that obs_layout explains to its user in one or two sentences.

ObsLayoutError
├── DataError      the images, the records or the folders are not what they have to be
└── StorageError   the bucket could not be reached, read or written
"""

from __future__ import annotations


class ObsLayoutError(Exception):
    """Base of all errors whose message is meant for the user, without a traceback."""

    exit_code = 1


class DataError(ObsLayoutError):
    """The user's images, records or folders; the message says which, what was found and what to do."""


class StorageError(ObsLayoutError):
    """The storage; the message names the object or the endpoint."""

    exit_code = 3
