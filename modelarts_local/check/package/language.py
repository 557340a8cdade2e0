"""S9: service code that its runtime does not run: Python 2 and 3 mixed up, or a Python newer than the engine's."""

from __future__ import annotations

import ast
import itertools
from typing import Iterator, NamedTuple, Union

from ...platform_rules import CODE_HANDLER_FAILED
from ..findings import Finding
from ..rules import finding
from .files import PackageFiles
from .source import (
    PYTHON2,
    Source,
    Unparsed,
    coding_of,
    dotted,
    guarded_by,
    imports_of,
    runtimes_of,
)

# Calls that give a list in Python 2 and in Python 3 something that has neither index nor length
_LAZY_FUNCTIONS = ("map", "filter", "zip")
_LAZY_METHODS = ("keys", "values", "items")
ONLY_PYTHON2_NAMES = ("xrange", "unicode", "basestring", "raw_input", "unichr", "long", "reduce", "execfile", "cmp")
_ONLY_PYTHON2_METHODS = ("iteritems", "iterkeys", "itervalues", "has_key")
ONLY_PYTHON2_MODULES = (
    "cPickle",
    "StringIO",
    "cStringIO",
    "urllib2",
    "urlparse",
    "Queue",
    "ConfigParser",
    "httplib",
    "commands",
    "__builtin__",
)

_Scope = Union[ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]


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
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id in ONLY_PYTHON2_NAMES and node.id not in bound:
            if id(node) not in excused:
                yield Trap(node.lineno, "3", f"{node.id} is a name of Python 2", "Use the name of Python 3.")
        elif isinstance(node, ast.Attribute) and node.attr in _ONLY_PYTHON2_METHODS:
            yield Trap(node.lineno, "3", f".{node.attr} is a method of Python 2", "Use the method of Python 3.")
    for imported in imports_of(source):
        if imported.level == 0 and imported.top in ONLY_PYTHON2_MODULES and not imported.guarded:
            yield Trap(imported.line, "3", f"{imported.top} is a module of Python 2", "Import the module of Python 3.")


def _lists_that_are_none(source: Source) -> Iterator[Trap]:
    """Yield where the result of map() and its kin is taken for a list."""
    for scope in _scopes(source.tree):
        nodes = list(_own_nodes(scope))
        lazy: dict[str, str] = {}
        otherwise: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Assign):
                call = _lazy_call(node.value)
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        lazy.setdefault(target.id, call) if call else otherwise.add(target.id)
        for node in nodes:
            taken = _taken_for_a_list(node)
            if taken is None:
                continue
            call = _lazy_call(taken)
            if not call and isinstance(taken, ast.Name) and taken.id not in otherwise:
                call = lazy.get(taken.id, "")
            # the length of a dict's keys() is known in Python 3, too
            if call and (isinstance(node, ast.Subscript) or call.endswith("(...)")):
                yield Trap(taken.lineno, "3", f"the result of {call} is used as a list", f"Write list({call}).")


def _taken_for_a_list(node: ast.AST) -> ast.expr | None:
    """Return the expression that must be a list for `node` to work; None for other nodes."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return node.value
    if isinstance(node, ast.Call) and dotted(node.func) == "len" and len(node.args) == 1:
        return node.args[0]
    return None


def _lazy_call(node: ast.expr) -> str:
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name) and node.func.id in _LAZY_FUNCTIONS:
        return f"{node.func.id}(...)"
    if isinstance(node.func, ast.Attribute) and node.func.attr in _LAZY_METHODS and not node.args:
        return f"{dotted(node.func)}()" if dotted(node.func) else ""
    return ""


def _python2_traps(source: Source) -> Iterator[Trap]:
    """Yield what runs on Python 3 only."""
    if not source.text.isascii() and coding_of(source.text) is None and not source.text.startswith("\ufeff"):
        line = next(n for n, text in enumerate(source.text.split("\n"), 1) if not text.isascii())
        remedy = 'State "runtime": "python3.6", or write `# -*- coding: utf-8 -*-` on the first line.'
        yield Trap(line, "2", "characters beyond ASCII without a declared encoding", remedy)
    remedy = 'State "runtime": "python3.6" in config.json, or write what both run.'
    for node in ast.walk(source.tree):
        what = _only_python3(node)
        if what:
            yield Trap(getattr(node, "lineno", 1), "2", what, remedy)


def _only_python3(node: ast.AST) -> str:
    if isinstance(node, ast.arg) and node.annotation is not None:
        return "an annotated argument"
    if isinstance(node, ast.Raise) and node.cause is not None:
        return "raise ... from"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (node.args.kwonlyargs or node.returns is not None):
        return "keyword-only arguments or a result's annotation"
    names = {ast.JoinedStr: "an f-string", ast.AnnAssign: "an annotated variable", ast.Nonlocal: "nonlocal",
             ast.YieldFrom: "yield from", ast.AsyncFunctionDef: "async def", ast.MatMult: "the operator @",
             }  # fmt: skip
    return names.get(type(node), "")


def _newer_python(source: Source) -> Iterator[Trap]:
    """Yield the syntax after Python 3.6 that ast.parse lets through."""
    for node in ast.walk(source.tree):
        what = ""
        if isinstance(node, ast.NamedExpr):
            what = ":="
        elif isinstance(node, ast.arguments) and node.posonlyargs:
            node, what = node.posonlyargs[0], "positional-only arguments"
        elif isinstance(node, ast.ImportFrom) and node.module == "__future__":
            what = "annotations from __future__" if any(name.name == "annotations" for name in node.names) else ""
        if what:
            yield Trap(getattr(node, "lineno", 1), "3", what, "Write it as Python 3.6 does.")


def _scopes(tree: ast.Module) -> Iterator[_Scope]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node


def _own_nodes(scope: _Scope) -> Iterator[ast.AST]:
    """Yield the nodes of a scope without those of the functions in it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def bound_names(tree: ast.Module) -> set[str]:
    """Return every name that a file gives a meaning to, in whatever scope."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            bound.update(node.names)
    return bound
