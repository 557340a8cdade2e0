"""Make the tables of docs/dependencies.md anew: every package that the two engines are pinned to, with its licence.

python3 -m tools.dependency_page .venv .venv-parity

Names and versions are those of constraints/; the licences are read from what is installed in the environments given.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple, Sequence

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints"
LOCAL, PARITY = CONSTRAINTS / "local-py3.11.txt", CONSTRAINTS / "parity.txt"
PAGE = ROOT / "docs" / "dependencies.md"
HEADINGS = {"## The engine at home: MXNet 1.9.1": LOCAL, "## The engine of 2018: MXNet 1.2.1 on Python 3.6": PARITY}
NOT_SAID = "not said"
LONG = 60  # characters; some packages put the whole text of their licence there
OSI = "License :: OSI Approved :: "
# Packages whose own page or archive names the licence, and whose metadata do not
KNOWN = {"graphviz": "MIT"}


class Pinned(NamedTuple):
    """One line of a constraints file."""

    name: str
    version: str


def with_tables(page: str, environments: Sequence[Path]) -> str:
    """Return the page with the table below each of HEADINGS made anew. environments: those of HEADINGS."""
    for (heading, constraints), environment in zip(HEADINGS.items(), environments):
        before, _, after = page.partition(heading + "\n\n")
        rest = re.sub(r"\A(\|.*\n)*", "", after)
        page = before + heading + "\n\n" + "".join(_rows(pinned(constraints), _licences(environment))) + rest
    return page


def pinned(path: Path) -> list[Pinned]:
    """Return the packages of a constraints file, in its order."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Pinned(*line.split("==")) for line in lines if line]


def _rows(packages: Iterable[Pinned], licences: dict[str, str]) -> Iterator[str]:
    yield "| package | version | licence |\n| --- | --- | --- |\n"
    for package in sorted(packages, key=lambda each: each.name.lower()):
        yield f"| {package.name} | {package.version} | {licences.get(_key(package.name), NOT_SAID)} |\n"


def _licences(environment: Path) -> dict[str, str]:
    found = {}
    for info in environment.glob("lib/python3*/site-packages/*.*-info"):
        distribution = PathDistribution(info)
        name = distribution.metadata["Name"]
        found[_key(name)] = KNOWN.get(name) or licence_of(distribution)
    return found


def licence_of(distribution: Distribution) -> str:
    """Return the licence that a package's metadata name: expression, classifiers or text, in this order."""
    metadata = distribution.metadata
    if metadata["License-Expression"]:
        return metadata["License-Expression"]
    classifiers = [line[len(OSI) :] for line in metadata.get_all("Classifier") or () if line.startswith(OSI)]
    if classifiers:
        return ", ".join(classifiers)
    text = (metadata["License"] or "").strip()
    return text if text and text != "UNKNOWN" and len(text) < LONG and "\n" not in text else NOT_SAID


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(argv: Sequence[str]) -> int:
    """Write the page; returns 0."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), [Path(name) for name in argv]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
