"""config.json as strictly as the platform reads it, with the line of every member."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, Tuple, Union

MAX_DEPTH = 64  # chosen: a description of an api has about ten levels
_MAX_DIGITS = 400  # of an integer: Python before 3.11 takes long to read one of a million

Path = Tuple[Union[str, int], ...]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


class BrokenConfig(ValueError):
    """The text is no JSON; the message is a clause. line: where, from 1 on; remedy: a sentence."""

    def __init__(self, message: str, line: int, remedy: str = "Repair the line.") -> None:
        super().__init__(message)
        self.line = line
        self.remedy = remedy


class WrittenNumber(float):
    """A number with a fraction that remembers how it was written. text: as it stands in the file."""

    text: str = ""


class ConfigText(NamedTuple):
    """A parsed config.json.

    value: what it holds. lines: line of each member by its path. duplicates: paths that an object names twice.
    """

    value: Any
    lines: dict[Path, int]
    duplicates: list[Path]

    def line(self, *path: str | int) -> int | None:
        """Return the line of a member, or of the nearest one around it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None

    def get(self, *path: str | int) -> Any:
        """Return the member at `path`; None where there is none."""
        value = self.value
        for step in path:
            try:
                value = value[step]  # a list wants a number, an object a name that it has
            except (LookupError, TypeError):
                return None
        return value


def parse_config(text: str) -> ConfigText:
    """Return what `text` holds.

    Raises BrokenConfig for what is no JSON in the standard's own sense, NaN included, and for more than MAX_DEPTH
    levels.
    """
    try:
        scanner = _Scanner()
        scanner.read(text)
        value = json.loads(text, parse_float=_number, parse_int=_integer, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _broken(error) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, BrokenConfig):
            raise
        raise BrokenConfig(str(error), 1) from error
    return ConfigText(value, scanner.lines, scanner.duplicates)


def _broken(error: json.JSONDecodeError) -> BrokenConfig:
    """Return what json says, at the place that a person repairs: json tells where it came to miss a comma."""
    before = error.doc[: error.pos].rstrip()
    if error.msg != "Expecting ',' delimiter" or not before:
        return BrokenConfig(f"{error.msg} at column {error.colno}", error.lineno)
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
    following = error.doc[error.pos : error.pos + 1]
    if not following:
        return BrokenConfig(
            "it ends before all its brackets are closed", line, "Close them, or export the model again."
        )
    if following in "]}":
        found = f"{following} closes what another bracket has opened, at column {error.colno}"
        return BrokenConfig(found, error.lineno, "Close each bracket with its own kind: { with }, [ with ].")
    where = "at the end of the line" if line < error.lineno else f"after column {column}"
    return BrokenConfig(f"a comma is missing {where}", line, f"Write a comma {where}.")


def _number(text: str) -> float:
    number = WrittenNumber(text)
    number.text = text
    return number


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


class _Open(NamedTuple):
    """An object or a list that is not closed yet. keys: names that an object had so far."""

    is_object: bool
    keys: set[str]


class _Scanner:
    """Notes the line of every member by its path, and the paths that stand twice, of a text that may be no JSON."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {(): 1}
        self.duplicates: list[Path] = []
        self._open: list[_Open] = []
        self._steps: list[str | int] = []  # the last member of each that is open
        self._expects_key = False

    def read(self, text: str) -> None:
        """Note all of `text`; raises BrokenConfig below MAX_DEPTH levels."""
        line, end = 1, 0
        for token in _TOKEN.finditer(text):
            line += text.count("\n", end, token.start())
            end = token.start()
            self._take(token.group(), line)

    def _take(self, word: str, line: int) -> None:
        if word in "}]":
            del self._open[-1:], self._steps[-1:]
            self._expects_key = False
        elif word == ",":
            self._expects_key = bool(self._open) and self._open[-1].is_object
            if self._open and not self._expects_key:
                self._steps[-1] = int(self._steps[-1]) + 1
        elif word == ":":
            self._expects_key = False
        elif self._expects_key:
            self._take_key(_key_of(word), line)
        else:
            self.lines.setdefault(tuple(self._steps), line)
            if word in "{[":
                self._enter(word == "{", line)

    def _take_key(self, key: str, line: int) -> None:
        self._steps[-1] = key
        if key in self._open[-1].keys:
            self.duplicates.append(tuple(self._steps))
        self._open[-1].keys.add(key)
        self.lines[tuple(self._steps)] = line

    def _enter(self, is_object: bool, line: int) -> None:
        if len(self._open) == MAX_DEPTH:
            raise BrokenConfig(f"it is nested deeper than {MAX_DEPTH} levels", line)
        self._open.append(_Open(is_object, set()))
        self._steps.append("" if is_object else 0)
        self._expects_key = is_object


def _key_of(word: str) -> str:
    try:
        return str(json.loads(word))
    except ValueError:
        return word
