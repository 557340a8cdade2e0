"""S1, S5, S7, S10 and S11: what customize_service.py and its helpers say, without running them."""

from __future__ import annotations

import ast
import builtins
import re
from typing import Iterator

from ...package.model_package import SERVICE_FILE
from ..findings import Finding, listed, quoted
from ..known_modules import LIBRARY, MODULE_OF, MOXING, SERVICE_PACKAGES
from ..python_versions import PYTHON2_MODULES, PYTHON2_NAMES
from ..rules import finding
from ..syntax import bound_names, dotted, guarded_by, imports_of, nodes_of
from .config import Config, as_list
from .files import FILE, PackageFiles
from .source import Source, the_handler

BASE_CLASS = "MXNetBaseService"
CONSTRUCTOR = "(self, model_name, model_dir, manifest, gpu=None)"
# Base classes of the other engines (contract 3.1)
_OTHER_BASES = (
    "TfServingBaseService",
    "PTServingBaseService",
    "SparkServingBaseService",
    "CaffeBaseService",
    "XgSklServingBaseService",
    "SingleNodeService",
)
# What dependencies often bring
_POPULAR_MODULES = {"pandas", "sklearn", "matplotlib", "tensorflow", "torch", "flask", "moxing", "gluoncv", "yaml"}
_FIXED_PLACE = re.compile(r"/(?:home|root|Users|cache|opt)/\S+|[A-Za-z]:\\\S+|(?:s3|obs)://\S+")


def check_service(sources: list[Source], config: Config | None, files: PackageFiles) -> Iterator[Finding]:
    """Yield what is amiss in a package's parsed Python files."""
    handler = the_handler(sources)
    if handler is not None:
        yield from _service_class(handler, sources, files)
    asked_for = modules_asked_for(config)
    yield from _shadowing(files, asked_for)
    for source in sources:
        yield from _unknown_imports(source, files, asked_for)
        yield from _fixed_places(source, files)
        yield from _undefined_names(source, files)


def _service_class(handler: Source, sources: list[Source], files: PackageFiles) -> Iterator[Finding]:
    """Yield S1: there is one class that nothing derives from, of the right base and constructor."""
    place, expected = files.place(handler.name), f"one class derived from {BASE_CLASS}"
    deriving = _classes_below(BASE_CLASS, handler)
    if not deriving:
        others = [base for base in _OTHER_BASES for _ in _classes_below(base, handler)]
        if others:
            line = _classes_below(others[0], handler)[0].lineno
            yield finding(
                "S1",
                place,
                line,
                f"a class derived from {others[0]}, the base of another engine",
                expected,
                f"Derive it from mms.model_service.mxnet_model_service.{BASE_CLASS}.",
            )
        elif not _may_come_from_a_helper(handler, sources):
            yield finding(
                "S1",
                place,
                None,
                f"no class derived from {BASE_CLASS}",
                expected,
                f"Derive the service from mms.model_service.mxnet_model_service.{BASE_CLASS}.",
            )
        return
    bases = {dotted(base).rpartition(".")[2] for node in deriving for base in node.bases}
    leaves = [node for node in deriving if node.name not in bases]
    if len(leaves) > 1:
        # the engine: There should be one user defined service derived from ModelService.
        yield finding(
            "S1",
            place,
            leaves[1].lineno,
            f"{len(leaves)} classes: {listed([leaf.name for leaf in leaves])}",
            expected,
            "Keep one, or let one derive from the other.",
        )
    for leaf in leaves[:1]:
        yield from _constructor(leaf, place)


def _classes_below(base: str, source: Source) -> list[ast.ClassDef]:
    """Return the classes of a file that derive from `base`, directly or through another of them."""
    names, found = {base}, []
    for alias in (node for node in nodes_of(source.tree) if isinstance(node, ast.alias)):
        if alias.name == base and alias.asname:
            names.add(alias.asname)
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef) and any(dotted(each).rpartition(".")[2] in names for each in node.bases):
            names.add(node.name)
            found.append(node)
    return found


def _may_come_from_a_helper(handler: Source, sources: list[Source]) -> bool:
    """Tell whether the handler imports from a module of the package that knows the base class."""
    helpers = {source.name[: -len(".py")].split("/")[0] for source in sources if BASE_CLASS in source.text} - {
        SERVICE_FILE[: -len(".py")]
    }
    return any(imported.top in helpers or imported.level for imported in imports_of(handler.tree))


def _constructor(service: ast.ClassDef, place: str) -> Iterator[Finding]:
    for node in service.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__" and not _takes_four(node.args):
            names = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
            yield finding(
                "S1",
                place,
                node.lineno,
                f"__init__({', '.join(names)})",
                f"__init__{CONSTRUCTOR}",
                "Give the constructor these arguments; the engine passes all four.",
            )


def _takes_four(arguments: ast.arguments) -> bool:
    """Tell whether (self, model_name, model_dir, manifest, gpu=None) may be called with four values and with three."""
    names = [argument.arg for argument in arguments.args]
    needed = len(names) - len(arguments.defaults)
    demanded = [default for default in arguments.kw_defaults if default is None]
    has_room = len(names) >= 5 or arguments.vararg is not None
    takes_gpu = "gpu" in names or arguments.kwarg is not None or any(a.arg == "gpu" for a in arguments.kwonlyargs)
    return has_room and takes_gpu and needed <= 5 and not demanded


def modules_asked_for(config: Config | None) -> set[str]:
    """Return the modules that the dependencies of config.json bring."""
    modules = set()
    for dependency in as_list(config.get("dependencies") if config else None):
        for package in as_list(dependency.get("packages") if isinstance(dependency, dict) else None):
            name = str(package.get("package_name", "") if isinstance(package, dict) else "")
            name = name.split("-")[0] if name.endswith(".whl") else name
            modules.add(MODULE_OF.get(name.lower(), name.replace("-", "_")))
    return modules


def _shadowing(files: PackageFiles, asked_for: set[str]) -> Iterator[Finding]:
    """Yield S5: helpers that have the name of what is installed; which of the two is imported is a matter of luck."""
    taken = LIBRARY | SERVICE_PACKAGES | _POPULAR_MODULES | asked_for
    for entry in files.entries:
        module = entry.name[: -len(".py")] if entry.name.endswith(".py") else entry.name
        holds_python = entry.kind == FILE and entry.name.endswith(".py") or files.holds(f"{entry.name}/__init__.py")
        if entry.is_top and holds_python and module in taken:
            yield finding(
                "S5",
                files.place(entry.name),
                None,
                f"a helper called {module}, as an installed package is",
                "a name of its own",
                f"Rename it, such as to own_{module}, and its imports.",
            )


def _unknown_imports(source: Source, files: PackageFiles, asked_for: set[str]) -> Iterator[Finding]:
    # a module of Python 2 is told as such
    known = LIBRARY | SERVICE_PACKAGES | asked_for | _own_modules(files) | set(PYTHON2_MODULES)
    told: set[tuple[str, int]] = set()
    for imported in imports_of(source.tree):
        place = (imported.top, imported.line)
        if imported.level == 0 and not imported.guarded and imported.top not in known and place not in told:
            told.add(place)
            yield finding(
                "S7",
                files.place(source.name),
                imported.line,
                f"import of {imported.top}",
                "what the engine has, what lies in model/, or a dependency of config.json",
                way_to(imported.top),
            )


def way_to(module: str) -> str:
    """Return what to do so that a service has a module that is not there."""
    if module == MOXING:  # which pip does not bring
        return "Leave it out: pip has no MoXing, and what the service needs lies in model/."
    return f"Add {module} to the dependencies of config.json."


def _own_modules(files: PackageFiles) -> set[str]:
    return {entry.name.split("/")[0].partition(".")[0] for entry in files.entries}


def _fixed_places(source: Source, files: PackageFiles) -> Iterator[Finding]:
    """Yield S10: the engine copies model/ to a place of its own; only model_dir tells where."""
    for node in nodes_of(source.tree):
        path = _path_of(node)
        if path is not None:
            yield finding(
                "S10",
                files.place(source.name),
                getattr(node, "lineno", None),
                f"the path {quoted(path)}",
                "a path below model_dir",
                "Build it: os.path.join(model_dir, name).",
            )


def _path_of(node: ast.AST) -> str | None:
    """Return the path that holds on one machine only, or from one current folder; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _FIXED_PLACE.fullmatch(node.value):
        return node.value
    if isinstance(node, ast.Call) and dotted(node.func) in ("open", "io.open", "codecs.open") and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("/"):
            return first.value
    return None


def _undefined_names(source: Source, files: PackageFiles) -> Iterator[Finding]:
    """Yield S11: names that nothing defines, as in a sample whose `except` says logging.info without the import."""
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes_of(source.tree)):
        return
    known = bound_names(source.tree) | {*dir(builtins), *PYTHON2_NAMES, "__file__", "__path__", "__class__"}
    excused = guarded_by(source.tree, {"NameError"})
    told: set[str] = set()
    for node in nodes_of(source.tree):
        if isinstance(node, ast.Name) and node.id not in known | told and id(node) not in excused:
            told.add(node.id)
            remedy = f"Write import {node.id}." if node.id in LIBRARY | SERVICE_PACKAGES else "Define it, or import it."
            yield finding(
                "S11",
                files.place(source.name),
                node.lineno,
                f"{node.id}, which nothing defines",
                "names that are defined or imported",
                remedy,
            )
