"""What config.json may say: values at the edge of what the platform allows, and what each refusal advises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.package.checking import PackageSettings, check_package
from tests.faultless_package import CONFIG, HANDLER


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "V0001" / "model"
    folder.mkdir(parents=True)
    (folder / "customize_service.py").write_text(HANDLER)
    (folder / "pred_model-symbol.json").write_text("{}")
    (folder / "pred_model-0000.params").write_bytes(b"weights")
    return folder


def check(model: Path, *path: str | int, value: Any) -> list[Finding]:
    """Return what check says of the faultless config.json with one member set; no path is the whole."""
    config = json.loads(CONFIG)
    around = config
    for step in path[:-1]:
        around = around[step]
    around[path[-1]] = value
    return check_text(model, json.dumps(config, indent=1))


def check_text(model: Path, text: str) -> list[Finding]:
    (model / "config.json").write_text(text)
    return check_package(str(model.parent), "V0001", PackageSettings(run=False))


def told(findings: list[Finding]) -> list[tuple[str, str | None, str]]:
    return [(each.rule, each.platform_code, each.remedy) for each in findings]


@pytest.mark.keeps("model-algorithm", "check")
def test_an_algorithm_of_36_characters_is_allowed_and_one_of_37_is_not(model: Path) -> None:
    assert check(model, "model_algorithm", value="a" * 36) == []
    found = check(model, "model_algorithm", value="a" * 37)
    assert told(found) == [("M3", "ModelArts.3016", "Name it as the samples do: image_classification.")]


@pytest.mark.parametrize("value", ["1st", "图像", "a&b", "a<b", "a\\b", 7])
def test_an_algorithm_of_other_characters_is_not(model: Path, value: Any) -> None:
    assert [each.rule for each in check(model, "model_algorithm", value=value)] == ["M3"]


@pytest.mark.parametrize("member", ["model_type", "model_algorithm"])
@pytest.mark.parametrize("value", ["", None])
def test_a_mandatory_member_that_is_blank_is_told(model: Path, member: str, value: Any) -> None:
    found = check(model, member, value=value)
    assert [(each.rule, each.platform_code, each.found) for each in found] == [("M3", "ModelArts.3036", f"no {member}")]


@pytest.mark.keeps("model-metric-decimals", "check")
def test_a_metric_of_17_decimals_is_allowed_and_one_of_18_is_not(model: Path) -> None:
    assert check_text(model, CONFIG.replace("0.74", "0.12345678901234567")) == []
    assert check_text(model, CONFIG.replace("0.74", "1.2345678901234567e-1")) == []
    for number in ("0.123456789012345678", "1.234567890123456e-3"):
        found = check_text(model, CONFIG.replace("0.74", number))
        assert told(found) == [("M7", None, "Round it; what is beyond is cut.")]
        assert found[0].found == "metrics.accuracy has 18 decimals"


@pytest.mark.parametrize("value", ["0.5", True, None, [0.5], {}])
def test_a_metric_that_is_no_number_is_told(model: Path, value: Any) -> None:
    assert told(check(model, "metrics", "f1", value=value)) == [("M7", None, "Write it without quotes.")]


@pytest.mark.parametrize("value", [-0.1, 1.001, 78])
def test_a_metric_that_is_no_part_of_one_is_told(model: Path, value: float) -> None:
    assert told(check(model, "metrics", "f1", value=value)) == [("M7", None, "Divide a percentage by 100.")]


@pytest.mark.parametrize("value", [0, 1, 0.5])
def test_a_metric_from_nought_to_one_passes(model: Path, value: float) -> None:
    assert check(model, "metrics", "f1", value=value) == []


def test_metrics_that_are_no_object_are_told(model: Path) -> None:
    assert told(check(model, "metrics", value=[])) == [("M7", None, "Write the numbers measured.")]


def test_a_metric_other_than_the_job_measured_is_told(model: Path) -> None:
    report = model.parent / "report"
    report.mkdir()
    (report / "metrics.json").write_text('{"metrics": {"f1": 0.71, "accuracy": 0.41}}')
    found = check_text(model, CONFIG)
    assert [(each.rule, each.found, each.expected) for each in found] == [
        ("M7", "metrics.accuracy is 0.74", "0.41, what report/metrics.json says")
    ]
    for other in ("[]", "no JSON", '{"metrics": 3}'):
        (report / "metrics.json").write_text(other)
        assert check_text(model, CONFIG) == []


@pytest.mark.keeps("model-apis", "check")
def test_one_api_is_allowed_and_none_or_two_are_not(model: Path) -> None:
    api = json.loads(CONFIG)["apis"][0]
    assert check(model, "apis", value=[api]) == []
    for value in ([], [api, api], {}, [3]):
        assert [(each.rule, each.platform_code) for each in check(model, "apis", value=value)] == [
            ("M4", "ModelArts.3014")
        ]


@pytest.mark.parametrize(
    ("path", "value", "remedy"),
    [
        (("url",), "/predict", 'Write "url": "/"; only custom images have others.'),
        (("url",), "", "Add url; model_template/config.json has it."),
        (("method",), "GET", 'Write "method": "post".'),
        (("protocol",), "ftp", 'Write "protocol": "https".'),
        (("request",), "multipart", "Describe it as model_template/config.json does."),
        (("request", "Content-type"), "image/png", 'Write "Content-type": "multipart/form-data".'),
        (("request",), {"data": {}}, 'Add "Content-type": "multipart/form-data".'),
        (("request",), {"content-type": "multipart/form-data"}, "Rename content-type to Content-type."),
    ],
)
def test_what_is_amiss_with_the_api_is_told(model: Path, path: tuple[str, ...], value: Any, remedy: str) -> None:
    assert [(each.rule, each.remedy) for each in check(model, "apis", 0, *path, value=value)] == [("M4", remedy)]


@pytest.mark.parametrize("method", ["post", "POST", "Post"])
def test_post_may_be_written_in_any_letters(model: Path, method: str) -> None:
    assert check(model, "apis", 0, "method", value=method) == []


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        ({}, 'Add "images": {"type": "file"}; the form is drawn from it.'),
        ({"properties": {}}, 'Add "images": {"type": "file"}; without one the form has no upload.'),
        ({"properties": {"img": {"type": "file"}}}, "Rename it to images, the name of the signature's input."),
    ],
)
def test_a_form_without_the_file_is_told(model: Path, data: Any, remedy: str) -> None:
    found = check(model, "apis", 0, "request", "data", value=data)
    assert told(found) == [("M5", None, remedy)]


def test_a_json_service_needs_no_file(model: Path) -> None:
    request = {"Content-type": "application/json", "data": {"type": "object"}}
    assert check(model, "apis", 0, "request", value=request) == []


@pytest.mark.parametrize(
    ("package", "remedy"),
    [
        ({}, "Name the package, or remove it."),
        ("numpy", "Name the package, or remove it."),
        ({"package_name": "a b&c"}, "Write the name alone; version and restraint have members of their own."),
        ({"package_name": "numpy", "package_version": 1}, "Write the name alone; version and restraint have members of "
         "their own."),
        ({"package_name": "a", "package_version": "1", "restraint": "=="}, 'Write "restraint": "EXACT", or another of '
         "the three."),
        ({"package_name": "a", "restraint": "EXACT"}, "Add package_version, or remove restraint."),
        ({"package_name": "a-1-py3-none-any.whl"}, "Copy the wheel into model/, or name the package alone."),
    ],
)  # fmt: skip
def test_a_package_that_pip_cannot_install_is_told(model: Path, package: Any, remedy: str) -> None:
    found = check(model, "dependencies", value=[{"installer": "pip", "packages": [package]}])
    assert [(each.rule, each.remedy) for each in found] == [("M6", remedy)]


@pytest.mark.parametrize("restraint", ["EXACT", "ATLEAST", "ATMOST"])
def test_the_three_restraints_pass(model: Path, restraint: str) -> None:
    package = {"package_name": "requests", "package_version": "2.20.0", "restraint": restraint}
    assert check(model, "dependencies", value=[{"installer": "pip", "packages": [package]}]) == []


@pytest.mark.parametrize(
    ("dependencies", "remedy"),
    [
        ({}, "Write a list; it may be empty."),
        (["numpy"], "Write it as model_template/config.json does."),
        ([{"installer": "conda", "packages": []}], 'Write "installer": "pip"; there is no other.'),
        ([{"installer": "pip"}], "Write a list; it may be empty."),
    ],
)
def test_dependencies_of_another_form_are_told(model: Path, dependencies: Any, remedy: str) -> None:
    found = check(model, "dependencies", value=dependencies)
    assert [(each.rule, each.remedy) for each in found] == [("M6", remedy)]


@pytest.mark.parametrize(
    ("tags", "runtimes"),
    [
        ("cp36-cp36m-manylinux1_x86_64", {"python3.6"}),
        ("cp27-cp27mu-manylinux1_x86_64", {"python2.7"}),
        ("cp37-cp37m-linux_x86_64", {"python3.7"}),
        ("py3-none-any", {"python3.6", "python3.7"}),
        ("py2.py3-none-any", {"python2.7", "python3.6", "python3.7"}),
        ("cp34-abi3-manylinux1_x86_64", {"python3.6", "python3.7"}),
        ("cp36-cp36m-win_amd64", set()),
        ("cp36-cp36m-macosx_10_9_x86_64", set()),
        ("cp38-cp38-manylinux2010_x86_64", set()),
    ],
)
def test_a_wheel_fits_the_runtimes_that_its_tags_name(model: Path, tags: str, runtimes: set[str]) -> None:
    wheel = f"own_tables-1.0-{tags}.whl"
    (model / wheel).write_bytes(b"wheel")
    fitting = set()
    for runtime in ("python2.7", "python3.6", "python3.7"):
        config = json.loads(CONFIG)
        config["runtime"] = runtime
        config["dependencies"] = [{"installer": "pip", "packages": [{"package_name": wheel}]}]
        if not check_text(model, json.dumps(config)):
            fitting.add(runtime)
    assert fitting == runtimes


@pytest.mark.parametrize("runtime", ["python3.8", "python36", "", 3.6])
def test_a_runtime_that_is_not_offered_is_told(model: Path, runtime: Any) -> None:
    assert told(check(model, "runtime", value=runtime)) == [("M11", "ModelArts.3037", 'Write "runtime": "python3.6".')]


@pytest.mark.parametrize("runtime", ["python3.6", "python3.7"])
def test_a_runtime_that_is_offered_passes(model: Path, runtime: str) -> None:
    assert check(model, "runtime", value=runtime) == []


def test_a_member_that_is_not_documented_is_told(model: Path) -> None:
    found = check(model, "author", value="me")
    assert told(found) == [("M9", None, "Remove it; the platform may refuse what it does not know.")]
    found = check(model, "apis", 0, "methods", value="post")
    assert [each.rule for each in found] == ["M9"]


@pytest.mark.parametrize(
    ("right", "wrong", "rule", "found"),
    [
        ("model_type", "modle_type", "M3", "no model_type, but 'modle_type'"),
        ("model_algorithm", "model_algoritm", "M3", "no model_algorithm, but 'model_algoritm'"),
        ("runtime", "run_time", "M7", "no runtime, but 'run_time'"),
        ("apis", "api", "M4", "no apis, but 'api'"),
        ("method", "methode", "M4", "no method, but 'methode'"),
        ("response", "respons", "M4", "no response, but 'respons'"),
        ("protocol", "procotol", "M9", "'procotol'"),
    ],
)
def test_a_misspelt_member_is_one_finding_on_its_line_that_renames_it(
    model: Path, right: str, wrong: str, rule: str, found: str
) -> None:
    text = CONFIG.replace(f'"{right}":', f'"{wrong}":')
    (one,) = check_text(model, text)
    assert (one.rule, one.found) == (rule, found)
    assert one.remedy in (f"Rename {wrong} to {right}.", f"Rename it to {right}.")
    assert f'"{wrong}"' in text.splitlines()[(one.line or 0) - 1]


def test_a_service_that_imports_moxing_is_not_sent_to_pip_for_it(model: Path) -> None:
    (model / "customize_service.py").write_text(f"import moxing\n{HANDLER}")
    assert [(one.rule, one.remedy) for one in check_text(model, CONFIG)] == [
        ("S7", "Leave it out: pip has no MoXing, and what the service needs lies in model/.")
    ]
