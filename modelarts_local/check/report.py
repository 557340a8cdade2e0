"""What `check` prints: findings and a closing line for each path, or one JSON object for programs."""

from __future__ import annotations

import json
from typing import NamedTuple, Sequence

from .findings import ERROR, WARNING, Finding, printable


class Checked(NamedTuple):
    """What came of one path. kind: "job" or "package". what: its kind in words, with its size."""

    path: str
    kind: str
    what: str
    findings: Sequence[Finding]


def count(findings: Sequence[Finding], severity: str) -> int:
    """Return how many findings have a severity."""
    return sum(finding.severity == severity for finding in findings)


def as_json(checked: Sequence[Checked]) -> str:
    """Return {"findings": [...], "checked": [{"path", "kind"}], "errors": n, "warnings": n}."""
    findings = [finding for one in checked for finding in one.findings]
    document = {
        "findings": [finding.as_json() for finding in findings],
        "checked": [{"path": one.path, "kind": one.kind} for one in checked],
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
    return printable(f"{said or 'nothing found'} in {one.path} ({one.what})")
