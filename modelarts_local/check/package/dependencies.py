"""M6: what config.json asks pip to install."""

from __future__ import annotations

import re
from typing import Any, Iterator

from ..findings import Finding, quoted
from ..known_modules import MOXING_PACKAGES, NOT_MOXING
from ..wheels import WHEEL, fits_python
from .config import CODE_BLANK, CODE_INVALID_VALUE, CODE_UNSUPPORTED, RUNTIMES, Config, as_list
from .files import PackageFiles

CODE_RESTRAINT = "ModelArts.3041"
RESTRAINTS = ("EXACT", "ATLEAST", "ATMOST")

_FORBIDDEN = re.compile(r"[&!'\"<>=\u4e00-\u9fff]")


def check_dependencies(config: Config, files: PackageFiles) -> Iterator[Finding]:
    """Yield what the platform would refuse to install, or could not."""
    dependencies = config.get("dependencies")
    if dependencies is not None and not isinstance(dependencies, list):
        yield config.amiss(
            "M6", ("dependencies",), quoted(dependencies), "a list", "Write a list; it may be empty.", CODE_UNSUPPORTED
        )
    for index, dependency in enumerate(as_list(dependencies)):
        path: tuple[str | int, ...] = ("dependencies", index)
        if not isinstance(dependency, dict):
            yield config.amiss(
                "M6",
                path,
                quoted(dependency),
                "an object with installer and packages",
                "Write it as model_template/config.json does.",
                CODE_UNSUPPORTED,
            )
            continue
        if dependency.get("installer") != "pip":
            yield config.amiss(
                "M6",
                (*path, "installer"),
                f"installer {quoted(dependency['installer'])}" if "installer" in dependency else "no installer",
                "installer pip",
                'Write "installer": "pip"; there is no other.',
                CODE_INVALID_VALUE,
            )
        if not isinstance(dependency.get("packages"), list):
            yield config.amiss(
                "M6",
                (*path, "packages"),
                f"packages {quoted(dependency['packages'])}" if "packages" in dependency else "no packages",
                "a list of packages",
                "Write a list; it may be empty.",
                CODE_BLANK,
            )
        for number, package in enumerate(as_list(dependency.get("packages"))):
            yield from _package(config, (*path, "packages", number), package, files)


def _package(config: Config, path: tuple[str | int, ...], package: Any, files: PackageFiles) -> Iterator[Finding]:
    if not isinstance(package, dict) or not package.get("package_name"):
        yield config.amiss(
            "M6",
            path,
            "a package without package_name",
            "a name that pip knows",
            "Name the package, or remove it.",
            CODE_BLANK,
        )
        return
    for member in ("package_name", "package_version"):
        value = package.get(member) or ""
        if not isinstance(value, str) or _FORBIDDEN.search(value):
            yield config.amiss(
                "M6",
                (*path, member),
                f"{member} {quoted(value)}",
                "text without Chinese characters and & ! ' \" < > =",
                "Write the name alone; version and restraint have members of their own.",
                CODE_INVALID_VALUE,
            )
            return
    if package["package_name"].lower().replace("_", "-") in MOXING_PACKAGES:
        yield config.amiss(
            "M6",
            (*path, "package_name"),
            f"{quoted(package['package_name'])}, {NOT_MOXING}",
            "no dependency on MoXing",
            "Remove it, and let the service do without MoXing: what it needs lies in model/.",
        )
        return
    yield from _restraint(config, path, package)
    if package["package_name"].endswith(".whl"):
        yield from _wheel(config, (*path, "package_name"), package["package_name"], files)


def _restraint(config: Config, path: tuple[str | int, ...], package: dict[str, Any]) -> Iterator[Finding]:
    # the platform's samples have "restraint": "" beside "package_version": ""
    version, restraint = package.get("package_version") or "", package.get("restraint") or ""
    if version and restraint not in RESTRAINTS:
        yield config.amiss(
            "M6",
            (*path, "restraint" if restraint else "package_version"),
            f"restraint {quoted(restraint)} for version {quoted(version)}",
            f"one of {', '.join(RESTRAINTS)}",
            'Write "restraint": "EXACT", or another of the three.',
            CODE_RESTRAINT,
        )
    elif restraint and not version:
        yield config.amiss(
            "M6",
            (*path, "restraint"),
            f"restraint {quoted(restraint)} without a version",
            "a version and a restraint, or neither",
            "Add package_version, or remove restraint.",
            CODE_RESTRAINT,
        )


def _wheel(config: Config, path: tuple[str | int, ...], name: str, files: PackageFiles) -> Iterator[Finding]:
    if not files.holds(name):
        yield config.amiss(
            "M6",
            path,
            f"{quoted(name)}, which is not in model/",
            "a wheel that lies beside config.json",
            "Copy the wheel into model/, or name the package alone.",
        )
        return
    wheel = WHEEL.fullmatch(name)
    runtime = config.runtime if config.runtime in RUNTIMES and config.runtime else RUNTIMES[0]
    major, minor = map(int, runtime[len("python") :].split("."))
    is_for_linux = wheel is not None and any(map(_is_for_linux, wheel["platform"].split(".")))
    if wheel is None or not is_for_linux or not fits_python(wheel, major, minor):
        yield config.amiss(
            "M6",
            path,
            quoted(name, 100),
            f"a wheel for {runtime} on Linux x86_64",
            "Take the wheel whose name has the runtime's tag, such as cp36-cp36m-manylinux1_x86_64.",
        )


def _is_for_linux(tag: str) -> bool:
    return tag == "any" or ("linux" in tag and "x86_64" in tag)
