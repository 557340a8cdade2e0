"""N1: what one types into the import form."""

from __future__ import annotations

import re
from typing import Iterator

from ...platform_rules import LIMITS
from ..findings import Finding, quoted
from ..rules import finding

# The strictest of the documented forms: another page of 2019 allows 64 characters and any first one (contract 2.2)
_NAME = re.compile(r"[A-Za-z\u4e00-\u9fff][A-Za-z0-9\u4e00-\u9fff_-]*")
_VERSION = re.compile(r"(0|[1-9]\d?)(\.(0|[1-9]\d?)){2}")
FORBIDDEN = "&!'\"<>="


def check_names(name: str | None, version: str | None, description: str | None) -> Iterator[Finding]:
    """Yield what the import form would refuse; None is what was not given."""
    most = LIMITS["model-name"].strictest
    if name is not None and not (_NAME.fullmatch(name) and len(name) <= most):
        expected = f"at most {most} letters, Chinese characters, digits, - and _, beginning with a letter"
        yield _amiss("model name", quoted(name), expected, "Choose another name.")
    if version is not None and not _VERSION.fullmatch(version):
        expected = "three numbers of one or two digits without leading zero, such as 0.0.1"
        yield _amiss("model version", quoted(version), expected, "Write it as N.N.N.")
    if description is not None:
        longest = LIMITS["model-description"].strictest
        expected = f"at most {longest} characters, none of {' '.join(FORBIDDEN)}"
        if len(description) > longest:
            yield _amiss("model description", f"{len(description)} characters", expected, "Shorten it.")
        elif set(description) & set(FORBIDDEN):
            yield _amiss("model description", quoted(description), expected, "Leave these characters out.")


def _amiss(field: str, found: str, expected: str, remedy: str) -> Finding:
    return finding("N1", field, None, found, expected, remedy)
