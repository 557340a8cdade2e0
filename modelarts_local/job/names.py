"""What jobs, versions and the files of a job are called (contract 1.6, 1.8, 1.10)."""

from __future__ import annotations

import re
import uuid
from pathlib import PurePosixPath
from typing import Iterable

from ..errors import CommandLineError
from ..platform_rules import LIMITS

VARIABLE_FLAGS = ("--env", "--serve-env")  # what they take becomes a variable of an environment
_NAME = re.compile(r"[0-9A-Za-z_-]+")
_PARAMETER = re.compile(r"[A-Za-z][0-9A-Za-z_.-]*")
_VARIABLE = re.compile(r"[A-Za-z_][0-9A-Za-z_]*")
_VERSION_DIGITS: int = LIMITS["version-digits"].first
_VERSION = re.compile(rf"V(\d{{{_VERSION_DIGITS}}})")
_SECRET = re.compile(r"key|secret|token|passw|credential|(?<![a-z])(ak|sk)(?![a-z])", re.IGNORECASE)


def new_job_id() -> str:
    """Return an id that no other job has, of the form seen in logs: job10ec3221."""
    return f"job{uuid.uuid4().hex[:8]}"


def check_job_name(name: str) -> list[str]:
    """Return warnings about a name that only today's platform takes.

    Raises CommandLineError when no platform takes it.
    """
    limit = LIMITS["job-name"]
    if not _NAME.fullmatch(name) or len(name) > limit.newest:
        raise CommandLineError(
            f"--name={name!r}: the platform takes 1 to {limit.newest} of the characters 0-9 A-Z a-z _ and -."
        )
    if len(name) > limit.first:
        return [f"the job's name has {len(name)} characters; the platform of 2019 took {limit.first}"]
    return []


def default_job_name(boot_file: str) -> str:
    """Return a name that every platform takes, made from the boot file's."""
    stem = re.sub(r"[^0-9A-Za-z_-]", "_", PurePosixPath(boot_file).stem)
    return stem[: LIMITS["job-name"].first] or "job"


def check_description(text: str) -> str:
    """Return the description. Raises CommandLineError when it is longer than the platform takes."""
    limit = LIMITS["job-description"].first
    if len(text) > limit:
        raise CommandLineError(f"--description has {len(text)} characters; the platform takes {limit}. Shorten it.")
    return text


def split_parameter(flag: str, text: str) -> tuple[str, str]:
    """Return (name, value) of NAME=VALUE; the value may be empty and hold anything but NUL.

    Raises CommandLineError when there is no = or the name is none.
    """
    name, separator, value = text.partition("=")
    is_variable = flag in VARIABLE_FLAGS
    pattern, example = (_VARIABLE, "PS_VERBOSE=2") if is_variable else (_PARAMETER, "num_epochs=3")
    if not separator or not pattern.fullmatch(name) or "\0" in value:
        shown = f"{name}=..." if separator else text
        raise CommandLineError(f"{flag} {shown!r} is not NAME=VALUE; write it without dashes, as in {flag} {example}.")
    return name, value


def is_version(name: str) -> bool:
    """Tell whether `name` is one of a version folder: V0001 to V9999."""
    found = _VERSION.fullmatch(name)
    return bool(found and int(found.group(1)))


def next_version(names: Iterable[str]) -> str:
    """Return the version folder that comes after the highest of `names`; other names do not count.

    Whether the platform's first run writes to V0001 or beside it is not established (contract 9); here it is V0001.

    Raises CommandLineError after V9999.
    """
    highest = max((int(name[1:]) for name in names if is_version(name)), default=0)
    if highest + 1 >= 10**_VERSION_DIGITS:
        raise CommandLineError(f"--train-url holds V{highest}, the last version there can be. Give another folder.")
    return f"V{highest + 1:0{_VERSION_DIGITS}}"


def log_name(contract: str, job_name: str, job_id: str, node: int) -> str:
    """Return the name of a node's log file, as the platform calls it in the job-log folder."""
    if contract == "v1":
        return f"{job_name}.{node}"
    return f"modelarts-job-{job_id[len('job') :]}-worker-{node}.log"


def is_secret(name: str) -> bool:
    """Tell whether a variable or parameter of this name is likely to hold a key; its value is never shown."""
    return bool(_SECRET.search(name))


def masked(argument: str) -> str:
    """Return --name=value with the value hidden where it is likely a key."""
    name, separator, _ = argument.partition("=")
    return f"{name}=***" if separator and is_secret(name) else argument
