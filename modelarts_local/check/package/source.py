"""The Python files of a package, parsed as the runtimes that may run them do."""

from __future__ import annotations

import ast
import re
import warnings
from typing import NamedTuple

from ...package.model_package import SERVICE_FILE
from ..python_versions import PLATFORM_PYTHON
from .files import PackageFiles, Unreadable

PYTHON2 = "python2.7"
MAX_SOURCE_CHARACTERS = 512 * 1024  # chosen: its tree takes a hundred times as much memory
MAX_SOURCES = 500
# The default until 2021, and since: what states none meets both (contract 3.6)
DEFAULT_RUNTIMES = (PYTHON2, "python3.6")
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
# What Python 3 says of code that Python 2 takes
_ONLY_PYTHON2 = re.compile(
    r"Missing parentheses in call to|leading zeros in decimal|multiple exception types must be parenthesized|"
    r"inconsistent use of tabs|invalid (?:decimal|hexadecimal|octal) literal|invalid token|unexpected token '<>'"
)


class Source(NamedTuple):
    """A parsed file. name: its path in model/."""

    name: str
    text: str
    tree: ast.Module


class Unparsed(NamedTuple):
    """A file that Python 3.6 does not parse. line: None where all of it is meant; is_python2: Python 2 takes it."""

    name: str
    line: int | None
    reason: str
    is_python2: bool = False


def read_sources(files: PackageFiles) -> tuple[list[Source], list[Unparsed]]:
    """Return the package's Python files, the handler first, and those that Python 3.6 does not parse."""
    sources, unparsed = [], []
    for name in files.sources()[:MAX_SOURCES]:
        try:
            text = files.read_text(name)
            if len(text) > MAX_SOURCE_CHARACTERS:
                raise Unreadable(f"it has {len(text)} characters, and is not looked at")
            sources.append(Source(name, text, parse(text)))
        except Unreadable as error:
            unparsed.append(Unparsed(name, None, str(error)))
        except SyntaxError as error:
            unparsed.append(Unparsed(name, error.lineno, str(error.msg), bool(_ONLY_PYTHON2.search(str(error.msg)))))
        except (ValueError, RecursionError, MemoryError) as error:
            unparsed.append(Unparsed(name, None, f"it cannot be parsed: {str(error) or type(error).__name__}"))
    return sources, unparsed


def parse(text: str) -> ast.Module:
    """Return the tree of `text` as Python 3.6 has it; raises what ast.parse does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an escape that a later Python announces the end of
        return ast.parse(text.lstrip("\ufeff"), feature_version=PLATFORM_PYTHON)


def runtimes_of(runtime: str | None) -> tuple[str, ...]:
    """Return the runtimes that the code must be fit for, from what config.json states."""
    return (runtime,) if runtime in (PYTHON2, "python3.6", "python3.7") and runtime else DEFAULT_RUNTIMES


def the_handler(sources: list[Source]) -> Source | None:
    """Return customize_service.py among `sources`; None when it is not there or not parsed."""
    return next((source for source in sources if source.name == SERVICE_FILE), None)


def coding_of(text: str) -> str | None:
    """Return the encoding that a file declares in its first two lines; None when it declares none."""
    found = (_CODING.match(line) for line in text.splitlines()[:2])
    return next((match.group(1) for match in found if match), None)
