"""The model package: the folder that one picks when importing a model, and the `model/` folder in it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import posixpath
import re
import tempfile
from typing import Callable, Iterator, NamedTuple, Sequence

from ..errors import PackageError, storage_errors

logger = logging.getLogger(__name__)

MODEL_FOLDER = "model"
SERVICE_FILE = "customize_service.py"
CONFIG_FILE = "config.json"
SYMBOL_ENDING = "-symbol.json"
PARAMS_ENDING = ".params"
EPOCH_ENDING = "-0000.params"  # the platform loads epoch 0, whatever the file was called while training

_URL_SCHEMES = ("s3://", "obs://")
_VERSION = re.compile(r"V\d{4}")  # what a job calls the folder of one training
_LOOKED_AT = 50  # folders at most in which model/ is looked for, each by a request in a bucket; chosen


class ModelPackage(NamedTuple):
    """A package that the platform would import.

    model_dir: absolute path of `model/`.
    prefix: what the names of the network and of the weights begin with.
    """

    model_dir: str
    prefix: str

    @property
    def symbol_file(self) -> str:
        """Name of the network's file in `model_dir`."""
        return self.prefix + SYMBOL_ENDING

    @property
    def params_file(self) -> str:
        """Name of the weights' file in `model_dir`."""
        return self.prefix + EPOCH_ENDING

    @property
    def service_path(self) -> str:
        """Path of the handler."""
        return os.path.join(self.model_dir, SERVICE_FILE)


@contextlib.contextmanager
def open_package(parent: str) -> Iterator[ModelPackage]:
    """Yield the package under `parent`, a local folder or an s3:// or obs:// URL.

    A URL's `model/` is copied into a temporary folder that is removed on leaving.

    Raises PackageError when `parent` is not what the platform imports, StorageFailed when storage fails.
    """
    refuse_model_folder_itself(parent)
    if not is_url(parent):
        yield find_package(parent, shown_parent=parent)
        return
    with tempfile.TemporaryDirectory(prefix="modelarts_local-") as local_parent:
        fetch_model_folder(parent, local_parent)
        yield find_package(local_parent, shown_parent=parent)


def is_url(path: str) -> bool:
    """Tell whether `path` lies in object storage."""
    return path.startswith(_URL_SCHEMES)


def refuse_model_folder_itself(parent: str) -> None:
    """Raise PackageError when `parent` is the model folder instead of the folder that holds it."""
    # ModelArts recognises neither model nor config when model/ itself is picked
    path = parent if is_url(parent) else os.path.abspath(parent)
    above, _, last = path.rstrip("/").rpartition("/")
    if last == MODEL_FOLDER:
        raise PackageError(
            f"{parent} is the model folder itself; the platform imports the folder that holds it. "
            f"Choose {above or '/'}."
        )


def fetch_model_folder(parent_url: str, local_parent: str) -> None:
    """Copy `model/` under `parent_url` to `model/` under `local_parent`.

    Raises PackageError when there is no such folder, StorageFailed when storage fails.
    """
    from obs_layout.storage import mox_file

    model_url = f"{parent_url.rstrip('/')}/{MODEL_FOLDER}"
    logger.info("fetching %s", model_url)
    with storage_errors(f"{model_url} cannot be fetched", model_url):
        if not mox_file.is_directory(model_url):
            raise PackageError(_no_model_folder(parent_url, _names_in_bucket, mox_file.is_directory))
        mox_file.copy_parallel(model_url, os.path.join(local_parent, MODEL_FOLDER))


def find_package(parent: str, shown_parent: str) -> ModelPackage:
    """Return the package in the local folder `parent`.

    shown_parent: what messages call it, the URL when it was fetched.

    Raises PackageError with the first thing for which the platform would refuse the import.
    """
    model_dir = os.path.join(os.path.abspath(parent), MODEL_FOLDER)
    if not os.path.isdir(model_dir):
        raise PackageError(_no_model_folder(shown_parent, _local_names, os.path.isdir, parent))
    try:
        prefix = model_prefix(sorted(os.listdir(model_dir)))
    except PackageError as error:
        raise PackageError(f"{shown_parent.rstrip('/')}/{MODEL_FOLDER}: {error}") from None
    _refuse_broken_config(os.path.join(model_dir, CONFIG_FILE), shown_parent)
    return ModelPackage(model_dir, prefix)


def _refuse_broken_config(path: str, shown_parent: str) -> None:
    # ModelArts.3015 at the import: not valid JSON (contract 2.3)
    try:
        with open(path, encoding="utf-8") as stream:
            json.load(stream)
    except ValueError as error:
        place = f"{shown_parent.rstrip('/')}/{MODEL_FOLDER}/{CONFIG_FILE}"
        raise PackageError(f"{place} is not valid JSON: {error}. Export the model again, or repair it.") from error


def model_prefix(file_names: Sequence[str]) -> str:
    """Return the name that network and weights share, from the names of the files in `model/`.

    Raises PackageError when a file that the platform needs is missing, there twice, or badly named.
    """
    symbol_file = _the_only_file(file_names, SYMBOL_ENDING, "network")
    params_file = _the_only_file(file_names, PARAMS_ENDING, "weights")
    prefix = symbol_file[: -len(SYMBOL_ENDING)]
    if params_file != prefix + EPOCH_ENDING:
        raise PackageError(
            f"the weights are called {params_file}; beside {symbol_file} the platform loads "
            f"{prefix}{EPOCH_ENDING}. Rename the file."
        )
    for name in (CONFIG_FILE, SERVICE_FILE):
        if name not in file_names:
            raise PackageError(f"there is no {name}. Found: {_listed(file_names)}.")
    if "Dockerfile" in file_names:
        raise PackageError("there is a Dockerfile; the platform builds no image from it. Remove it.")
    return prefix


def _the_only_file(file_names: Sequence[str], ending: str, role: str) -> str:
    found = [name for name in file_names if name.endswith(ending)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise PackageError(f"there is no {role} file, one ending in {ending}. Found: {_listed(file_names)}.")
    raise PackageError(f"there is more than one {role} file: {_listed(found)}. Keep one.")


def newest_with_model(names: Sequence[str], holds_model: Callable[[str], bool]) -> str | None:
    """Return which of the folders `names` to choose instead of the one that they lie in; None when none holds model/.

    holds_model: asked of one name after the other until it is true, first of the newest version of a job.
    """
    from_newest = sorted(names, key=lambda name: (bool(_VERSION.fullmatch(name)), name), reverse=True)
    return next(filter(holds_model, from_newest[:_LOOKED_AT]), None)


def _no_model_folder(
    shown: str, names_in: Callable[[str], Sequence[str]], is_folder: Callable[[str], bool], parent: str | None = None
) -> str:
    """Return what is said of a folder without model/, which may not be there at all.

    parent: where it lies, when that is not what it is called. names_in, is_folder: of such places.
    """
    place = (shown if parent is None else parent).rstrip("/")
    names = sorted(name.rstrip("/") for name in names_in(place))
    found = f"{shown} holds no {MODEL_FOLDER}/ folder. Found: {_listed(names)}."
    shown_above = shown.rstrip("/")
    if not names and not is_folder(place):
        found = f"there is no folder {shown}."
        place, shown_above = posixpath.dirname(place), posixpath.dirname(shown_above)
        names = sorted(name.rstrip("/") for name in names_in(place or "."))
    newest = newest_with_model(names, lambda name: is_folder(posixpath.join(place, name, MODEL_FOLDER)))
    if newest is None:
        return f"{found} Choose the folder that holds {MODEL_FOLDER}/."
    return f"{found} Choose {posixpath.join(shown_above, newest)}, which holds {MODEL_FOLDER}/."


def _names_in_bucket(url: str) -> list[str]:
    from obs_layout.storage import mox_file

    is_bucket = url.count("/") == len("//")  # one that is missing is a failure of storage
    return list(mox_file.list_directory(url)) if is_bucket or mox_file.is_directory(url) else []


def _local_names(folder: str) -> list[str]:
    try:
        return os.listdir(folder) if os.path.isdir(folder) else []
    except OSError as error:
        raise PackageError(f"{folder} cannot be read: {error.strerror}. Give yourself the right to read it.") from error


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8]) or "nothing"
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
