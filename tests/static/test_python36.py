"""What the engine's own Python 3.6 runs keeps to what that has, which lacks much that is in daily use since."""

from __future__ import annotations

import ast
import io
import subprocess
import tokenize
from pathlib import Path
from typing import Iterator

import pytest

from tests.static.imports import imports_of
from tests.static.sources import (
    PYTHON36_FOLDERS,
    ROOT,
    Source,
    as_source,
    dotted,
    files_below,
    findings,
    nodes,
    python_sources,
)

NEWER_NAMES = {
    "dataclasses",
    "importlib.resources",
    "importlib.metadata",
    "contextlib.nullcontext",
    "functools.cached_property",
    "functools.cache",
    "math.prod",
    "math.dist",
    "shlex.join",
    "time.time_ns",
    "asyncio.run",
    "http.server.ThreadingHTTPServer",
    "__future__.annotations",
}
NEWER_METHODS = {"removeprefix", "removesuffix"}
NEWER_ARGUMENTS = {
    **dict.fromkeys(("run", "Popen", "call", "check_call", "check_output"), {"text", "capture_output"}),
    "copytree": {"dirs_exist_ok"},
    "unlink": {"missing_ok"},
}


def newer_than_36(source: Source) -> Iterator[str]:
    """What Python 3.6 does not know: `line: what`."""
    try:
        ast.parse(source.text, feature_version=(3, 6))
    except SyntaxError as error:
        yield f"{error.lineno}: {error.msg}"
        return
    yield from _syntax_that_slips_through(source)
    for imported in imports_of(source):
        if {imported.module, imported.full} & NEWER_NAMES:
            yield f"{imported.line}: {imported.full}"
    for attribute in nodes(source, ast.Attribute):
        if dotted(attribute) in NEWER_NAMES or attribute.attr in NEWER_METHODS:
            yield f"{attribute.lineno}: {dotted(attribute) or attribute.attr}"
    for call in nodes(source, ast.Call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        for keyword in call.keywords:
            if keyword.arg in NEWER_ARGUMENTS.get(name, ()):
                yield f"{call.lineno}: {name}({keyword.arg}=)"


def _syntax_that_slips_through(source: Source) -> Iterator[str]:
    # Python 3.8 parses these two whatever the feature version says
    for walrus in nodes(source, ast.NamedExpr):
        yield f"{walrus.lineno}: :="
    for arguments in nodes(source, ast.arguments):
        for argument in arguments.posonlyargs:
            yield f"{argument.lineno}: positional-only {argument.arg}"
    # From 3.12 on an f-string is parsed as a part of the file and the feature version no longer counts in it
    tokens = list(tokenize.generate_tokens(io.StringIO(source.text).readline))
    for token, following in zip(tokens, tokens[1:]):
        if token.string == "=" and following.string in ("}", "!", ":"):
            yield f"{token.start[0]}: f-string with {{name=}}"


def test_what_the_engine_runs_uses_nothing_that_python_36_lacks() -> None:
    assert findings(python_sources(*PYTHON36_FOLDERS), newer_than_36) == []


@pytest.mark.parametrize(
    "text",
    [
        "if (n := 3): pass",
        "def f(a, /): pass",
        "from __future__ import annotations",
        "f'{x=}'",
        "import subprocess\nsubprocess.run(['a'], capture_output=True)",
        "from subprocess import Popen\nPopen(['a'], text=True)",
        "import subprocess\nsubprocess.check_output(['a'], text=True)",
        "import shutil\nshutil.copytree('a', 'b', dirs_exist_ok=True)",
        "from contextlib import nullcontext",
        "import contextlib\ncontextlib.nullcontext()",
        "import dataclasses",
        "from dataclasses import dataclass",
        "from importlib import resources",
        "import importlib.resources",
        "from http.server import ThreadingHTTPServer",
        "import functools\nclass A:\n    @functools.cached_property\n    def f(self): pass",
        "from math import prod",
        "import math\nmath.prod([])",
        "''.removeprefix('a')",
        "name.text.removesuffix('a')",
    ],
)
def test_a_construct_that_python_36_lacks_is_found(text: str) -> None:
    assert list(newer_than_36(as_source(text))) != []


@pytest.mark.parametrize(
    "text",
    ["f'x={x}'", "f'x={x!r}, {y:>3}'", "a: int = 1", "numpy.prod([1])", "record.text = label(text='a')", "x = 1_000"],
)
def test_what_python_36_knows_passes(text: str) -> None:
    assert list(newer_than_36(as_source(text))) == []


COMPILE = """
import sys
for path in sys.argv[1:]:
    with open(path, encoding='utf-8') as source:
        try:
            compile(source.read(), path, 'exec')
        except SyntaxError as error:
            print('%s:%s: %s' % (path, error.lineno, error.msg))
"""


def compile_with(python: str, *paths: Path) -> str:
    """Compile files without writing anything; returns one line for each that does not compile."""
    done = subprocess.run(
        [python, "-c", COMPILE, *map(str, paths)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parity
def test_python_36_itself_compiles_all_that_it_runs(parity_python: str) -> None:
    paths = [path for folder in PYTHON36_FOLDERS for path in files_below(ROOT / folder) if path.suffix == ".py"]
    assert len(paths) > 20
    assert compile_with(parity_python, *paths) == ""


@pytest.mark.parity
def test_python_36_refuses_what_came_later(parity_python: str, tmp_path: Path) -> None:
    (tmp_path / "newer.py").write_text("if (n := 3): pass\n")
    assert compile_with(parity_python, tmp_path / "newer.py") == f"{tmp_path / 'newer.py'}:1: invalid syntax\n"
