"""What others may use says what it does."""

from __future__ import annotations

import ast
import re
from typing import Iterator, Union

import pytest

from tests.static.sources import Source, as_source, findings, python_sources

DOCUMENTED = ("codes", "obs_layout", "modelarts_local", "demo", "benchmarks")
MIN_LENGTH = 15
FILLERS = {"a", "an", "the", "this", "of", "class", "function", "method"}

Definition = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef]
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def public_definitions(parent: ast.AST) -> Iterator[Definition]:
    """Functions and classes of a module, and the methods of its public classes, without a leading underscore."""
    for node in getattr(parent, "body", []):
        if isinstance(node, DEFINITIONS) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node)


def missing_docstrings(source: Source) -> Iterator[str]:
    """Public definitions without a docstring, or with one that only repeats the name."""
    for definition in public_definitions(source.tree):
        docstring = ast.get_docstring(definition) or ""
        words = set(re.findall(r"\w+", docstring.lower())) - FILLERS
        if len(docstring) < MIN_LENGTH or words <= _words_of(definition.name):
            yield f"{definition.lineno}: {definition.name} {docstring!r}"


def _words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name)}


def test_every_public_function_class_and_method_has_a_docstring() -> None:
    assert findings(python_sources(*DOCUMENTED), missing_docstrings) == []


@pytest.mark.parametrize(
    "text",
    [
        "def pack(): pass",
        "async def pack(): pass",
        "class Pack: pass",
        "def pack():\n    'Packs it.'",
        "def read_record_file():\n    'Read the record file.'",
        "class Pack:\n    'Holds one image.'\n    def write(self): pass",
        "class RecordReader:\n    'A record reader class.'",
    ],
)
def test_a_docstring_that_is_missing_or_says_nothing_is_found(text: str) -> None:
    assert len(list(missing_docstrings(as_source(text)))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def _pack(): pass",
        "class _Pack:\n    def write(self): pass",
        "def pack():\n    'Write all images.'\n    def inner(): pass",
        "class Pack:\n    'Holds one image.'\n    def __init__(self): pass",
    ],
)
def test_what_is_private_needs_no_docstring(text: str) -> None:
    assert list(missing_docstrings(as_source(text))) == []
