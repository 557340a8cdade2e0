"""T5: how much the code folder holds, and how long the names of the data files are."""

from __future__ import annotations

import os
import posixpath
from typing import Iterator

from ...errors import CommandLineError, storage_errors
from ...package.model_package import is_url
from ...platform_rules import LIMITS, MIB, Limit
from ..findings import ERROR, Finding
from ..rules import finding
from .source import Job
from .submission import Submission

_SIZE = LIMITS["code-folder-size"]
_ENTRIES = LIMITS["code-folder-entries"]
_NAME = LIMITS["data-file-name"]


def find_limits_broken(job: Job, submission: Submission) -> Iterator[Finding]:
    """T5: a limit of any of the platform's eras that is exceeded; an error where it is that of every era.

    Raises StorageFailed when storage does not list data_url, CommandLineError when it holds nothing.
    """
    sizes, folders = _sizes(job.folder)
    total, entries = sum(sizes.values()), len(sizes) + folders
    if total > _SIZE.strictest:
        largest = max(sizes, key=lambda name: sizes[name])
        yield _beyond(_SIZE, total, finding(
            "T5", job.shown, None, f"{_mib(total)} in the code folder", f"at most {_mib(_SIZE.strictest)}",
            f"Keep data and weights elsewhere in the bucket; the largest file is {largest} ({_mib(sizes[largest])}).",
            _SIZE.code,
        ))  # fmt: skip
    if entries > _ENTRIES.strictest:
        yield _beyond(_ENTRIES, entries, finding(
            "T5", job.shown, None, f"{entries:,} files and folders in the code folder",
            f"at most {_ENTRIES.strictest:,}", "Upload the code alone; leave out data, .git and __pycache__.",
            _ENTRIES.code,
        ))  # fmt: skip
    if submission.data_url:
        yield from _long_names(submission.data_url)


def _beyond(limit: Limit, value: int, found: Finding) -> Finding:
    return found._replace(severity=ERROR) if value > max(limit.by_era.values()) else found


def _sizes(folder: str) -> tuple[dict[str, int], int]:
    """Return the size of each file by name, and the number of folders."""
    sizes, number = {}, 0
    for parent, folders, files in os.walk(folder):
        number += len(folders)
        for name in files:
            path = os.path.join(parent, name)
            sizes[os.path.relpath(path, folder)] = os.lstat(path).st_size
    return sizes, number


def _mib(size: int) -> str:
    return f"{size / MIB:,.0f} MiB" if size >= MIB else f"{size:,} bytes"


def _long_names(data_url: str) -> Iterator[Finding]:
    # The platform leaves out the files whose names are longer, without a word (contract 1.1)
    names = list_data(data_url)
    if not names:
        raise CommandLineError(f"--data-url={data_url} holds no file. Choose the folder that the data lies in.")
    for name in names:
        last = posixpath.basename(name)
        if len(last) > _NAME.first:
            yield finding(
                "T5", f"{data_url.rstrip('/')}/{name}", None, f"a file name of {len(last)} characters",
                f"at most {_NAME.first}", "Rename it; the job would not see the file.",
            )  # fmt: skip


def list_data(url: str) -> list[str]:
    """Return the names of all files below a folder or URL; none when there is no such folder.

    Raises StorageFailed when storage does not list it.
    """
    if not is_url(url):
        walked = os.walk(url)
        return [os.path.relpath(os.path.join(parent, name), url) for parent, _, files in walked for name in files]
    from obs_layout.storage import mox_file

    with storage_errors(f"{url} cannot be listed", url):
        try:
            return [str(name) for name in mox_file.list_directory(url, recursive=True, skip_dir=True)]
        except FileNotFoundError:
            return []
