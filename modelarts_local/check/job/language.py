"""T1, T11, T14: the job's files are Python, that of the platform, and mean there what they were written to mean."""

from __future__ import annotations

import ast
import re
from typing import Iterator

from ..findings import Finding
from ..rules import finding
from ..syntax import dotted, full_name, known_as, own_nodes, tests_the_version
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
_NAMES_OF_PYTHON2 = {
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
_METHODS_OF_PYTHON2 = {"iteritems": "items", "itervalues": "values", "iterkeys": "keys", "has_key": "`key in`"}
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
_NEWER_NAMES = {
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
_NEWER_ARGUMENTS = {
    **{
        f"subprocess.{name}": {"text": "3.7", "capture_output": "3.7"}
        for name in ("run", "Popen", "call", "check_call", "check_output")
    },
    "shutil.copytree": {"dirs_exist_ok": "3.8"},
    "logging.basicConfig": {"force": "3.8", "encoding": "3.9"},
}
_LAZY_IN_PYTHON3 = {"map", "filter", "zip"}
_VIEWS_IN_PYTHON3 = {"keys", "values", "items"}


def find_broken_sources(job: Job) -> Iterator[Finding]:
    """T1, T14, T11: a reached file that is no Python 3.6, because it is a web page, Python 2, newer, or broken."""
    for source in job.reached:
        newer = [] if source.tree is None else [node for node in ast.walk(source.tree) if _newer_syntax(node)]
        for node in newer:
            yield finding(
                "T1", job.place(source.name), getattr(node, "lineno", None), _newer_syntax(node),
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


def _newer_syntax(node: ast.AST) -> str:
    if isinstance(node, ast.NamedExpr):
        return "an assignment expression, :=, of Python 3.8"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.args.posonlyargs:
        return f"positional-only parameters of {node.name}, of Python 3.8"
    if isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations":
        return "from __future__ import annotations, of Python 3.7"
    return ""


def _traps(tree: ast.Module) -> Iterator[tuple[int, str, str, str]]:
    names = known_as(tree)
    own = _names_bound(tree)
    for imported in cached_imports(tree):
        if imported.top in PYTHON2_MODULES and not imported.guarded:
            new = PYTHON2_MODULES[imported.top]
            yield imported.line, f"module {imported.top} of Python 2", new, f"Import {new}."
        yield from _newer(imported.line, f"{imported.module}.{imported.name}".strip("."), imported.guarded)
    for node in _unguarded_nodes(tree):
        if isinstance(node, ast.Name) and node.id in _NAMES_OF_PYTHON2 and node.id not in own:
            new = _NAMES_OF_PYTHON2[node.id]
            yield node.lineno, f"{node.id}, a name of Python 2", new, f"Write {new}."
        elif isinstance(node, ast.Attribute):
            yield from _newer(node.lineno, full_name(node, names), False)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift) and dotted(node.left) == "print":
            yield node.lineno, "print >> file, of Python 2", "print(..., file=file)", "Write print(..., file=file)."
        elif isinstance(node, ast.Call):
            yield from _call_traps(node, names, own)
    yield from _subscripted_iterators(tree)


def _newer(line: int, name: str, guarded: bool) -> Iterator[tuple[int, str, str, str]]:
    version = _NEWER_NAMES.get(name) or NEWER_MODULES.get(name.partition(".")[0])
    if version and name != "__future__.annotations" and not guarded:
        yield line, f"{name}, of Python {version}", "what Python 3.6 has", "Write it without, or import it inside try."


def _call_traps(call: ast.Call, names: dict[str, str], own: set[str]) -> Iterator[tuple[int, str, str, str]]:
    name = full_name(call.func, names)
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    # tables of pandas do have iteritems()
    if method in _METHODS_OF_PYTHON2 and method not in own and "pandas" not in names.values():
        new = _METHODS_OF_PYTHON2[method]
        yield call.lineno, f".{method}(), a method of Python 2", new, f"Use {new}."
    for keyword in call.keywords:
        version = _NEWER_ARGUMENTS.get(name, {}).get(keyword.arg or "")
        if version:
            yield call.lineno, f"{name}({keyword.arg}=), of Python {version}", "what Python 3.6 has", "Leave it out."
    if name == "range" and any(isinstance(a, ast.BinOp) and isinstance(a.op, ast.Div) for a in call.args):
        yield (
            call.lineno, "range() of a quotient by /, which is a float in Python 3", "a whole number",
            "Divide with //.",
        )  # fmt: skip
    if name == "len" and call.args and _lazy_name(call.args[0]):
        yield call.lineno, f"len() of {_lazy_name(call.args[0])}, an iterator in Python 3", "a list", "Write list(...)."


def _names_bound(tree: ast.Module) -> set[str]:
    """Names that the file itself gives a value, as in `except NameError: unicode = str`."""
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    imports = (ast.Import, ast.ImportFrom)
    aliases = (alias for node in ast.walk(tree) if isinstance(node, imports) for alias in node.names)
    return bound | {alias.asname or alias.name for alias in aliases}


def _unguarded_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node but those below a test of Python's version, and in a try that expects what another Python lacks."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        expects = isinstance(node, ast.Try) and any(_catches_lack(handler) for handler in node.handlers)
        if not expects and not tests_the_version(node):
            waiting.extend(ast.iter_child_nodes(node))


def _catches_lack(handler: ast.ExceptHandler) -> bool:
    kinds = [] if handler.type is None else [dotted(node) for node in ast.walk(handler.type)]
    return bool({"NameError", "AttributeError", "ImportError", "ModuleNotFoundError"}.intersection(kinds))


def _lazy_name(node: ast.AST) -> str:
    """Return `map()` and the like when the expression is a call that gives an iterator in Python 3."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _LAZY_IN_PYTHON3:
        return f"{node.func.id}()"
    return ""


def _subscripted_iterators(tree: ast.Module) -> Iterator[tuple[int, str, str, str]]:
    """`map(...)[0]`, `d.keys()[0]`, and the same by way of a name that has no other value in its function."""
    scopes = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)
    for scope in (node for node in ast.walk(tree) if isinstance(node, scopes)):
        values: dict[str, list[ast.AST]] = {}
        for node in own_nodes(scope):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    values.setdefault(dotted(target), []).append(node.value)
        for node in own_nodes(scope):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                given = values.get(dotted(node.value), []) if isinstance(node.value, ast.Name) else [node.value]
                what = _iterator_name(given[0], node.slice) if len(given) == 1 else ""
                if what:
                    yield (
                        node.lineno, f"a subscript of {what}, which is no list in Python 3", "a list",
                        f"Write list(...) around {what}.",
                    )  # fmt: skip


def _iterator_name(node: ast.AST, index: ast.AST) -> str:
    """Return `map()` or `.keys()` when it is such a call, and the index that of a list.

    A class of the job's own may have a method values(), of which d["a"] is taken rightly.
    """
    is_view = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args
    if is_view and node.func.attr in _VIEWS_IN_PYTHON3 and _is_position(index):  # type: ignore[attr-defined]
        return f".{node.func.attr}()"  # type: ignore[attr-defined]
    return _lazy_name(node)


def _is_position(index: ast.AST) -> bool:
    inner = getattr(index, "value", index) if type(index).__name__ == "Index" else index  # Python 3.8
    if isinstance(inner, ast.UnaryOp):
        inner = inner.operand
    return isinstance(inner, ast.Slice) or (isinstance(inner, ast.Constant) and isinstance(inner.value, int))
