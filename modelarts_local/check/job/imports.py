"""T10, T15: what the job imports is there, and is what it is taken for."""

from __future__ import annotations

import difflib
import glob
import os
import re
from typing import Iterator

from ..findings import ERROR, WARNING, Finding
from ..known_modules import ENGINE_PACKAGES, LIBRARY, MODULE_OF, MOXING, SHADOWED_PACKAGES
from ..python_versions import NEWER_MODULES, PYTHON2_MODULES
from ..rules import finding
from ..syntax import Imported
from .requirements import normal_name, required_packages
from .source import Job, SourceFile, cached_imports

_PIP = re.compile(r"\bpip3?[\"',\s]+install\b|\bpip\.(main|_internal)")
# What jobs import of MoXing (moxing.file's own pages, and public code); below the last three it may be anything
_OF_MOXING = """
moxing moxing.file moxing.file.file_io moxing.framework moxing.framework.file moxing.framework.file.file_io
moxing.framework.util moxing.framework.util.runtime moxing.framework.util.multiprocessing
"""
_MOXING_MODULES = frozenset(_OF_MOXING.split())
_MOXING_FOR_TRAINING = ("moxing.mxnet.", "moxing.tensorflow.", "moxing.pytorch.")


def find_missing_modules(job: Job) -> Iterator[Finding]:
    """T10: an import that neither the library, the engine, the code folder nor pip-requirements.txt brings."""
    packages = required_packages(job.folder)
    told: set[tuple[str, str]] = set()
    for source, tree in job.parsed():
        for imported in cached_imports(tree):
            if imported.guarded or not imported.module or (source.name, imported.top) in told:
                continue
            found = _missing(job, source, imported, packages)
            if found is not None:
                told.add((source.name, imported.top))
                yield found


def _missing(job: Job, source: SourceFile, imported: Imported, packages: set[str]) -> Finding | None:
    place = job.place(source.name)
    if _is_there(os.path.join(job.folder, *job.path_of(source.name, imported))):
        return None
    if imported.level:
        written = "." * imported.level + imported.module
        return finding(
            "T10", place, imported.line, f"from {written} import {imported.name}, which is not there",
            f"a module of {job.shown}", "Correct the name, or upload the module with the code.",
        )  # fmt: skip
    if imported.top == MOXING and not _is_of_moxing(imported.module):
        return finding(
            "T10", place, imported.line, f"{imported.module}, which is no module of MoXing that is documented",
            "moxing, moxing.file or moxing.framework.file",
            "Write `import moxing as mox`, and mox.file for what is used of it.", severity=WARNING,
        )  # fmt: skip
    if imported.top in LIBRARY or imported.top in ENGINE_PACKAGES or imported.top in {*PYTHON2_MODULES, *NEWER_MODULES}:
        return None
    brought = {MODULE_OF.get(package, package) for package in packages}
    if {imported.top, normal_name(imported.top)} & brought or _brings_more(job, imported):
        return None
    return finding(
        "T10", place, imported.line, f"module {imported.top}, which nothing is known to bring",
        f"a module of {job.shown}, the engine or pip-requirements.txt",
        f"{_probably_meant(job, imported.top)}add its package as NAME==VERSION to {job.place('pip-requirements.txt')}.",
        severity=WARNING if imported.lazy else None,
    )  # fmt: skip


def _is_of_moxing(module: str) -> bool:
    return module in _MOXING_MODULES or f"{module}.".startswith(_MOXING_FOR_TRAINING)


def imports_moxing(job: Job) -> bool:
    """Tell whether the job imports MoXing, which the platform has and modelarts-local train supplies."""
    return any(imported.top == MOXING for _, tree in job.parsed() for imported in cached_imports(tree))


def _brings_more(job: Job, imported: Imported) -> bool:
    """Tell whether the job itself makes the module findable: by pip (contract 1.5), or by another folder to look in."""
    texts = [source.text for source in job.reached]
    if any(_PIP.search(text) for text in texts):
        return True
    inner = re.compile(rf"/{re.escape(imported.top)}(\.py|/)")
    return any("sys.path" in text for text in texts) and any(inner.search(f"/{name}") for name in job.modules)


def _probably_meant(job: Job, module: str) -> str:
    own = {name.split("/")[0].replace(".py", "") for name in job.modules}
    near = difflib.get_close_matches(module, sorted(own), n=1, cutoff=0.75)
    return f"Write {near[0]} where that module is meant; else " if near else "Correct the name, or "


def _is_there(path: str) -> bool:
    """Tell whether a module can be at `path`: a folder, which needs no __init__.py, a .py or a compiled file."""
    return os.path.isdir(path) or any(glob.glob(f"{glob.escape(path)}.{ending}") for ending in ("py", "so", "*.so"))


def find_shadowing_modules(job: Job) -> Iterator[Finding]:
    """T15: a module at the code folder's top with the name of another, which whoever imports that now gets."""
    home = "".join(f"{part}/" for part in job.home)
    inside = [name[len(home) :] for name in job.modules if name.startswith(home)]
    files = {name for name in inside if "/" not in name}
    packages = {name.split("/")[0] for name in inside if name.count("/") == 1 and name.endswith("/__init__.py")}
    for top in sorted(files | packages):
        module = top[:-3] if top in files else top
        if module in LIBRARY or module in SHADOWED_PACKAGES:
            owner = "of Python's library" if module in LIBRARY else "of the engine's image"
            yield finding(
                "T15", job.place(home + top), None, f"a module with the name of module {module} {owner}",
                "a name of its own",
                "Rename it; the code folder comes first where Python looks, so libraries that import the other get it.",
            )  # fmt: skip
    yield from _hidden_folders(job)


def _hidden_folders(job: Job) -> Iterator[Finding]:
    # The official sample's codes/symbol/ works as codes.symbol only: a folder without __init__.py comes after all
    # modules of that name, and Python 3.6 has a module symbol
    for source, tree in job.parsed():
        for imported in cached_imports(tree):
            folder = os.path.join(job.folder, *job.home, imported.top)
            hidden = imported.top in LIBRARY and not imported.level and os.path.isdir(folder)
            if hidden and not os.path.exists(os.path.join(folder, "__init__.py")) and _wants_folder(folder, imported):
                yield finding(
                    "T15", job.place(source.name), imported.line,
                    f"{imported.module}, for which Python takes its own module {imported.top}",
                    f"a package {imported.top}/ that Python finds",
                    f"Rename {job.place('/'.join([*job.home, imported.top]))}/, or give it an __init__.py.",
                    severity=ERROR,
                )  # fmt: skip


def _wants_folder(folder: str, imported: Imported) -> bool:
    inner = (imported.module.split(".")[1:] or [imported.name])[0]
    return any(os.path.exists(os.path.join(folder, inner + ending)) for ending in (".py", "/__init__.py"))
