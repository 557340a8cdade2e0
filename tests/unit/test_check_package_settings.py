"""What one types into the import form and into the deployment form."""

from __future__ import annotations

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.package.deployment import check_against_network, check_deployment
from modelarts_local.check.package.import_form import check_names

NAME = "input_data_name"
SHAPE = "input_data_shape"
OUTPUT = "output_data_shape"


def refused(name: str | None = None, version: str | None = None, description: str | None = None) -> list[Finding]:
    return list(check_names(name, version, description))


@pytest.mark.keeps("model-name", "check")
def test_a_model_name_of_48_characters_is_allowed_and_one_of_49_is_not() -> None:
    assert refused(name="m" * 48) == []
    assert [each.expected for each in refused(name="m" * 49)] == [
        "at most 48 letters, Chinese characters, digits, - and _, beginning with a letter"
    ]


@pytest.mark.parametrize("name", ["caltech_101", "模型-1", "M"])
def test_a_model_name_of_documented_characters_passes(name: str) -> None:
    assert refused(name=name) == []


@pytest.mark.parametrize("name", ["", "1st", "_a", "a.b", "a b", "über"])
def test_another_model_name_does_not(name: str) -> None:
    assert [each.remedy for each in refused(name=name)] == ["Choose another name."]


@pytest.mark.parametrize("version", ["0.0.1", "10.20.99"])
def test_a_version_of_three_numbers_passes(version: str) -> None:
    assert refused(version=version) == []


@pytest.mark.parametrize("version", ["", "1", "1.0", "01.0.0", "1.0.100", "1.0.0.0", "v1.0.0"])
def test_another_version_does_not(version: str) -> None:
    assert [each.remedy for each in refused(version=version)] == ["Write it as N.N.N."]


@pytest.mark.keeps("model-description", "check")
def test_a_description_of_100_characters_is_allowed_and_one_of_101_is_not() -> None:
    assert refused(description="d" * 100) == []
    assert [(each.found, each.remedy) for each in refused(description="d" * 101)] == [("101 characters", "Shorten it.")]


@pytest.mark.parametrize("character", list("&!'\"<>="))
def test_a_description_with_a_forbidden_character_is_told(character: str) -> None:
    assert [each.remedy for each in refused(description=f"a{character}b")] == ["Leave these characters out."]


def test_no_variables_say_nothing() -> None:
    deployment, findings = check_deployment({})
    assert (deployment.signature, findings) == ({}, [])


def test_good_variables_are_the_signature() -> None:
    deployment, findings = check_deployment({NAME: "images", SHAPE: "0,3,8,8", OUTPUT: "0,5"})
    assert findings == []
    assert deployment.signature["inputs"] == [{"data_name": "images", "data_shape": [0, 3, 8, 8]}]
    assert deployment.output_shape == [0, 5]


@pytest.mark.parametrize(
    ("environ", "remedy"),
    [
        ({NAME: "images", SHAPE: "0, 3,8,8"}, "Write input_data_shape=0,3,8,8."),
        ({NAME: "images", SHAPE: "(0,3,8,8)"}, "Write input_data_shape=0,3,224,224."),
        ({OUTPUT: "0;5"}, "Write output_data_shape=0,102."),
        ({OUTPUT: "0," + "9" * 5000}, "Write output_data_shape="),
        ({NAME: "images"}, "Set input_data_shape=0,3,224,224, or neither."),
        ({SHAPE: "0,3,8,8"}, "Set input_data_name=images, or neither."),
        ({NAME: "data", SHAPE: "0,3,8,8"}, "Write input_data_name=images."),
        ({OUTPUT: "1,5"}, "Write output_data_shape=0,5."),
    ],
)
def test_a_wrong_variable_is_told_with_the_right_one(environ: dict[str, str], remedy: str) -> None:
    _, findings = check_deployment(environ)
    assert [each.remedy[: len(remedy)] for each in findings] == [remedy]


def test_shapes_are_compared_with_those_of_the_network() -> None:
    deployment, _ = check_deployment({NAME: "images", SHAPE: "0,1,28,28", OUTPUT: "0,10"})
    assert list(check_against_network(deployment, [1, 1, 28, 28], [1, 10])) == []
    assert list(check_against_network(deployment, [], [])) == []
    wrong = list(check_against_network(deployment, [1, 3, 28, 28], [1, 5]))
    assert [each.expected for each in wrong] == ["0,3,28,28, as the network has it", "0,5, as the network has it"]
