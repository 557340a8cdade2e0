"""Brings code and data to the bucket, and makes of the job's model/ a package that runs in an image."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any, Mapping, MutableMapping, NamedTuple

from obs_layout.buckets import bucket_is_missing
from obs_layout.errors import ObsLayoutError
from obs_layout.layout import SYNSET_FILE
from obs_layout.progress import Progress
from obs_layout.storage import mox_file, parse_url
from obs_layout.transfer import look, plan_push, push

from ..credentials import TEMPORARY_KEYS_VARIABLE
from ..errors import CommandLineError, PackageError, StorageFailed, storage_errors
from ..package.model_package import CONFIG_FILE, MODEL_FOLDER, model_prefix
from .calls import config_of_image, deployment_variables
from .settings import STORAGE_VARIABLES, Platform, SubmitSettings, is_url
from .telling import Teller

PACKAGE_FOLDER = "image_package"  # beside the job's own model/, which stays as the job wrote it
_PREPROCESSING_FILE = "preprocessing.json"
_KEY_VARIABLES = {
    "HUAWEICLOUD_SDK_AK": "AWS_ACCESS_KEY_ID",
    "HUAWEICLOUD_SDK_SK": "AWS_SECRET_ACCESS_KEY",
    TEMPORARY_KEYS_VARIABLE: "AWS_SESSION_TOKEN",
}

logger = logging.getLogger(__name__)


class Package(NamedTuple):
    """What is imported. url: the folder that holds model/. config: its config.json. variables: to deploy it with."""

    url: str
    config: Mapping[str, Any]
    variables: Mapping[str, str]


def use_storage(platform: Platform, environ: MutableMapping[str, str]) -> None:
    """Take the region's OBS, with the keys that requests are signed with, where the environment names no storage."""
    if any(environ.get(name) for name in STORAGE_VARIABLES):
        return
    environ["S3_ENDPOINT"] = f"https://{platform.obs_host}"
    for ours, theirs in _KEY_VARIABLES.items():
        # temporary keys that are there beside lasting ones would open nothing
        environ.pop(theirs, None)
        if environ.get(ours):
            environ[theirs] = environ[ours]


def sources(settings: SubmitSettings) -> list[tuple[str, Path, str]]:
    """Return what is uploaded: (flag, local folder, URL) each. Raises CommandLineError when a folder is not there."""
    given = (("--codes", settings.codes, settings.codes_url), ("--data", settings.data, settings.data_url))
    local = [(flag, Path(place), url) for flag, place, url in given if not is_url(place)]
    for flag, folder, _ in local:
        if not folder.is_dir():
            raise CommandLineError(f"{flag}={folder}: there is no such folder.")
    if not is_url(settings.codes) and not (Path(settings.codes) / settings.boot_file).is_file():
        raise CommandLineError(f"--boot-file={settings.boot_file}: there is no such file in {settings.codes}.")
    if settings.picture and not os.path.isfile(settings.picture):
        raise CommandLineError(f"--image={settings.picture}: there is no such file.")
    return local


def upload(settings: SubmitSettings, teller: Teller) -> None:
    """Push what is new or changed. Raises StorageFailed."""
    bucket = parse_url(settings.root).bucket
    try:
        if bucket_is_missing(bucket):
            raise StorageFailed(
                f"{settings.root}: the storage has no bucket {bucket}. Create it in the region of --region, with: "
                f"obs-layout push {settings.codes} {settings.codes_url} --create-bucket",
                settings.root,
            )
        for _, folder, url in sources(settings):
            sides = look(folder, url)
            plan = plan_push(sides)
            with Progress("pushing", "bytes") as progress:
                push(sides, plan, progress)
            copied = sum(item.action == "copy" for item in plan)
            rest = "" if copied == len(plan) else "; the others are there unchanged"
            teller.say(f"uploaded {copied:,} of {len(plan):,} files of {folder} to {url}{rest}")
    except ObsLayoutError as error:
        raise StorageFailed(str(error), settings.root) from error


def package_of(settings: SubmitSettings, label: str) -> Package:
    """Return the package that is made of what the job of that name left.

    Raises PackageError when it left none that can be imported, StorageFailed.
    """
    source = f"{settings.output_url(label)}{MODEL_FOLDER}"
    with storage_errors(f"the package {source} cannot be read", source):
        try:
            model_prefix([name for name in _names_in(source) if "/" not in name])
            config = config_of_image(_read_json(source, CONFIG_FILE), settings.serve_image)
            variables = _variables(source)
        except PackageError as error:
            raise PackageError(f"{source}: {error} The job has to leave a package that can be imported.") from None
    return Package(f"{settings.output_url(label)}{PACKAGE_FOLDER}/", config, variables)


def copy_package(settings: SubmitSettings, label: str, package: Package) -> None:
    """Copy the job's model/ within the bucket, with a config.json for an image in place of MXNet's.

    The platform may read that file or what the import request says (contract 5.3); so both say the same.
    """
    source, target = f"{settings.output_url(label)}{MODEL_FOLDER}", f"{package.url}{MODEL_FOLDER}"
    with storage_errors(f"{source} cannot be copied to {target}", target):
        others = [name for name in _names_in(source) if name != CONFIG_FILE]
        mox_file.copy_parallel(source, target, file_list=others)
        mox_file.write(f"{target}/{CONFIG_FILE}", json.dumps(package.config, indent=2, ensure_ascii=False))


def _names_in(folder: str) -> list[str]:
    if not mox_file.is_directory(folder):
        return []
    return sorted(mox_file.list_directory(folder, recursive=True, skip_dir=True))


def _variables(source: str) -> dict[str, str]:
    size = _read_json(source, _PREPROCESSING_FILE).get("image_size")
    classes = len(str(mox_file.read(f"{source}/{SYNSET_FILE}")).splitlines())
    if not isinstance(size, int) or size < 1:
        raise PackageError(f"{_PREPROCESSING_FILE} names no image_size, but {size!r}.")
    return deployment_variables((size, size), classes)


def _read_json(folder: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(mox_file.read(f"{folder}/{name}"))
    except FileNotFoundError:
        raise PackageError(f"there is no {name}.") from None
    except ValueError as error:
        raise PackageError(f"{name} is not valid JSON: {error}.") from None
    if not isinstance(document, dict):
        raise PackageError(f"{name} holds no object of JSON.")
    return document
