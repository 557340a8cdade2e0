"""The job as its sources: every Python file of the code folder, and those that the boot file comes to import."""

from __future__ import annotations

import ast
import functools
import os
import posixpath
import tokenize
import warnings
from typing import Iterator, NamedTuple

from ..python_versions import PLATFORM_PYTHON
from ..syntax import Imported, imports_of

MAX_SOURCE_BYTES = 2 * 1024 * 1024  # chosen: no person writes a longer file


class BrokenSource(NamedTuple):
    """Why a file is not Python. line: where that is known; message: a clause; source_line: what stands there."""

    line: int | None
    message: str
    source_line: str = ""


class SourceFile(NamedTuple):
    """One Python file. name: its path below the code folder, with slashes. tree: None when no Python parses it."""

    name: str
    text: str
    tree: ast.Module | None
    broken: BrokenSource | None = None


class Job(NamedTuple):
    """A code folder and its boot file.

    folder: absolute path. shown: what the user calls it. boot: name of the boot file below the folder.
    modules: names of all Python files. reached: the boot file and all that it comes to import, in that order, read.
    """

    folder: str
    shown: str
    boot: str
    modules: frozenset[str]
    reached: tuple[SourceFile, ...]

    @property
    def name(self) -> str:
        """The code folder's own name."""
        return folder_name(self.shown)

    @property
    def home(self) -> list[str]:
        """The folder of the boot file, as parts of a path below the code folder: where Python looks first."""
        return self.boot.split("/")[:-1]

    def place(self, name: str) -> str:
        """Return what the user calls a file of the code folder."""
        return f"{self.shown.rstrip('/')}/{name}"

    def path_of(self, importer: str, imported: Imported) -> list[str]:
        """Return the path below the code folder that an import leads to, if it leads there at all.

        importer: name of the file that imports.
        """
        parts = [part for part in imported.module.split(".") if part]
        if imported.level:
            return [*importer.split("/")[: -imported.level], *parts]
        own = "/".join([*self.home, self.name])
        if parts[:1] == [self.name] and not any(name.startswith((f"{own}/", f"{own}.py")) for name in self.modules):
            return parts[1:]  # by the code folder's own name, from its parent (contract 1.2)
        return [*self.home, *parts]

    def modules_of(self, importer: str, imported: Imported) -> list[str]:
        """Return the names of the files of the code folder that an import loads, packages from the outside in."""
        parts = self.path_of(importer, imported)
        loaded = [name for length in range(1, len(parts) + 1) for name in self._files_of(parts[:length])]
        return loaded + (self._files_of([*parts, imported.name]) if imported.name else [])

    def _files_of(self, parts: list[str]) -> list[str]:
        path = "/".join(parts)
        return [name for name in (f"{path}/__init__.py", f"{path}.py") if name in self.modules][:1]

    def parsed(self) -> Iterator[tuple[SourceFile, ast.Module]]:
        """Yield each reached file that parses, with its tree."""
        return ((source, source.tree) for source in self.reached if source.tree is not None)


def read_job(folder: str, shown: str, boot: str) -> Job:
    """Return the job whose boot file is `boot`, a name below `folder`."""
    job = Job(os.path.abspath(folder), shown, boot, frozenset(python_files(folder)), ())
    return job._replace(reached=_reached(job))


def folder_name(shown: str) -> str:
    """Return the last component of the code folder's path or URL, the only one that the platform keeps (1.2)."""
    return posixpath.basename(shown.rstrip("/") if "://" in shown else os.path.abspath(shown))


def python_files(folder: str) -> Iterator[str]:
    """Yield the name of every .py file below `folder`; links to folders are not followed."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.join(parent, name)
                yield os.path.relpath(path, folder).replace(os.sep, "/")


def read_source(path: str, name: str) -> SourceFile:
    """Return one file, read and parsed as the Python of the platform would."""
    try:
        if not os.path.isfile(path):
            return SourceFile(name, "", None, BrokenSource(None, "a link to nothing, or what is no file"))
        if os.path.getsize(path) > MAX_SOURCE_BYTES:
            return SourceFile(name, "", None, BrokenSource(None, "more than 2 MiB of Python, too much to read here"))
        with tokenize.open(path) as stream:
            text = stream.read()
    except OSError as error:
        return SourceFile(name, "", None, BrokenSource(None, f"it cannot be read: {error.strerror}"))
    except (SyntaxError, UnicodeDecodeError):
        return SourceFile(name, "", None, BrokenSource(1, "text that is not UTF-8, without a line that says in what"))
    return parse_source(name, text)


def parse_source(name: str, text: str) -> SourceFile:
    """Return a file with its tree, with what keeps Python 3.6 from parsing it, or with both when a later one does."""
    tree, broken = None, None
    try:
        tree = ast.parse(text, name, feature_version=PLATFORM_PYTHON)
        _compile(tree, name)
    except SyntaxError as error:
        lines = text.splitlines()
        line = min(error.lineno or 1, max(len(lines), 1))
        broken = BrokenSource(line, error.msg, lines[line - 1].strip() if lines else "")
        tree = _parse_as_newer(name, text)
    except (ValueError, RecursionError, MemoryError) as error:  # a null character; code nested beyond all measure
        broken = BrokenSource(None, str(error) or "code that is nested too deeply")
    return SourceFile(name, text, tree, broken)


def _compile(tree: ast.Module, name: str) -> None:
    """Compile what parses, because a return outside a function is no matter of parsing; raises SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(tree, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            if not error.msg.startswith("'yield' inside"):  # which Python 3.6 takes in a comprehension, unlike 3.8
                raise


def _parse_as_newer(name: str, text: str) -> ast.Module | None:
    try:
        return ast.parse(text, name)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _reached(job: Job) -> tuple[SourceFile, ...]:
    found: dict[str, SourceFile] = {}
    waiting = [job.boot]
    while waiting:
        name = waiting.pop(0)
        if name in found or name not in job.modules:
            continue
        source = read_source(os.path.join(job.folder, name), name)
        if name != job.boot:
            source = source._replace(tree=_as_imported(source.tree))
        found[name] = source
        for imported in () if source.tree is None else cached_imports(source.tree):
            waiting.extend(job.modules_of(name, imported))
    return tuple(found.values())


def _as_imported(tree: ast.Module | None) -> ast.Module | None:
    """Return what importing a module runs of it: all but what stands below `if __name__ == "__main__"`."""
    if tree is None:
        return None
    return ast.Module([statement for statement in tree.body if not _is_for_main(statement)], tree.type_ignores)


def _is_for_main(statement: ast.stmt) -> bool:
    test = statement.test if isinstance(statement, ast.If) else None
    names = {getattr(node, "id", getattr(node, "value", None)) for node in ast.walk(test)} if test else set()
    return {"__name__", "__main__"} <= names


@functools.lru_cache(maxsize=512)
def cached_imports(tree: ast.Module) -> tuple[Imported, ...]:
    """Return imports_of(tree), found once for all rules."""
    return tuple(imports_of(tree))
