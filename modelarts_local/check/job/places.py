"""T12, T3: folders that are written into the code and not there, or not called so, everywhere it runs."""

from __future__ import annotations

import ast
import re
from typing import Iterator

from ..findings import Finding
from ..known_modules import LIBRARY
from ..rules import finding
from ..syntax import nodes_of
from .source import Job, SourceFile, cached_imports

# A home folder, a drive, or the platform's own folders, which are others since 2021 (contract 1.10)
_PLATFORM = re.compile(r"/home/(work|ma-user)(/|$)")
_MACHINE = re.compile(r"/(home/[\w.-]+|Users/[\w.-]+|root)/|[A-Za-z]:\\\w")
_FROM_FILE = "os.path.dirname(os.path.abspath(__file__))"


def find_fixed_places(job: Job) -> Iterator[Finding]:
    """T12: a fixed folder, or the code folder's name, in a text or an import. T3: another name than it has."""
    for source, tree in job.parsed():
        documentation = _documentation(tree)
        for node in nodes_of(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                yield from _fixed_text(job, source, node.lineno, node.value)
        yield from _imports_by_folder_name(job, source, tree)


def _fixed_text(job: Job, source: SourceFile, line: int, text: str) -> Iterator[Finding]:
    place = job.place(source.name)
    if _PLATFORM.match(text):
        yield finding(
            "T12", place, line, f"{text[:60]!r}, a folder of one era of the platform", "a path that the job finds out",
            f"Start from {_FROM_FILE}, or use /cache for scratch files.",
        )  # fmt: skip
    elif _MACHINE.match(text):
        yield finding(
            "T12", place, line, f"{text[:60]!r}, a folder of one machine", "a path that the job is given",
            "Make it a flag, and let the job copy from and to data_url and train_url.",
        )  # fmt: skip
    elif re.match(rf"\./{re.escape(job.name)}/\w", text):
        yield finding(
            "T12", place, line, f"{text[:60]!r}, which holds the code folder's own name",
            "a path that is right under any name", f"Start from {_FROM_FILE} instead of ./{job.name}.",
        )  # fmt: skip
    elif re.match(r"\./codes?/\w", text):
        yield finding(
            "T3", place, line, f"{text[:60]!r}, but the code folder is called {job.name}",
            "a path that is right under any name", f"Start from {_FROM_FILE}.",
        )  # fmt: skip


def _imports_by_folder_name(job: Job, source: SourceFile, tree: ast.Module) -> Iterator[Finding]:
    if any(name.startswith(f"{job.name}/") for name in job.modules):
        return  # a package inside has that name
    for imported in cached_imports(tree):
        if imported.top == job.name and not imported.level and not imported.guarded:
            inner = (imported.module.split(".")[1:] or [imported.name])[0]
            rename = f"Rename {inner}, which Python's own library has too, and leave" if inner in LIBRARY else "Leave"
            yield finding(
                "T12", job.place(source.name), imported.line,
                f"import of {imported.module}, by the code folder's own name",
                "an import that is right under any name",
                f"{rename} out {job.name}. in front; Python finds what lies beside the boot file.",
            )  # fmt: skip


def _documentation(tree: ast.Module) -> set[int]:
    """Ids of the texts that are docstrings or help for people."""
    found = set()
    for node in nodes_of(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
        elif isinstance(node, ast.keyword) and node.arg in ("help", "description", "epilog"):
            found.update(id(inner) for inner in ast.walk(node.value))
    return found
