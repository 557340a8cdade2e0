"""`modelarts-local check`: tell jobs from packages, fetch what lies in a bucket, check each and report."""

from __future__ import annotations

import contextlib
import logging
import os
import posixpath
import tempfile
from typing import Iterator, NamedTuple, Sequence

from obs_layout.layout import TRANSFER_RECORD_FILE

from ..errors import CommandLineError, storage_errors
from ..package.model_package import (
    MODEL_FOLDER,
    SERVICE_FILE,
    SYMBOL_ENDING,
    fetch_model_folder,
    is_url,
)
from .findings import ERROR, printable
from .job.boot_file import boot_name, guess_boot_file
from .job.submission import Submission
from .report import Checked, as_json, as_text, count

JOB, PACKAGE = "job", "package"

logger = logging.getLogger(__name__)


class CheckSettings(NamedTuple):
    """What the command line says of every path.

    kind: JOB, PACKAGE, or None to look. boot_file: None to look.
    submission: of the jobs among the paths; its engine, and whether anything is run, hold for packages, too.
    model_name, model_version, description: as they would be typed into the form that imports a package.
    """

    kind: str | None = None
    boot_file: str | None = None
    submission: Submission = Submission()
    model_name: str | None = None
    model_version: str | None = None
    description: str | None = None


def check(paths: Sequence[str], settings: CheckSettings, json_wanted: bool) -> int:
    """Check each path and print what was found; returns 1 when a finding is an error, else 0.

    Raises CommandLineError for a path that is neither job nor package, StorageFailed when storage fails.
    """
    checked = []
    for path in paths:
        checked.append(check_path(path, settings))
        if not json_wanted:
            print(as_text(checked[-1]), flush=True)
    if json_wanted:
        print(as_json(checked))
    return 1 if any(count(one.findings, ERROR) for one in checked) else 0


def check_path(path: str, settings: CheckSettings) -> Checked:
    """Check one local folder or URL."""
    if is_url(path):
        names = _list_url(path)
    elif os.path.isdir(path):
        names = sorted(name + "/" * os.path.isdir(os.path.join(path, name)) for name in os.listdir(path))
    else:
        raise CommandLineError(f"{path} is not a folder. Give code folders, model packages or URLs of them.")
    kind = settings.kind or kind_of(path, names)
    with _local(path, kind, names) as folder:
        return _check_job(folder, path, settings) if kind == JOB else _check_package(folder, path, settings)


def kind_of(path: str, names: Sequence[str]) -> str:
    """Return JOB or PACKAGE from a folder's path and the names in it, those of folders with a slash at their end.

    Raises CommandLineError when it looks like neither.
    """
    last = posixpath.basename(path.rstrip("/") if is_url(path) else os.path.abspath(path))
    is_model = last == MODEL_FOLDER or SERVICE_FILE in names or any(name.endswith(SYMBOL_ENDING) for name in names)
    if is_model:
        return PACKAGE
    if any(name.endswith(".py") for name in names):
        return JOB
    if f"{MODEL_FOLDER}/" in names:
        return PACKAGE
    shown = printable(", ".join(names[:8])) or "nothing"
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    raise CommandLineError(
        f"{path} is neither a job nor a model package; it holds {shown}{more}. Give the folder of a job, which has "
        f"its .py files at its top, as codes/ has, or that of a package, which holds {MODEL_FOLDER}/, as out/V0001 "
        "does; --job or --package says which of the two it is meant to be."
    )


def _check_job(folder: str, path: str, settings: CheckSettings) -> Checked:
    from .job.checking import check_job
    from .job.imports import imports_moxing
    from .job.source import read_job

    boot_file = settings.boot_file
    if boot_file is None:
        boot_file = guess_boot_file(folder, path)
        logger.info("%s: %s is taken for the boot file; --boot-file names another", *map(printable, (path, boot_file)))
    if imports_moxing(read_job(folder, path, boot_name(folder, boot_file))):
        logger.info("%s imports moxing, which is there on the platform, and in modelarts-local train", printable(path))
    findings = check_job(folder, boot_file, settings.submission, path)
    return Checked(path, JOB, f"{JOB}, {_number_of_files(folder)}, boot file {boot_file}", findings)


def _check_package(folder: str, path: str, settings: CheckSettings) -> Checked:
    from .package.checking import PackageSettings, check_package, era_of_package

    submission = settings.submission
    given = PackageSettings(
        submission.engine_name,
        submission.run,
        settings.model_name,
        settings.model_version,
        settings.description,
        os.environ,
    )
    if submission.run:
        logger.info("%s: its handler is loaded and given pictures; --no-run leaves that out", printable(path))
    findings = check_package(folder, path, given)
    what = f"{PACKAGE}, {_number_of_files(_package_root(folder))}"
    return Checked(path, PACKAGE, what, findings, era_of_package(folder))


def _package_root(folder: str) -> str:
    """Return the folder of a package that is imported: what a job leaves beside model/ is none of it."""
    model = os.path.join(folder, MODEL_FOLDER)
    return model if os.path.isdir(model) else folder


def _number_of_files(folder: str) -> str:
    # push leaves its record in the bucket, which is none of the job's own
    number = sum(name != TRANSFER_RECORD_FILE for _, _, files in os.walk(folder) for name in files)
    return f"{number} file{'s' * (number != 1)}"


@contextlib.contextmanager
def _local(path: str, kind: str, names: Sequence[str]) -> Iterator[str]:
    if not is_url(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="modelarts_local-") as folder:
        if kind == PACKAGE and f"{MODEL_FOLDER}/" in names:
            fetch_model_folder(path, folder)  # and not the checkpoints beside it
            yield folder
            return
        from obs_layout.storage import mox_file

        local = os.path.join(folder, posixpath.basename(path.rstrip("/")))
        logger.info("fetching %s", printable(path))
        with storage_errors(f"{path} cannot be fetched", path):
            mox_file.copy_parallel(path, local)
        yield local


def _list_url(path: str) -> list[str]:
    from obs_layout.storage import mox_file

    with storage_errors(f"{path} cannot be fetched", path):
        return sorted(mox_file.list_directory(path, remove_sep=False))
