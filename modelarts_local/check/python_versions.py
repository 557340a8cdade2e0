"""What Python 2 has that Python 3 lacks, and what came after 3.6: tables and finders for jobs and for service code."""

from __future__ import annotations

import ast
from typing import Iterator, NamedTuple

from .syntax import FUNCTIONS, dotted, nodes_of, own_nodes

PLATFORM_PYTHON = (3, 6)  # of the engine MXNet-1.2.1-python3.6 (contract 1.1)

# Names of Python 2, each with what Python 3 has for it
PYTHON2_NAMES = {
    "unicode": "str",
    "xrange": "range",
    "raw_input": "input",
    "unichr": "chr",
    "long": "int",
    "basestring": "str",
    "execfile": "exec(open(...).read())",
    "reduce": "functools.reduce",
    "cmp": "(a > b) - (a < b)",
    "reload": "importlib.reload",
}
PYTHON2_METHODS = {"iteritems": "items", "itervalues": "values", "iterkeys": "keys", "has_key": "`key in`"}
PYTHON2_MODULES = {
    "urllib2": "urllib.request",
    "urlparse": "urllib.parse",
    "cPickle": "pickle",
    "ConfigParser": "configparser",
    "Queue": "queue",
    "StringIO": "io",
    "cStringIO": "io",
    "commands": "subprocess",
    "httplib": "http.client",
    "__builtin__": "builtins",
    "Tkinter": "tkinter",
    "thread": "threading",
}
NEWER_MODULES = {"dataclasses": "3.7", "contextvars": "3.7", "zoneinfo": "3.9", "graphlib": "3.9", "tomllib": "3.11"}
NEWER_NAMES = {
    "__future__.annotations": "3.7",
    "importlib.resources": "3.7",
    "importlib.metadata": "3.8",
    "contextlib.nullcontext": "3.7",
    "functools.cached_property": "3.8",
    "functools.cache": "3.9",
    "functools.singledispatchmethod": "3.8",
    "math.prod": "3.8",
    "math.dist": "3.8",
    "math.comb": "3.8",
    "math.isqrt": "3.8",
    "shlex.join": "3.8",
    "time.time_ns": "3.7",
    "time.perf_counter_ns": "3.7",
    "asyncio.run": "3.7",
    "http.server.ThreadingHTTPServer": "3.7",
    "typing.Literal": "3.8",
    "typing.Final": "3.8",
    "typing.Protocol": "3.8",
    "typing.TypedDict": "3.8",
    "typing.Annotated": "3.9",
}
NEWER_ARGUMENTS = {
    **{
        f"subprocess.{name}": {"text": "3.7", "capture_output": "3.7"}
        for name in ("run", "Popen", "call", "check_call", "check_output")
    },
    "shutil.copytree": {"dirs_exist_ok": "3.8"},
    "logging.basicConfig": {"force": "3.8", "encoding": "3.9"},
}
# Functions and methods that give a list in Python 2, and in Python 3 something that has no index
_ITERATORS = ("map", "filter", "zip")
_VIEWS = ("keys", "values", "items")

ASSIGNMENT_EXPRESSION = ":="
POSITIONAL_ONLY = "positional-only arguments"
ANNOTATIONS = "annotations from __future__"


class ListUse(NamedTuple):
    """A place that takes for a list what is none in Python 3.

    taken: the expression. call: what gives it, directly or by way of a name that has no other value in its scope.
    subscript: the node whose value it is; None where its length is asked for.
    """

    taken: ast.expr
    call: ast.Call
    subscript: ast.Subscript | None


def uses_as_list(tree: ast.Module) -> Iterator[ListUse]:
    """Yield `map(...)[0]`, `len(zip(...))`, `d.keys()[0]` and their like; a view, such as d.keys(), has a length."""
    functions = (*FUNCTIONS, ast.Lambda)
    for scope in (node for node in nodes_of(tree) if isinstance(node, (ast.Module, *functions))):
        nodes = list(own_nodes(scope, apart=functions))
        values = _values_of_names(nodes)
        for node in nodes:
            taken = _taken_for_list(node)
            if taken is None:
                continue
            given = values.get(taken.id, []) if isinstance(taken, ast.Name) else [taken]
            calls = [call for call in map(_list_in_python2, given) if call is not None]
            subscript = node if isinstance(node, ast.Subscript) else None
            if calls and len(calls) == len(given) and (subscript is not None or not is_view(calls[0])):
                yield ListUse(taken, calls[0], subscript)


def is_view(call: ast.Call) -> bool:
    """Tell whether a ListUse's call is one of .keys(), .values() and .items(), not of map(), filter() and zip()."""
    return isinstance(call.func, ast.Attribute)


def _values_of_names(nodes: list[ast.AST]) -> dict[str, list[ast.expr]]:
    values: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append(node.value)
    return values


def _list_in_python2(node: ast.expr) -> ast.Call | None:
    """Return the call that gives a list in Python 2, and in Python 3 an iterator or a view; None for all others."""
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Name) and node.func.id in _ITERATORS:
        return node
    is_known = isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS and not node.args
    return node if is_known else None


def _taken_for_list(node: ast.AST) -> ast.expr | None:
    """Return the expression that must be a list for `node` to work; None for other nodes."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return node.value
    if isinstance(node, ast.Call) and dotted(node.func) == "len" and len(node.args) == 1:
        return node.args[0]
    return None


def newer_syntax(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the syntax after Python 3.6 that ast.parse may let through, each node with which of the three it is."""
    for node in nodes_of(tree):
        if isinstance(node, ast.NamedExpr):
            yield node, ASSIGNMENT_EXPRESSION
        elif isinstance(node, FUNCTIONS) and node.args.posonlyargs:
            yield node, POSITIONAL_ONLY
        elif _asks_for_annotations(node):
            yield node, ANNOTATIONS


def _asks_for_annotations(node: ast.AST) -> bool:
    is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    return is_future and any(alias.name == "annotations" for alias in node.names)  # type: ignore[attr-defined]
