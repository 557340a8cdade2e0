"""M1 and M12: where a package's files lie and what they are called."""

from __future__ import annotations

import difflib
import os

from ...package.model_package import (
    CONFIG_FILE,
    EPOCH_ENDING,
    MODEL_FOLDER,
    PARAMS_ENDING,
    SERVICE_FILE,
    SYMBOL_ENDING,
    newest_with_model,
)
from ...platform_rules import GIB, LIMITS
from ..findings import Finding, listed, printable
from ..rules import finding
from .files import FILE, FOLDER, LINK_OUT, MAX_ENTRIES, OTHER, PackageFiles

CODE_NO_CONFIG = "ModelArts.3013"  # missing, or the path chosen is at the wrong level (contract 2.3)
CODE_TOO_LARGE = LIMITS["model-file-size"].code
DOCKERFILE = "Dockerfile"


def check_level(parent: str, shown: str) -> list[Finding]:
    """Return the one finding when `parent` is not the folder that holds model/; the rest cannot be looked at then."""
    if not os.path.isdir(parent):
        return [_wrong_level(shown, "no such folder", "Choose the folder that holds model/.")]
    try:
        names = sorted(os.listdir(parent))
    except OSError as error:
        return [
            _wrong_level(
                shown, f"a folder that cannot be read: {error.strerror}", "Give yourself the right to read it."
            )
        ]
    above, _, last = (shown if "://" in shown else os.path.abspath(parent)).rstrip("/").rpartition("/")
    if last == MODEL_FOLDER and MODEL_FOLDER not in names:
        return [_wrong_level(shown, "the model folder itself", f"Choose {printable(above or '.')}, the folder above.")]
    if os.path.isdir(os.path.join(parent, MODEL_FOLDER)):
        return []
    if MODEL_FOLDER in names:
        return [_wrong_level(shown, "a file called model", "Put the package's files into a folder called model/.")]
    return [_wrong_level(shown, f"no model/; there is {listed(names)}", _way_to_model(parent, shown, names))]


def _wrong_level(shown: str, found: str, remedy: str) -> Finding:
    # choosing model/ itself, or a folder without it, leaves the platform without model and config (contract 2.1)
    return finding("M1", printable(shown), None, found, "the folder that holds model/", remedy, CODE_NO_CONFIG)


def _way_to_model(parent: str, shown: str, names: list[str]) -> str:
    """Return what to do about a parent without model/."""
    newest = newest_with_model(names, lambda name: os.path.isdir(os.path.join(parent, name, MODEL_FOLDER)))
    if newest is not None:
        return f"Choose {printable(shown.rstrip('/'))}/{printable(newest)}, which holds one."
    if CONFIG_FILE in names or any(name.endswith(SYMBOL_ENDING) for name in names):
        return "Move these files into a folder called model/ in it."
    folders = [name for name in names if os.path.isdir(os.path.join(parent, name))]
    similar = difflib.get_close_matches(MODEL_FOLDER, [name.lower() for name in folders], 1, 0.75)
    if similar:
        return f"Rename {printable(next(name for name in folders if name.lower() == similar[0]))} to model."
    return "Choose the folder into which the job wrote model/, or train until it is written."


def check_layout(files: PackageFiles) -> list[Finding]:
    """Return what is missing, there twice, badly named or too large in a package that has model/."""
    return [
        *_network_and_weights(files),
        *_only_one(files, CONFIG_FILE, CODE_NO_CONFIG),
        *_only_one(files, SERVICE_FILE, None),
        *_what_does_not_belong(files),
        *_odd_names(files),
        *_too_large(files),
        *_too_many(files),
    ]


def check_image_layout(files: PackageFiles) -> list[Finding]:
    """Return the same for the bundle of a custom image, which needs config.json alone: the model is in the image."""
    return [
        *_only_one(files, CONFIG_FILE, CODE_NO_CONFIG),
        *_what_does_not_belong(files),
        *_odd_names(files),
        *_too_large(files),
        *_too_many(files),
    ]


def _network_and_weights(files: PackageFiles) -> list[Finding]:
    found, prefixes = [], {}
    for ending, role in ((SYMBOL_ENDING, "network"), (PARAMS_ENDING, "weights")):
        names = [name for name in files.top_files() if name.endswith(ending)]
        if len(names) == 1:
            prefixes[ending] = names[0]
        elif names:
            # event on the platform: more than one model file is stored
            found.append(
                _amiss(
                    files,
                    names[1],
                    f"{len(names)} files: {listed(names)}",
                    f"one {role} file, *{ending}",
                    "Keep the one that the service needs.",
                )
            )
        else:
            found.append(
                _amiss(
                    files,
                    "",
                    f"no {role} file; there is {listed(files.top_files())}",
                    f"one {role} file, *{ending}",
                    _take_similar(files, ending),
                )
            )
    if len(prefixes) == 2:
        expected = prefixes[SYMBOL_ENDING][: -len(SYMBOL_ENDING)] + EPOCH_ENDING
        if prefixes[PARAMS_ENDING] != expected:
            # the loader takes the network's name without -symbol.json and appends -0000.params (contract 2.1)
            found.append(
                _amiss(
                    files,
                    prefixes[PARAMS_ENDING],
                    printable(prefixes[PARAMS_ENDING]),
                    printable(expected),
                    f"Rename it to {printable(expected)}.",
                )
            )
    return found


def _take_similar(files: PackageFiles, ending: str) -> str:
    similar = [name for name in files.top_files() if difflib.get_close_matches(ending, [name[-len(ending) :]], 1, 0.7)]
    deeper = [entry.name for entry in files.entries if entry.kind == FILE and entry.name.endswith(ending)]
    if deeper:
        return f"Move {printable(deeper[0])} into model/ itself."
    if similar:
        return f"Rename {printable(similar[0])} so that it ends in {ending}."
    return "Export the model again, and copy all of model/."


def _only_one(files: PackageFiles, name: str, code: str | None) -> list[Finding]:
    there = [entry.name for entry in files.entries if entry.last == name and entry.kind in (FILE, LINK_OUT, OTHER)]
    if name not in there:
        near = difflib.get_close_matches(name, [other for other in files.top_files() if other != name], 1, 0.8)
        elsewhere = [entry.name for entry in files.beside if entry.last == name]
        if near:
            remedy = f"Rename {printable(near[0])} to {name}."
        elif there:
            remedy = f"Move {printable(there[0])} into model/ itself."
        elif elsewhere:
            remedy = f"Copy {printable(elsewhere[0])} into model/."
        else:
            remedy = f"Copy {name} into model/; model_template/ has one."
        held = printable(near[0]) if near else listed(files.top_files())
        return [_amiss(files, near[0] if near else "", f"no {name}; there is {held}", name, remedy, code)]
    return [
        _amiss(files, other, f"{name} a second time", f"one {name}, in model/ itself", "Remove or rename it.", code)
        for other in there
        if other != name
    ]


def _what_does_not_belong(files: PackageFiles) -> list[Finding]:
    remedy = "Remove it; the platform builds its own image and refuses a folder with a Dockerfile."
    found = [
        _amiss(files, entry.name, "a Dockerfile", "none anywhere in the package", remedy)
        for entry in files.entries
        if entry.last == DOCKERFILE and entry.kind != FOLDER
    ]
    for entry in files.beside:
        if entry.last == DOCKERFILE and entry.kind != FOLDER:
            path = printable(f"{files.shown}/{entry.name}")
            found.append(finding("M1", path, None, "a Dockerfile", "none anywhere in the package", remedy))
    for entry in files.entries:
        if entry.kind in (LINK_OUT, OTHER):
            found.append(
                finding(
                    "M12",
                    files.place(entry.name),
                    None,
                    f"a {entry.kind}",
                    "a file or a folder",
                    "Put the file itself there, or remove it: a bucket has neither.",
                )
            )
    return found


def _odd_names(files: PackageFiles) -> list[Finding]:
    # No space is allowed in the path of a model to import; on this computer the folders above are no part of it
    upper = files.shown if "://" in files.shown else os.path.basename(files.shown)
    found = []
    if " " in upper:
        found.append(
            finding(
                "M1",
                printable(files.shown),
                None,
                "a space in the path",
                "no space in the path",
                "Rename the folder before the upload.",
            )
        )
    for entry in files.entries:
        if " " in entry.last:
            found.append(_amiss(files, entry.name, "a space in the name", "no space in a path", "Rename it."))
        elif not entry.last.isprintable():
            found.append(
                finding(
                    "M12",
                    files.place(entry.name),
                    None,
                    "a control character or half a character in the name",
                    "a name that can be printed",
                    "Rename it.",
                )
            )
    return found


def _too_large(files: PackageFiles) -> list[Finding]:
    most = LIMITS["model-file-size"].strictest
    return [
        _amiss(
            files,
            entry.name,
            f"{entry.size / GIB:.1f} GiB",
            f"at most {most // GIB} GiB",
            "Train a smaller network, or leave the file out.",
            CODE_TOO_LARGE,
        )
        for entry in files.entries
        if entry.size > most
    ]


def _too_many(files: PackageFiles) -> list[Finding]:
    if len(files.entries) < MAX_ENTRIES:
        return []
    found = f"{MAX_ENTRIES} files and folders, or more"
    remedy = "Take out what the service does not need; no more than these were looked at."
    return [finding("M12", files.place(), None, found, f"fewer than {MAX_ENTRIES}", remedy)]


def _amiss(files: PackageFiles, name: str, found: str, expected: str, remedy: str, code: str | None = None) -> Finding:
    return finding("M1", files.place(name), None, found, expected, remedy, code)
