"""What a source imports, as absolute module names."""

from __future__ import annotations

import ast
from typing import Iterable, Iterator, NamedTuple

from tests.static.sources import Source, dotted, nodes


class Import(NamedTuple):
    """One imported name: `import a.b` is ("a.b", ""), `from a import b` is ("a", "b"). line: where."""

    module: str
    name: str
    line: int

    @property
    def top(self) -> str:
        """The package or module that a rule speaks of."""
        return self.module.partition(".")[0]

    @property
    def full(self) -> str:
        """`a.b` for `from a import b`, which may be a module or not."""
        return f"{self.module}.{self.name}" if self.name else self.module


def imports_of(source: Source) -> Iterator[Import]:
    """Every import, those inside functions and those by importlib.import_module("...") included."""
    for statement in nodes(source, ast.Import):
        for alias in statement.names:
            yield Import(alias.name, "", statement.lineno)
    for from_import in nodes(source, ast.ImportFrom):
        for alias in from_import.names:
            yield Import(_absolute(source, from_import), alias.name, from_import.lineno)
    for call in nodes(source, ast.Call):
        if dotted(call.func).rpartition(".")[2] in ("import_module", "__import__") and call.args:
            argument = call.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield Import(argument.value, "", call.lineno)


def _absolute(source: Source, statement: ast.ImportFrom) -> str:
    if statement.level == 0:
        return statement.module or ""
    parts = source.package.split(".")
    base = parts[: len(parts) - statement.level + 1]
    return ".".join([*base, statement.module] if statement.module else base)


def import_graph(sources: Iterable[Source]) -> dict[str, set[str]]:
    """Which modules of `sources` each of them imports, by module name."""
    by_module = {source.module: source for source in sources}
    return {
        module: {
            target
            for imported in imports_of(source)
            for target in [imported.full if imported.full in by_module else imported.module]
            if target in by_module and target != module
        }
        for module, source in by_module.items()
    }


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle as a list of names that starts and ends alike; empty when there is none."""
    done: set[str] = set()

    def follow(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for target in sorted(graph[module]):
            circle = follow(target, [*trail, module])
            if circle:
                return circle
        done.add(module)
        return []

    return next((circle for module in sorted(graph) for circle in [follow(module, [])] if circle), [])
