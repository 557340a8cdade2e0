"""What a user asks of `submit`, checked and brought into one form; nothing is looked up here."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Mapping, NamedTuple
from urllib.parse import urlsplit

from obs_layout.layout import CODES_FOLDER, DATA_FOLDER, LOGS_FOLDER, OUTPUT_FOLDER

from ..errors import CommandLineError
from ..job.names import is_secret
from ..platform_rules import LIMITS

REGION_VARIABLE = "HUAWEICLOUD_SDK_REGION"
PROJECT_VARIABLE = "HUAWEICLOUD_SDK_PROJECT_ID"
STORAGE_VARIABLES = ("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as moxing_shim reads them
UPLOAD, TRAIN, IMPORT, DEPLOY, PREDICT = STEPS = ("upload", "train", "import", "deploy", "predict")
# What is made there is called NAME-xxxxxxxx, so that nothing else has its name, and what an answer that got lost has
# made is found by it. Services took 48 characters and a letter at the front (contract 5.4)
LABEL_DIGITS = 8
_MAX_NAME = LIMITS["model-name"].strictest - LABEL_DIGITS - 1
_NAME = re.compile(rf"[A-Za-z][0-9A-Za-z_-]{{0,{_MAX_NAME - 1}}}")
_WORD = re.compile(r"[0-9A-Za-z_-]+")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_STOP_HOURS: int = LIMITS["service-stop"].newest


class Platform(NamedTuple):
    """Where the platform is. endpoint: URL without a slash at its end. obs_host: what buckets stand before."""

    endpoint: str
    region: str
    project_id: str
    obs_host: str


class SubmitSettings(NamedTuple):
    """One submission as it was asked for.

    codes, data: local folders, which are uploaded, or URLs of what is there. root: s3:// URL below which all goes, with
    a slash at its end. boot_file: relative to the code folder. parameters, serve_variables: (name, value) in the order
    given. last_step: one of STEPS. job_hours, service_hours: after which the platform itself ends what runs.
    """

    name: str
    codes: str
    boot_file: str
    data: str
    root: str
    parameters: tuple[tuple[str, str], ...]
    train_image: str
    train_flavor: str
    serve_image: str
    serve_flavor: str
    serve_variables: tuple[tuple[str, str], ...]
    picture: str
    last_step: str
    nodes: int
    job_hours: int
    service_hours: int
    pool_id: str
    command: str

    @property
    def steps(self) -> tuple[str, ...]:
        """Those of STEPS that are to be taken."""
        return STEPS[: STEPS.index(self.last_step) + 1]

    @property
    def codes_url(self) -> str:
        """Where the platform takes the code from."""
        return _folder_url(self.codes, self.root + CODES_FOLDER)

    @property
    def data_url(self) -> str:
        """Where the platform takes the data from."""
        return _folder_url(self.data, self.root + DATA_FOLDER)

    @property
    def logs_url(self) -> str:
        """Where the platform puts the logs of jobs."""
        return f"{self.root}{LOGS_FOLDER}/"

    def output_url(self, label: str) -> str:
        """Where the results of the job of that name go."""
        return f"{self.root}{OUTPUT_FOLDER}/{label}/"

    def as_json(self) -> dict[str, Any]:
        """Return the members as a state file keeps them."""
        pairs = {name: [list(pair) for pair in getattr(self, name)] for name in ("parameters", "serve_variables")}
        return {**self._asdict(), **pairs}


def refuse_missing(settings: SubmitSettings, region: str | None, project_id: str | None) -> None:
    """Raise CommandLineError that names everything that is still to be given, and not the first of it alone."""
    missing = [
        f"{flag} is missing; {remedy}"
        for flag, value, remedy in (
            ("--region", region, f"give it, or set {REGION_VARIABLE}, to one such as cn-north-4."),
            (
                "--project",
                project_id,
                f"give it, or set {PROJECT_VARIABLE}: the ID beside the region in My Credentials.",
            ),
            ("--name", settings.name, "give the submission one, by which it is shown and cleaned up later."),
            ("--to", settings.root, "give a folder in a bucket, such as obs://my-bucket/caltech/."),
        )
        if not value
    ]
    for step, flag, value in (
        (TRAIN, "--train-image", settings.train_image),
        (TRAIN, "--train-flavor", settings.train_flavor),
        (IMPORT, "--serve-image", settings.serve_image),
        (DEPLOY, "--serve-flavor", settings.serve_flavor),
        (PREDICT, "--image", settings.picture),
    ):
        if step in settings.steps and not value:
            before = STEPS[STEPS.index(step) - 1]
            missing.append(f"{flag} is missing; give it, or end before with --until {before}.")
    if missing:
        raise CommandLineError("\n  ".join([f"{len(missing)} settings are missing:"] * (len(missing) > 1) + missing))


def checked(settings: SubmitSettings) -> SubmitSettings:
    """Return the settings. Raises CommandLineError for what the platform cannot be told, or would refuse."""
    if not _NAME.fullmatch(settings.name):
        raise CommandLineError(
            f"--name={settings.name!r}: the platform takes a letter, then 0-9 A-Z a-z _ and -, {_MAX_NAME} in all; "
            f"{LABEL_DIGITS + 1} more are added."
        )
    parts = urlsplit(settings.root)
    if parts.scheme != "s3" or not parts.netloc:
        raise CommandLineError(f"--to={settings.root}: give a folder in a bucket, such as obs://my-bucket/caltech/.")
    if any(char.isspace() for char in settings.root):
        # contract 2.1: no spaces in the path of a package
        raise CommandLineError(f"--to={settings.root!r} holds a space; the platform imports no model from there.")
    _check_numbers(settings)
    return settings


def _check_numbers(settings: SubmitSettings) -> None:
    if settings.service_hours > MAX_STOP_HOURS:
        raise CommandLineError(f"--service-hours={settings.service_hours}: the platform takes 1 to {MAX_STOP_HOURS}.")
    for name, _ in settings.serve_variables:
        if is_secret(name):
            # the API's own page warns of it: whoever may see the service reads them
            raise CommandLineError(
                f"--serve-env {name}=... is likely a key; the platform shows variables to everybody."
            )
    seen = set()
    for name, _ in settings.parameters:
        if name in ("data_url", "train_url"):
            raise CommandLineError(f"--param {name}=... is set by the platform. Use --data and --to.")
        if name in seen:
            raise CommandLineError(f"--param {name}=... is given twice. Give it once.")
        seen.add(name)


def platform_from(region: str, project_id: str, endpoint: str | None, environ: Mapping[str, str]) -> Platform:
    """Return where the platform is. endpoint: None for the region's own. Raises CommandLineError."""
    for flag, value in (("--region", region), ("--project", project_id)):
        if not _WORD.fullmatch(value):
            raise CommandLineError(f"{flag}={value!r} holds characters that no region and no project has.")
    url = (endpoint or f"https://modelarts.{region}.myhuaweicloud.com").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise CommandLineError(f"--endpoint={url!r}: give the address of the API, as in https://HOST.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise CommandLineError(f"--endpoint={url!r}: over http:// nobody knows who answers. Use https://.")
    return Platform(url, region, project_id, _obs_host(environ) or f"obs.{region}.myhuaweicloud.com")


def _obs_host(environ: Mapping[str, str]) -> str:
    """Return the host of the storage that the environment names, where the platform could reach it, too."""
    endpoint = next((environ[name] for name in STORAGE_VARIABLES if environ.get(name)), "")
    host = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}").hostname or ""
    return "" if host in _LOOPBACK or not re.search("[a-z]", host) else host


def folder_url(text: str) -> str:
    """Return s3://bucket/key/ of an s3:// or obs:// URL; any other text as it is."""
    if text.startswith("obs://"):
        text = f"s3://{text[len('obs://') :]}"
    return f"{text.rstrip('/')}/" if text.startswith("s3://") else text


def is_url(text: str) -> bool:
    """Tell whether a place lies in a bucket already."""
    return text.startswith("s3://")


def bucket_path(url: str) -> str:
    """Return /bucket/key/, the form in which the API takes places (contract 5.1), of an s3:// URL."""
    return url[len("s3:/") :]


def _folder_url(place: str, uploaded: str) -> str:
    return place if is_url(place) else posixpath.join(uploaded, "")
