"""The config.json of a custom image: what today's platform takes, what each refusal advises, and what writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.package.checking import PackageSettings, check_package, era_of_package
from modelarts_local.check.report import Checked, as_json, as_text
from modelarts_local.package.image_config import image_config
from tests.faultless_package import CONFIG

LOCATION = "swr.cn-north-4.myhuaweicloud.com/group/caltech:1.0"
GOOD = image_config(json.loads(CONFIG), LOCATION)


def check(parent: Path, *path: str | int, value: Any = None, without: bool = False) -> list[Finding]:
    """Return what check says of the faultless config.json with one member set, or without it."""
    config = json.loads(json.dumps(GOOD))
    around = config
    for step in path[:-1]:
        around = around[step]
    if without:
        del around[path[-1]]
    elif path:
        around[path[-1]] = value
    (parent / "model").mkdir(exist_ok=True)
    (parent / "model" / "config.json").write_text(json.dumps(config, indent=1))
    return check_package(str(parent), "image", PackageSettings())


def rules(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(each.rule, each.severity) for each in findings]


def test_the_config_that_is_made_of_a_package_is_faultless_and_alone_enough(tmp_path: Path) -> None:
    assert check(tmp_path) == []
    assert "runtime" not in GOOD and "dependencies" not in GOOD
    assert [api["url"] for api in GOOD["apis"]] == ["/"]


def test_the_service_in_an_image_speaks_http_where_an_engine_of_the_platform_speaks_https() -> None:
    assert [api["protocol"] for api in json.loads(CONFIG)["apis"]] == ["https"]
    assert GOOD["apis"] == [{**json.loads(CONFIG)["apis"][0], "protocol": "http"}]


@pytest.mark.parametrize(
    "location", ["127.0.0.1:5000/a/b:1", "swr.eu-de.otc.t-systems.com/org/deep/er/name:v1.0-cpu", LOCATION]
)
def test_an_image_may_lie_in_any_registry_and_organization(location: str, tmp_path: Path) -> None:
    assert check(tmp_path, "swr_location", value=location) == []


@pytest.mark.parametrize(
    "location",
    [
        "caltech:1.0",
        "swr.a.b/caltech:1.0",
        "https://swr.a.b/g/c:1.0",
        "swr.a.b/g/c",
        "swr.a.b/g/c:",
        "swr.a.b/g /c:1",
        7,
    ],
)
def test_a_location_without_organization_or_tag_or_with_a_scheme_is_refused(location: Any, tmp_path: Path) -> None:
    (found,) = check(tmp_path, "swr_location", value=location)
    assert (found.rule, found.severity, found.platform_code) == ("I1", "error", "ModelArts.3037")
    assert found.remedy.startswith("Write it as it was pushed, such as swr.")


def test_a_misspelt_location_is_told_once_with_its_right_name(tmp_path: Path) -> None:
    check(tmp_path)
    path = tmp_path / "model" / "config.json"
    path.write_text(path.read_text().replace("swr_location", "swr_locaton"))
    (found,) = check_package(str(tmp_path), "image", PackageSettings())
    assert (found.rule, found.remedy) == ("I1", "Rename swr_locaton to swr_location.")


@pytest.mark.parametrize("health", [[], "/health", {}, {"url": ""}, {"url": "health"}, {"url": 8080}])
def test_health_without_a_path_is_refused(health: Any, tmp_path: Path) -> None:
    assert rules(check(tmp_path, "health", value=health)) == [("I2", "error")]


@pytest.mark.parametrize("value", [15, 1.5, "15 s", "", "-1", "٣"])
def test_a_time_of_health_is_text_of_digits(value: Any, tmp_path: Path) -> None:
    (found,) = check(tmp_path, "health", "initial_delay_seconds", value=value)
    assert (found.rule, found.severity) == ("I2", "error")
    assert found.remedy == 'Write "initial_delay_seconds": "30", or another number between quotes.'


@pytest.mark.parametrize("member", ["health", "metrics"])
def test_what_is_optional_may_be_left_out(member: str, tmp_path: Path) -> None:
    assert check(tmp_path, member, without=True) == []


def test_dependencies_are_refused_and_a_runtime_is_warned_of(tmp_path: Path) -> None:
    assert rules(check(tmp_path, "dependencies", value=[])) == [("I3", "error")]
    assert rules(check(tmp_path, "runtime", value="python3.6")) == [("I3", "warning")]


def test_an_image_may_have_several_apis_with_urls_of_their_own(tmp_path: Path) -> None:
    apis = [*GOOD["apis"], {"url": "/openapi.json", "method": "get"}]
    assert check(tmp_path, "apis", value=apis) == []


@pytest.mark.parametrize("apis", [None, []])
def test_without_an_api_the_form_has_no_upload(apis: Any, tmp_path: Path) -> None:
    (found,) = check(tmp_path, "apis", value=apis)
    assert (found.rule, found.severity) == ("I4", "warning")
    assert "`modelarts-local image-config` writes it" in found.remedy


@pytest.mark.parametrize(
    ("member", "value"), [("url", "predict"), ("method", "send"), ("protocol", "grpc"), ("request", "images")]
)
def test_an_api_of_another_form_is_refused(member: str, value: str, tmp_path: Path) -> None:
    assert rules(check(tmp_path, "apis", 0, member, value=value)) == [("I4", "error")]


@pytest.mark.parametrize("apis", ["/", [7]])
def test_apis_that_are_no_list_of_objects_are_refused(apis: Any, tmp_path: Path) -> None:
    assert rules(check(tmp_path, "apis", value=apis)) == [("I4", "error")]


def test_the_rules_of_every_config_hold_for_an_image_too(tmp_path: Path) -> None:
    assert rules(check(tmp_path, "model_algorithm", value="图像")) == [("M3", "error")]
    assert rules(check(tmp_path, "metrics", "accuracy", value="0.7")) == [("M7", "warning")]
    assert rules(check(tmp_path, "health", "port", value="8080")) == [("M9", "warning")]
    (tmp_path / "model" / "Dockerfile").write_text("FROM scratch")
    assert rules(check(tmp_path)) == [("M1", "error")]


def test_the_last_line_says_which_platform_a_package_is_fit_for(tmp_path: Path) -> None:
    found = check(tmp_path)
    assert era_of_package(str(tmp_path)) == "2025"
    fit = Checked("image", "package", "package, 1 file", found, "2025")
    assert as_text(fit) == "nothing found in image (package, 1 file, fit for today's platform, as a custom image)"
    broken = fit._replace(findings=check(tmp_path, "dependencies", value=[]), era="2019")
    assert as_text(broken).endswith("1 error in image (package, 1 file, meant for the MXNet engine of 2019 to 2023)")
    checked = json.loads(as_json([fit, broken]))["checked"]
    assert [(one["era"], one["fit"]) for one in checked] == [("2025", True), ("2019", False)]


def test_a_package_that_does_not_say_what_it_is_for_has_no_era(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert era_of_package(str(tmp_path)) is None
    (tmp_path / "model" / "config.json").write_text("{")
    assert era_of_package(str(tmp_path)) is None
    (tmp_path / "model" / "config.json").write_text(CONFIG)
    assert era_of_package(str(tmp_path)) == "2019"
