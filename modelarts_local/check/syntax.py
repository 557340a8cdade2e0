"""What a syntax tree says: what is imported and by which names it is known then, and what belongs to a scope."""

from __future__ import annotations

import ast
from typing import Iterator, NamedTuple

_VERSIONS = {"sys.version_info", "sys.version", "type_checking", "typing.type_checking"}
_CATCHES_MISSING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


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


def imports_of(tree: ast.Module) -> Iterator[Imported]:
    """Yield every import, those by importlib.import_module("...") included."""
    waiting: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]
    while waiting:
        node, guarded, lazy = waiting.pop(0)
        yield from _imports_at(node, guarded, lazy)
        guarded = guarded or tests_the_version(node)
        lazy = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        # what the handlers import is the fallback; only one of the two need be there
        inside = guarded or (isinstance(node, ast.Try) and any(_catches_missing(handler) for handler in node.handlers))
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


def _catches_missing(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(dotted(kind) in _CATCHES_MISSING for kind in caught)


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


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield every node of a module or function, without those of the functions inside it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting.extend(ast.iter_child_nodes(node))


def known_as(tree: ast.Module) -> dict[str, str]:
    """Return what the names that imports bind stand for: {"mx": "mxnet", "join": "os.path.join"}."""
    names = {}
    for node in ast.walk(tree):
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
