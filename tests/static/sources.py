"""The project's source files and what the static tests read in them."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("codes", "obs_layout", "modelarts_local", "demo", "benchmarks", "images", "tools", "tests")
BROKEN_ON_PURPOSE = ROOT / "tests" / "broken"  # jobs that the checks of a job must refuse
IMPORT_FOLDERS = ("codes/model_template", "codes", "modelarts_local/handler_worker/mms_standin")  # besides the root
# What the engine's own Python 3.6 runs
PYTHON36_FOLDERS = ("codes", "modelarts_local/handler_worker")
TEXT_SUFFIXES = {".py", ".md", ".cfg", ".toml", ".txt", ".json", ".yaml", ".html", ".css", ".js", ".sh", ""}

Node = TypeVar("Node", bound=ast.AST)


class Source(NamedTuple):
    """One Python file. name: its path from the project's root, with slashes."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The parsed file; equal texts share one tree."""
        return parse(self.text)

    @property
    def module(self) -> str:
        """The name it is imported by, from the folder that is put on the path for it."""
        folder = next((folder for folder in IMPORT_FOLDERS if self.in_folder(folder)), "")
        parts = Path(self.name[len(folder) :].lstrip("/")).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.module if self.name.endswith("__init__.py") else self.module.rpartition(".")[0]

    def in_folder(self, *folders: str) -> bool:
        """Whether it lies anywhere below one of `folders`."""
        return any(self.name.startswith(f"{folder}/") for folder in folders)


@functools.lru_cache(maxsize=None)
def parse(text: str) -> ast.Module:
    """Parse once, however many tests ask."""
    return ast.parse(text)


def python_sources(*folders: str) -> list[Source]:
    """Every Python file below `folders`, sorted; below all of the project's when none is named."""
    paths = [path for folder in folders or FOLDERS for path in files_below(ROOT / folder) if path.suffix == ".py"]
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def text_files() -> list[Path]:
    """Every file of words that the project ships: sources, documents and settings."""
    top = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    below = [path for folder in (*FOLDERS, "docs", "constraints") for path in files_below(ROOT / folder)]
    return sorted(path for path in (*top, *below) if path.suffix in TEXT_SUFFIXES)


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder that neither Python nor a tool has put there, sorted; none when it is not there."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and BROKEN_ON_PURPOSE not in path.parents
        and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(ROOT).parts)
    )


def findings(sources: list[Source], check: Callable[[Source], Iterator[str]]) -> list[str]:
    """What `check` says about each source, with the file in front; fails when there is nothing to look at."""
    assert sources, "no source files were found"
    return [f"{source.name}:{finding}" for source in sources for finding in check(source)]


def nodes(source: Source, kind: type[Node]) -> Iterator[Node]:
    """Every node of one kind, wherever it is nested."""
    return (node for node in ast.walk(source.tree) if isinstance(node, kind))


def dotted(node: ast.AST) -> str:
    """`a.b.c` as it was written, the outermost first; empty for anything but names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and dotted(node.value):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def as_source(text: str, name: str = "obs_layout/example.py") -> Source:
    """A made-up file, for the tests that show that a check can fail."""
    return Source(name, text)
