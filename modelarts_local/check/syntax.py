"""What a syntax tree says: what is imported and by which names it is known then, and what belongs to a scope."""

from __future__ import annotations

import ast
import weakref
from typing import Iterator, NamedTuple

_VERSIONS = {"sys.version_info", "sys.version", "type_checking", "typing.type_checking"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
CATCHING_MISSING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", ""}
# Some twenty rules look at every node of every file. Without its root, or the tree would keep itself alive
_NODES: weakref.WeakKeyDictionary[ast.Module, tuple[ast.AST, ...]] = weakref.WeakKeyDictionary()


class Imported(NamedTuple):
    """One import: `import a.b` is ("a.b", ""), `from a import b` is ("a", "b"); level counts the leading dots.

    guarded: the code goes on without it: inside try with ImportError, or below a test of Python's version.
    lazy: inside a function.
    """

    module: str
    name: str
    level: int
    line: int
    guarded: bool
    lazy: bool

    @property
    def top(self) -> str:
        """The outermost package."""
        return self.module.partition(".")[0]


def nodes_of(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every node of a file in the order of ast.walk, which is asked once for a tree; nobody may change it."""
    if tree not in _NODES:
        _NODES[tree] = tuple(ast.walk(tree))[1:]
    yield tree
    yield from _NODES[tree]


def imports_of(tree: ast.Module) -> Iterator[Imported]:
    """Yield every import, those by importlib.import_module("...") included."""
    waiting: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]
    while waiting:
        node, guarded, lazy = waiting.pop(0)
        yield from _imports_at(node, guarded, lazy)
        guarded = guarded or tests_the_version(node)
        lazy = lazy or isinstance(node, (*FUNCTIONS, ast.Lambda))
        # what the handlers import is the fallback; only one of the two need be there
        inside = guarded or (isinstance(node, ast.Try) and bool(caught_by(node) & CATCHING_MISSING))
        waiting.extend((child, inside, lazy) for child in ast.iter_child_nodes(node))


def _imports_at(node: ast.AST, guarded: bool, lazy: bool) -> Iterator[Imported]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Imported(alias.name, "", 0, node.lineno, guarded, lazy)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield Imported(node.module or "", alias.name, node.level, node.lineno, guarded, lazy)
    elif isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("import_module", "__import__"):
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
            yield Imported(first.value, "", 0, node.lineno, guarded, lazy)


def caught_by(attempt: ast.Try) -> set[str]:
    """Return the names of the exceptions that a `try` catches; "" stands for a bare except."""
    names: set[str] = set()
    for handler in attempt.handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        names.update("" if kind is None else dotted(kind).rpartition(".")[2] for kind in kinds)
    return names


def guarded_by(tree: ast.Module, exceptions: set[str]) -> set[int]:
    """Return the ids of the nodes in a `try` that catches one of `exceptions`, its handlers included."""
    guarded: set[int] = set()
    for node in nodes_of(tree):
        if isinstance(node, ast.Try) and exceptions & caught_by(node):
            for part in (*node.body, *node.handlers):
                guarded.update(id(inner) for inner in ast.walk(part))
    return guarded


def tests_the_version(node: ast.AST) -> bool:
    """Tell whether it is an `if` whose branches are for different Pythons."""
    if not isinstance(node, ast.If):
        return False
    names = {dotted(part).lower() for part in ast.walk(node.test)}
    return any(name in _VERSIONS or name.endswith(("py2", "py3")) for name in names)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` as it was written; empty for anything but names."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def own_nodes(scope: ast.AST, apart: tuple[type[ast.AST], ...] = FUNCTIONS) -> Iterator[ast.AST]:
    """Yield every node of a module or function, without those inside what is of a kind in `apart`."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, apart):
            waiting.extend(ast.iter_child_nodes(node))


def bound_names(tree: ast.Module) -> set[str]:
    """Return every name that a file gives a meaning to, in whatever scope."""
    bound: set[str] = set()
    for node in nodes_of(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
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


def index_of(subscript: ast.Subscript) -> ast.expr:
    """Return what stands in the brackets, which Python 3.8 wraps into a node of its own."""
    index: ast.expr = subscript.slice
    return getattr(index, "value", index) if type(index).__name__ == "Index" else index


def known_as(tree: ast.Module) -> dict[str, str]:
    """Return what the names that imports bind stand for: {"mx": "mxnet", "join": "os.path.join"}."""
    names = {}
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def full_name(node: ast.AST, names: dict[str, str]) -> str:
    """Return the dotted name of what is called, with imported names written out: mx.io.X is mxnet.io.X."""
    written = dotted(node)
    first, dot, rest = written.partition(".")
    return names.get(first, first) + dot + rest
