"""check tells a job from a package by the names in a folder."""

from __future__ import annotations

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.report import Checked, as_text
from modelarts_local.check.runner import kind_of


@pytest.mark.parametrize(
    ("path", "names", "kind"),
    [
        ("codes", ["train.py", "symbol/"], "job"),
        ("codes", ["train.py", "model/"], "job"),  # its own package of networks
        ("s3://bucket/codes/", ["train.py"], "job"),
        ("out/V0001", ["checkpoints/", "model/"], "package"),
        ("out/model", ["customize_services.py"], "package"),
        ("s3://bucket/out/model/", ["net.py"], "package"),
        ("elsewhere", ["customize_service.py", "config.json"], "package"),
        ("elsewhere", ["pred_model-symbol.json"], "package"),
    ],
)
def test_the_kind_of_a_folder(path: str, names: list[str], kind: str) -> None:
    assert kind_of(path, names) == kind


@pytest.mark.parametrize(
    ("severities", "line"),
    [
        ([], "nothing found in codes/ (job, 3 files)"),
        (["error"], "1 error in codes/ (job, 3 files)"),
        (["warning", "warning"], "2 warnings in codes/ (job, 3 files)"),
        (["error", "warning", "error"], "2 errors, 1 warning in codes/ (job, 3 files)"),
    ],
)
def test_the_closing_line_counts(severities: list[str], line: str) -> None:
    findings = [Finding("T1", severity, "codes/a.py", 1, "found", "expected", "Mend it.") for severity in severities]
    assert as_text(Checked("codes/", "job", "job, 3 files", findings)).splitlines()[-1] == line
