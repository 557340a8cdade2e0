"""What a request proves who sent it with, and where both sides of it look for their secrets (contract 4.2)."""

from __future__ import annotations

import argparse
from typing import Mapping, NamedTuple, Sequence

from .errors import CommandLineError
from .signing import Keys

METHODS = ("token", "appcode", "aksk")
NONE = "none"

# The keys lie where the platform's own SDK looks for them; the third goes with temporary ones
VARIABLES: Mapping[str, tuple[str, ...]] = {
    "token": ("MODELARTS_TOKEN",),
    "appcode": ("MODELARTS_APP_CODE",),
    "aksk": ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"),
}
TEMPORARY_KEYS_VARIABLE = "HUAWEICLOUD_SDK_SECURITY_TOKEN"


class Secrets(NamedTuple):
    """A secret for each of METHODS, None where there is none."""

    token: str | None = None
    app_code: str | None = None
    keys: Keys | None = None


def authentication_methods(text: str) -> tuple[str, ...]:
    """Return the METHODS of a comma list, none for "none"; argparse shows the error."""
    names = () if text == NONE else tuple(text.split(","))
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no way to authenticate; give {', '.join(METHODS)} or none")
    return names


def secrets_from_environment(methods: Sequence[str], environ: Mapping[str, str]) -> Secrets:
    """Return the secrets of the methods that are wanted.

    Raises CommandLineError when the variable of one is missing or empty.
    """
    token, app_code, keys = (_values_of(method, environ) if method in methods else () for method in METHODS)
    return Secrets(token[0] if token else None, app_code[0] if app_code else None, Keys(*keys) if keys else None)


def _values_of(method: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    values = tuple(environ.get(name, "") for name in VARIABLES[method])
    if not all(values):
        missing = " and ".join(name for name, value in zip(VARIABLES[method], values) if not value)
        raise CommandLineError(f"--auth={method} needs {missing} in the environment; set what clients must know.")
    return values
