"""A file fits in the head and a function on the screen."""

from __future__ import annotations

import ast
from typing import Iterator

from tests.static.sources import Source, as_source, findings, nodes, python_sources

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def long_files(source: Source) -> Iterator[str]:
    """Files above MAX_FILE_LINES."""
    count = len(source.text.splitlines())
    if count > MAX_FILE_LINES:
        yield f"1: {count} lines"


def long_functions(source: Source) -> Iterator[str]:
    """Functions above MAX_FUNCTION_LINES, docstring included."""
    for function in (*nodes(source, ast.FunctionDef), *nodes(source, ast.AsyncFunctionDef)):
        count = (function.end_lineno or 0) - function.lineno + 1
        if count > MAX_FUNCTION_LINES:
            yield f"{function.lineno}: {function.name} has {count} lines"


def test_no_file_is_longer_than_400_lines() -> None:
    assert findings(python_sources(), long_files) == []


def test_no_function_is_longer_than_60_lines() -> None:
    assert findings(python_sources(), long_functions) == []


def test_a_file_of_401_lines_is_found_and_one_of_400_is_not() -> None:
    assert list(long_files(as_source("x = 1\n" * 401))) == ["1: 401 lines"]
    assert list(long_files(as_source("x = 1\n" * 400))) == []


def test_a_function_of_61_lines_is_found_and_one_of_60_is_not() -> None:
    assert list(long_functions(as_source("def f():\n" + "    x = 1\n" * 60))) == ["1: f has 61 lines"]
    assert list(long_functions(as_source("def f():\n" + "    x = 1\n" * 59))) == []
    nested = "class A:\n    async def f(self):\n" + "        x = 1\n" * 60
    assert list(long_functions(as_source(nested))) == ["2: f has 61 lines"]
