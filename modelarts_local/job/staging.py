"""What a job finds in its work folder before its program starts: code, and the data of a v2 job."""

from __future__ import annotations

import shutil
from typing import Sequence

from obs_layout.progress import Progress
from obs_layout.storage import mox_file

from ..errors import storage_errors
from ..platform_rules import LIMITS
from . import places
from .layout import JobLayout
from .settings import JobSettings


def stage_code(settings: JobSettings, layout: JobLayout) -> None:
    """Bring the code folder to user-job-dir under its last name (contract 1.2). Raises StorageFailed."""
    for folder in layout.folders():
        folder.mkdir(parents=True, exist_ok=True)
    with storage_errors(f"copying the code from {settings.code_url} failed", settings.code_url):
        if places.is_url(settings.code_url):
            mox_file.copy_parallel(settings.code_url, str(layout.code))
        else:
            # a link becomes what it leads to, as in an upload
            shutil.copytree(settings.code_url, layout.code, ignore=shutil.ignore_patterns("__pycache__"))


def data_files(settings: JobSettings) -> tuple[list[str], list[str]]:
    """Return the names of the data files, and a warning for those that the platform ignores. Raises StorageFailed."""
    with storage_errors(f"listing {settings.data_url} failed", settings.data_url):
        found = list(mox_file.list_directory(settings.data_url, recursive=True, skip_dir=True))
    ignored = set(too_long_names(found))
    if not ignored:
        return found, []
    limit = LIMITS["data-file-name"].first
    example = f"{min(ignored)[:40]}..."
    return [name for name in found if name not in ignored], [
        f"{len(ignored)} data files are ignored: their names are longer than {limit} characters, as that of {example}"
    ]


def too_long_names(names: Sequence[str]) -> list[str]:
    """Return the data files whose names are longer than the platform reads; it ignores them (contract 1.1)."""
    limit = LIMITS["data-file-name"].first
    return [name for name in names if len(name.rpartition("/")[2]) > limit]


def stage_data(settings: JobSettings, layout: JobLayout, names: list[str]) -> None:
    """Bring the named data files to a v2 job's input folder (contract 1.10). Raises StorageFailed."""
    with storage_errors(f"copying the data from {settings.data_url} failed", settings.data_url):
        with Progress("copying data", "files") as progress:
            mox_file.copy_parallel(
                settings.data_url,
                str(layout.inputs),
                file_list=names,
                skip_unchanged=True,
                progress=lambda done, _total, _bytes: progress(done, len(names)),
            )


def fetch_outputs(settings: JobSettings, layout: JobLayout) -> None:
    """Bring what a v2 job left in its output so far back to its folder: predownload (contract 1.9).

    Raises StorageFailed.
    """
    with storage_errors(f"fetching the outputs from {settings.train_url} failed", settings.train_url):
        mox_file.copy_parallel(settings.train_url, str(layout.outputs), skip_unchanged=True)
