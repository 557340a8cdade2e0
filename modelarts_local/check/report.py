"""What `check` prints: findings and a closing line for each path, or one JSON object for programs."""

from __future__ import annotations

import json
from typing import NamedTuple, Sequence

from .findings import ERROR, WARNING, Finding, printable

# The platform that a package is made for, by a year in which it was so (contract 8)
ERA_OF_MXNET, ERA_OF_IMAGES = "2019", "2025"
ERAS = {
    ERA_OF_MXNET: "the MXNet engine of 2019 to 2023",
    ERA_OF_IMAGES: "today's platform, as a custom image",
}


class Checked(NamedTuple):
    """What came of one path.

    kind: "job" or "package". what: its kind in words, with its size. era: of a package, one of ERAS, or None where
    nothing says it.
    """

    path: str
    kind: str
    what: str
    findings: Sequence[Finding]
    era: str | None = None

    @property
    def is_fit(self) -> bool:
        """Whether nothing in it would be refused."""
        return count(self.findings, ERROR) == 0


def count(findings: Sequence[Finding], severity: str) -> int:
    """Return how many findings have a severity."""
    return sum(finding.severity == severity for finding in findings)


def as_json(checked: Sequence[Checked]) -> str:
    """Return {"findings": [...], "checked": [...], "errors": n, "warnings": n}.

    Each of "checked" has "path" and "kind", and a package also "era" and "fit": whether it is fit for that era.
    """
    findings = [finding for one in checked for finding in one.findings]
    document = {
        "findings": [finding.as_json() for finding in findings],
        "checked": [
            {"path": one.path, "kind": one.kind, **({"era": one.era, "fit": one.is_fit} if one.era else {})}
            for one in checked
        ],
        "errors": count(findings, ERROR),
        "warnings": count(findings, WARNING),
    }
    return json.dumps(document, indent=2)


def as_text(one: Checked) -> str:
    """Return a path's findings, an empty line between them, and a line that sums up."""
    return "\n\n".join([*(finding.as_text() for finding in one.findings), _closing_line(one)])


def _closing_line(one: Checked) -> str:
    counts = [(count(one.findings, severity), severity) for severity in (ERROR, WARNING)]
    said = ", ".join(f"{number} {name}{'s' * (number != 1)}" for number, name in counts if number)
    made_for = f", {'fit' if one.is_fit else 'meant'} for {ERAS[one.era]}" if one.era else ""
    return printable(f"{said or 'nothing found'} in {one.path} ({one.what}{made_for})")
