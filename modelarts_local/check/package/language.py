"""S9: service code that its runtime does not run: Python 2 and 3 mixed up, or a Python newer than the engine's."""

from __future__ import annotations

import ast
import itertools
from typing import Iterator, NamedTuple

from ...platform_rules import CODE_HANDLER_FAILED
from ..findings import Finding
from ..python_versions import PYTHON2_METHODS, PYTHON2_MODULES, PYTHON2_NAMES, is_view, newer_syntax, uses_as_list
from ..rules import finding
from ..syntax import FUNCTIONS, bound_names, dotted, guarded_by, imports_of, nodes_of
from .files import PackageFiles
from .source import PYTHON2, Source, Unparsed, coding_of, runtimes_of


class Trap(NamedTuple):
    """One place that a runtime does not run. fails_on: its Python's first number, 2 or 3."""

    line: int
    fails_on: str
    what: str
    remedy: str


def check_python(
    sources: list[Source], unparsed: list[Unparsed], runtime: str | None, files: PackageFiles
) -> Iterator[Finding]:
    """Yield what the stated runtime does not run, or either of the two defaults where none is stated.

    A file has one finding for each Python: the first place says what the others are like.
    """
    targets = runtimes_of(runtime)
    expected = f"code that {' and '.join(targets)} run{'s' if len(targets) == 1 else ''}"
    for broken in unparsed:
        if not (broken.is_python2 and targets == (PYTHON2,)):
            remedy = "Repair the line; the file must parse on the runtime." if broken.line else "Write it anew."
            yield finding("S9", files.place(broken.name), broken.line, broken.reason, expected, remedy)
    for source in sources:
        traps = sorted(itertools.chain(_python3_traps(source), _python2_traps(source), _newer_python(source)))
        for target in targets:
            for trap in [trap for trap in traps if trap.fails_on == target[len("python")]][:1]:
                found = f"{trap.what}; {target} does not run it"
                yield finding(
                    "S9", files.place(source.name), trap.line, found, expected, trap.remedy, CODE_HANDLER_FAILED
                )


def _python3_traps(source: Source) -> Iterator[Trap]:
    """Yield what runs on Python 2 only."""
    yield from _lists_that_are_none(source)
    excused = guarded_by(source.tree, {"NameError", "Exception", ""})
    bound = bound_names(source.tree)
    for node in nodes_of(source.tree):
        if isinstance(node, ast.Name) and node.id in PYTHON2_NAMES and node.id not in bound:
            if id(node) not in excused:
                yield Trap(node.lineno, "3", f"{node.id} is a name of Python 2", "Use the name of Python 3.")
        elif isinstance(node, ast.Attribute) and node.attr in PYTHON2_METHODS:
            yield Trap(node.lineno, "3", f".{node.attr} is a method of Python 2", "Use the method of Python 3.")
    for imported in imports_of(source.tree):
        if imported.level == 0 and imported.top in PYTHON2_MODULES and not imported.guarded:
            yield Trap(imported.line, "3", f"{imported.top} is a module of Python 2", "Import the module of Python 3.")


def _lists_that_are_none(source: Source) -> Iterator[Trap]:
    """Yield where the result of map() and its kin is taken for a list."""
    for use in uses_as_list(source.tree):
        name = dotted(use.call.func)
        if name:  # a view of what is no name cannot be told in a clause
            call = f"{name}()" if is_view(use.call) else f"{name}(...)"
            yield Trap(use.taken.lineno, "3", f"the result of {call} is used as a list", f"Write list({call}).")


def _python2_traps(source: Source) -> Iterator[Trap]:
    """Yield what runs on Python 3 only."""
    if not source.text.isascii() and coding_of(source.text) is None and not source.text.startswith("\ufeff"):
        line = next(n for n, text in enumerate(source.text.split("\n"), 1) if not text.isascii())
        remedy = 'State "runtime": "python3.6", or write `# -*- coding: utf-8 -*-` on the first line.'
        yield Trap(line, "2", "characters beyond ASCII without a declared encoding", remedy)
    remedy = 'State "runtime": "python3.6" in config.json, or write what both run.'
    for node in nodes_of(source.tree):
        what = _only_python3(node)
        if what:
            yield Trap(getattr(node, "lineno", 1), "2", what, remedy)


def _only_python3(node: ast.AST) -> str:
    if isinstance(node, ast.arg) and node.annotation is not None:
        return "an annotated argument"
    if isinstance(node, ast.Raise) and node.cause is not None:
        return "raise ... from"
    if isinstance(node, FUNCTIONS) and (node.args.kwonlyargs or node.returns is not None):
        return "keyword-only arguments or a result's annotation"
    names = {ast.JoinedStr: "an f-string", ast.AnnAssign: "an annotated variable", ast.Nonlocal: "nonlocal",
             ast.YieldFrom: "yield from", ast.AsyncFunctionDef: "async def", ast.MatMult: "the operator @",
             }  # fmt: skip
    return names.get(type(node), "")


def _newer_python(source: Source) -> Iterator[Trap]:
    for node, what in newer_syntax(source.tree):
        yield Trap(getattr(node, "lineno", 1), "3", what, "Write it as Python 3.6 does.")
