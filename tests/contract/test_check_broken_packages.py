"""Each rule of a model package, broken in one way, gets its one finding and no other."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.package.checking import PackageSettings, check_package
from modelarts_local.check.rules import RULES
from tests.broken_cases import Case, cases
from tests.faultless_package import write_faultless_package

CASES = cases("packages")
SHOWN = "V0001"
each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@pytest.fixture(scope="module")
def faultless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faultless_package(tmp_path_factory.mktemp("faultless"))


@pytest.fixture(scope="module")
def findings(faultless: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    """What check says of every case, by its name; two at a time, because each waits for processes."""
    folder = tmp_path_factory.mktemp("broken")

    def check(case: Case) -> list[Finding]:
        parent = case.lay_over(Path(shutil.copytree(faultless, folder / case.name)))
        settings = {"run": False, **case.expected.get("settings", {})}
        return check_package(str(parent), SHOWN, PackageSettings(**settings))

    with ThreadPoolExecutor(max_workers=2) as threads:
        return dict(zip([case.name for case in CASES], threads.map(check, CASES)))


@each_case
def test_a_broken_package_gets_its_finding_and_no_other(case: Case, findings: dict[str, list[Finding]]) -> None:
    found = findings[case.name]
    assert [each.rule for each in found] == [case.expected["rule"]], "\n".join(each.as_text() for each in found)
    assert found[0].place == case.expected["place"]
    assert case.expected["found"] in found[0].found


def test_a_finding_is_one_line_for_each_of_its_clauses(findings: dict[str, list[Finding]]) -> None:
    for found in (each for of_case in findings.values() for each in of_case):
        assert all(text and text.isprintable() for text in (found.found, found.expected, found.remedy)), found
        assert found.remedy.endswith(".") and not found.found.endswith("."), found


@pytest.mark.keeps("request-time", "check")
def test_a_picture_is_given_the_40_seconds_of_the_platform(findings: dict[str, list[Finding]]) -> None:
    assert PackageSettings().answer_limit_s == 40
    # the case has a limit of its own, because a test should not wait so long
    assert findings["never-answers"][0].platform_code == "ModelArts.4503"


def test_the_faultless_package_gets_none(faultless: Path) -> None:
    assert check_package(str(faultless), SHOWN, PackageSettings()) == []


def test_every_rule_of_packages_has_a_case() -> None:
    broken = {case.expected["rule"] for case in CASES}
    assert sorted(rule for rule in RULES if rule[0] in "MISN" and rule not in broken) == []
