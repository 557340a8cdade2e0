"""T1, T11, T14: the job's files are Python, that of the platform, and mean there what they were written to mean."""

from __future__ import annotations

import ast
import re
from typing import Iterator

from ..findings import Finding
from ..python_versions import (
    ANNOTATIONS,
    ASSIGNMENT_EXPRESSION,
    NEWER_ARGUMENTS,
    NEWER_MODULES,
    NEWER_NAMES,
    PYTHON2_METHODS,
    PYTHON2_MODULES,
    PYTHON2_NAMES,
    ListUse,
    is_view,
    newer_syntax,
    uses_as_list,
)
from ..rules import finding
from ..syntax import bound_names, caught_by, dotted, full_name, index_of, known_as, tests_the_version
from .source import BrokenSource, Job, SourceFile, cached_imports

# A line of Python 2 that Python 3 does not parse
_PYTHON2_LINES = (
    (re.compile(r"print\s+[^\s(=.,]"), "a print statement", "print(...) with parentheses"),
    (re.compile(r"except\s+[\w.()\s,]+,\s*\w+\s*:"), "`except E, name`", "`except E as name`"),
    (re.compile(r"raise\s+[\w.]+\s*,"), "`raise E, message`", "`raise E(message)`"),
    (re.compile(r"exec\s+[\"'\w]"), "an exec statement", "exec(...) with parentheses"),
    (re.compile(r"[^<]<>"), "the operator <>", "!="),
    (re.compile(r"`"), "backquotes", "repr(...)"),
    (re.compile(r"\bur[\"']"), "a string ur'...'", "r'...'"),
    (re.compile(r"(?<![\w.])0\d+(?![\w.])"), "an octal number 0777", "0o777"),
)
# What code catches where another Python may lack a name
_LACKS = {"NameError", "AttributeError", "ImportError", "ModuleNotFoundError"}


def find_broken_sources(job: Job) -> Iterator[Finding]:
    """T1, T14, T11: a reached file that is no Python 3.6, because it is a web page, Python 2, newer, or broken."""
    for source in job.reached:
        newer = [] if source.tree is None else list(newer_syntax(source.tree))
        for node, what in newer:
            yield finding(
                "T1", job.place(source.name), getattr(node, "lineno", None), _newer(node, what),
                "a file that Python 3.6 parses",
                "Write it without; the engine MXNet-1.2.1-python3.6 answers with a SyntaxError.",
            )  # fmt: skip
        if source.broken is not None and not newer:
            yield _broken(job, source, source.broken)


def _broken(job: Job, source: SourceFile, broken: BrokenSource) -> Finding:
    place = job.place(source.name)
    if re.match(r"\s*<(!doctype\s+html|html|head|script)\b", source.text, re.IGNORECASE):
        return finding(
            "T14", place, 1, f"a web page: {source.text.strip().splitlines()[0][:60]!r}", "Python",
            "Download the file itself; on a page that shows it, the button is called Raw.",
        )  # fmt: skip
    for pattern, what, instead in _PYTHON2_LINES:
        if pattern.search(broken.source_line):
            return finding(
                "T11", place, broken.line, f"{what} of Python 2: {broken.source_line[:60]!r}", instead,
                "Write it for Python 3, or run 2to3 over the file; the engine is MXNet-1.2.1-python3.6.",
            )  # fmt: skip
    shown = f": {broken.source_line[:60]!r}" if broken.source_line else ""
    return finding(
        "T1", place, broken.line, f"{broken.message}{shown}", "a file that Python 3.6 parses",
        "Correct the line; the engine MXNet-1.2.1-python3.6 knows no syntax of later Pythons.",
    )  # fmt: skip


def find_python_traps(job: Job) -> Iterator[Finding]:
    """T11: what parses but is Python 2, means something else in Python 3, or came after 3.6."""
    for source, tree in job.parsed():
        place = job.place(source.name)
        for line, found, expected, remedy in _traps(tree):
            yield finding("T11", place, line, found, expected, remedy)


def _newer(node: ast.AST, what: str) -> str:
    if what == ASSIGNMENT_EXPRESSION:
        return "an assignment expression, :=, of Python 3.8"
    if what == ANNOTATIONS:
        return "from __future__ import annotations, of Python 3.7"
    return f"positional-only parameters of {getattr(node, 'name', 'a function')}, of Python 3.8"


def _traps(tree: ast.Module) -> Iterator[tuple[int, str, str, str]]:
    names = known_as(tree)
    own = bound_names(tree)
    for imported in cached_imports(tree):
        if imported.top in PYTHON2_MODULES and not imported.guarded:
            new = PYTHON2_MODULES[imported.top]
            yield imported.line, f"module {imported.top} of Python 2", new, f"Import {new}."
        yield from _newer_name(imported.line, f"{imported.module}.{imported.name}".strip("."), imported.guarded)
    unguarded = list(_unguarded_nodes(tree))
    for node in unguarded:
        if isinstance(node, ast.Name) and node.id in PYTHON2_NAMES and node.id not in own:
            new = PYTHON2_NAMES[node.id]
            yield node.lineno, f"{node.id}, a name of Python 2", new, f"Write {new}."
        elif isinstance(node, ast.Attribute):
            yield from _newer_name(node.lineno, full_name(node, names), False)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift) and dotted(node.left) == "print":
            yield node.lineno, "print >> file, of Python 2", "print(..., file=file)", "Write print(..., file=file)."
        elif isinstance(node, ast.Call):
            yield from _call_traps(node, names, own)
    reachable = {id(node) for node in unguarded}
    for use in uses_as_list(tree):
        if id(use.taken) in reachable:
            yield from _list_trap(use)


def _newer_name(line: int, name: str, guarded: bool) -> Iterator[tuple[int, str, str, str]]:
    version = NEWER_NAMES.get(name) or NEWER_MODULES.get(name.partition(".")[0])
    if version and name != "__future__.annotations" and not guarded:
        yield line, f"{name}, of Python {version}", "what Python 3.6 has", "Write it without, or import it inside try."


def _call_traps(call: ast.Call, names: dict[str, str], own: set[str]) -> Iterator[tuple[int, str, str, str]]:
    name = full_name(call.func, names)
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    # tables of pandas do have iteritems()
    if method in PYTHON2_METHODS and method not in own and "pandas" not in names.values():
        new = PYTHON2_METHODS[method]
        yield call.lineno, f".{method}(), a method of Python 2", new, f"Use {new}."
    for keyword in call.keywords:
        version = NEWER_ARGUMENTS.get(name, {}).get(keyword.arg or "")
        if version:
            yield (
                call.lineno,
                f"{name}({keyword.arg}=), of Python {version}",
                "what Python 3.6 has",
                "Leave it out; the call fails there with a TypeError.",
            )
    if name == "range" and any(isinstance(a, ast.BinOp) and isinstance(a.op, ast.Div) for a in call.args):
        yield (
            call.lineno, "range() of a quotient by /, which is a float in Python 3", "a whole number",
            "Divide with //.",
        )  # fmt: skip


def _unguarded_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node but those below a test of Python's version, and in a try that expects what another Python lacks."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        expects = isinstance(node, ast.Try) and caught_by(node) & _LACKS
        if not expects and not tests_the_version(node):
            waiting.extend(ast.iter_child_nodes(node))


def _list_trap(use: ListUse) -> Iterator[tuple[int, str, str, str]]:
    """`map(...)[0]` and `d.keys()[0]`; of a job's own class with a method values() d["a"] is taken rightly."""
    function = use.call.func
    what = f".{function.attr}()" if isinstance(function, ast.Attribute) else f"{dotted(function)}()"
    if use.subscript is None:
        yield use.taken.lineno, f"len() of {what}, an iterator in Python 3", "a list", "Write list(...) around it."
    elif not is_view(use.call) or _is_position(index_of(use.subscript)):
        yield (
            use.subscript.lineno, f"a subscript of {what}, which is no list in Python 3", "a list",
            f"Write list(...) around {what}.",
        )  # fmt: skip


def _is_position(index: ast.expr) -> bool:
    if isinstance(index, ast.UnaryOp):
        index = index.operand
    return isinstance(index, ast.Slice) or (isinstance(index, ast.Constant) and isinstance(index.value, int))
