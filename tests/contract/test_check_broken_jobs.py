"""Each broken job of tests/broken/jobs gets the finding that it is there for, and no other.

finding.json may name "sparse" files, too large to keep: {name: bytes}.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelarts_local.check.findings import WIDTH, Finding
from modelarts_local.check.rules import RULES
from modelarts_local.cli import main
from tests.broken_cases import Case, cases

JOBS = cases("jobs")


def run_check(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> int:
    """Check a copy of the case in `folder`, standing there; return the exit code."""
    case.lay_over(folder)
    for name, size in case.expected.get("sparse", {}).items():
        with open(folder / name, "wb") as stream:
            stream.truncate(size)
    monkeypatch.chdir(folder)
    return main(["check", *flags, *case.expected["arguments"]])


@pytest.mark.parametrize("case", JOBS, ids=lambda case: case.name)
def test_a_broken_job_gets_its_finding_and_no_other(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = run_check(case, tmp_path, monkeypatch, "--json")
    report = json.loads(capsys.readouterr().out)
    expected = case.expected
    assert [(one["rule"], place_of(one), one["found"]) for one in report["findings"]] == [
        (expected["rule"], expected["place"], expected["found"])
    ]
    assert exit_code == report["errors"] == 1 - report["warnings"]
    assert_reads_well(Finding(**report["findings"][0]))


def assert_reads_well(finding: Finding) -> None:
    """A headline, and lines below it that fit the terminal; clauses without a full stop, then a whole sentence."""
    lines = finding.as_text().splitlines()
    assert lines[0].startswith(f"{finding.severity} {finding.rule}  {finding.place}")
    assert all(len(line) <= WIDTH and line.startswith("    ") for line in lines[1:])
    assert not finding.found.endswith(".") and not finding.expected.endswith(".")
    assert finding.remedy[0].isupper() and finding.remedy.endswith(".")


def place_of(finding: dict[str, object]) -> str:
    return f"{finding['path']}:{finding['line']}" if finding["line"] else str(finding["path"])


def test_every_rule_about_jobs_has_a_broken_job() -> None:
    shown = {case.expected["rule"] for case in JOBS}
    assert sorted({rule for rule in RULES if rule.startswith("T")} - shown) == []
    assert len(JOBS) >= 22
