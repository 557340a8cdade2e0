"""Small jobs and packages below tests/broken, each broken in one way and with the one finding it must get.

    tests/broken/jobs/CASE/        finding.json, and the job's folders: codes/ and what else it needs
    tests/broken/packages/CASE/    finding.json, and files that are laid over a package that has no fault

finding.json: {"rule", "place", "found"}, and where they are needed "arguments" for the command line of check or
"settings" for check_package, "remove", the files of the faultless package to leave out, and "links", symbolic links to
make. A package is executed only where its settings say "run": true.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

BROKEN = Path(__file__).resolve().parent / "broken"


class Case(NamedTuple):
    """One broken job or package. kind: "jobs" or "packages"."""

    kind: str
    name: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return BROKEN / self.kind / self.name

    @property
    def expected(self) -> dict[str, Any]:
        """What finding.json says."""
        return dict(json.loads((self.folder / "finding.json").read_text(encoding="utf-8")))

    def lay_over(self, target: Path) -> Path:
        """Copy the case's files into `target`, over what is there, and take out what it removes; returns `target`."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.name != "finding.json" and "__pycache__" not in path.parts:
                copy = target / path.relative_to(self.folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
        for name in self.expected.get("remove", ()):
            (target / name).unlink()
        for name, end in self.expected.get("links", {}).items():
            (target / name).symlink_to(end)
        return target


def cases(kind: str) -> list[Case]:
    """Every case of "jobs" or "packages", sorted by name."""
    folder = BROKEN / kind
    return [Case(kind, path.name) for path in sorted(folder.iterdir())] if folder.is_dir() else []
