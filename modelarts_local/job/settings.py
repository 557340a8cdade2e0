"""What a user asks of `train`, checked and brought into one form; nothing is looked up here."""

from __future__ import annotations

import os
import posixpath
from typing import Iterable, NamedTuple

from ..errors import CommandLineError, JobRefused
from ..platform_rules import LIMITS
from . import names, places

PLATFORM_PARAMETERS = ("data_url", "train_url", "num_gpus")
_BOOT_ENDINGS = (".py", ".pyc")


class JobSettings(NamedTuple):
    """One job as it was asked for.

    boot_file: relative to the code folder, with forward slashes. code_url, data_url, train_url, log_url: places as
    places.folder_place returns them. parameters, variables: (name, value) in the order given.
    version: a version folder to go on in, None for the next free one. max_run_time_s: None without a limit.
    """

    name: str
    description: str
    contract: str
    engine: str
    code_url: str
    boot_file: str
    data_url: str
    train_url: str
    log_url: str | None
    parameters: tuple[tuple[str, str], ...]
    variables: tuple[tuple[str, str], ...]
    gpus: int
    nodes: int
    servers: int
    version: str | None
    upload_interval_s: int
    max_run_time_s: int | None
    retries: int
    predownload: bool

    @property
    def code_name(self) -> str:
        """Name of the code folder, all that survives of its path (contract 1.2)."""
        return places.last_component(self.code_url)

    @property
    def boot_path(self) -> str:
        """The boot file as it is started: codes/train.py, relative to user-job-dir."""
        return f"{self.code_name}/{self.boot_file}"


def checked(settings: JobSettings) -> list[str]:
    """Return warnings about what the platform advises against.

    Raises CommandLineError for what it cannot be told, JobRefused for what it would refuse.
    """
    warnings = names.check_job_name(settings.name)
    names.check_description(settings.description)
    if not settings.code_name:
        raise CommandLineError(f"--code-dir={settings.code_url} is a whole bucket or disk; name the folder in it.")
    if settings.code_name in (".", "..") or settings.code_name.startswith("-"):
        # such a name would leave user-job-dir, or be an option of Python
        raise CommandLineError(f"--code-dir: no program is started from a folder called {settings.code_name!r}.")
    if not settings.boot_file.endswith(_BOOT_ENDINGS):
        raise CommandLineError(f"--boot-file={settings.boot_file} is no .py file; the platform starts no other.")
    if settings.data_url == settings.train_url:
        # contract 1.1: the output path must not be the dataset folder
        raise JobRefused(
            f"--train-url is the data folder, {settings.data_url}. Give the results a folder of their own."
        )
    _check_numbers(settings)
    _check_parameters(settings.parameters)
    return warnings


def _check_numbers(settings: JobSettings) -> None:
    if settings.nodes < LIMITS["node-count"].first:
        raise CommandLineError(f"--nodes={settings.nodes}: a job has at least {LIMITS['node-count'].first} node.")
    if settings.servers < 1:
        raise CommandLineError(f"--servers={settings.servers}: a distributed job has at least 1 parameter server.")
    if settings.gpus < 0:
        raise CommandLineError(f"--gpus={settings.gpus}: give 0 for a CPU flavour, or the number of GPUs.")
    if not 0 <= settings.retries <= LIMITS["job-retries"].newest:
        raise CommandLineError(
            f"--retries={settings.retries}: the platform restarts a job 0 to {LIMITS['job-retries'].newest} times."
        )
    if len(settings.variables) > LIMITS["job-environments"].newest:
        raise CommandLineError(
            f"--env is given {len(settings.variables)} times; the platform takes "
            f"{LIMITS['job-environments'].newest} variables."
        )
    if settings.contract == "v1":
        for flag, given in (
            ("--retries", settings.retries),
            ("--predownload", settings.predownload),
            ("--env", settings.variables),
        ):
            if given:
                raise CommandLineError(f"{flag} is of v2 jobs; v1 has no such setting. Add --contract v2, or leave it.")
    elif settings.version is not None:
        raise CommandLineError(
            "--train-version is of v1 jobs; v2 writes to --train-url itself. Add --predownload to go on there."
        )


def _check_parameters(parameters: Iterable[tuple[str, str]]) -> None:
    seen: set[str] = set()
    for name, _ in parameters:
        if name in PLATFORM_PARAMETERS:
            flag = {"num_gpus": "--gpus"}.get(name, f"--{name.replace('_', '-')}")
            raise CommandLineError(f"--param {name}=... is set by the platform. Use {flag}.")
        if name in seen:
            raise CommandLineError(f"--param {name}=... is given twice. Give it once.")
        seen.add(name)


def boot_file_in(code_url: str, code_as_given: str, boot_file: str) -> str:
    """Return the boot file's path relative to the code folder.

    code_url: the code folder as a place. code_as_given: as the user wrote it.
    boot_file: relative to the code folder or to the folder above it, or the path or URL of the file.

    Raises CommandLineError when it lies outside the code folder.
    """
    text = boot_file.replace("obs://", "s3://", 1) if boot_file.startswith("obs://") else boot_file
    name = places.last_component(code_url)
    prefixes = (code_url, code_as_given.rstrip("/") + "/", name + "/")
    inside = next((text[len(prefix) :] for prefix in prefixes if text.startswith(prefix)), text)
    inside = posixpath.normpath(inside)
    if os.path.isabs(inside) or "://" in boot_file and inside == posixpath.normpath(text) or inside.startswith(".."):
        # contract 1.2: the boot file lies inside the code directory
        raise CommandLineError(f"--boot-file={boot_file} is not inside --code-dir={code_as_given}.")
    return inside
