"""What one types into the import form and into the deployment form."""

from __future__ import annotations

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.package.deployment import PICTURES, KnownShape, check_deployment, check_shapes
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
        ({NAME: "images", SHAPE: "(0,3,8,8)"}, "Write input_data_shape=0,3,8,8."),
        ({NAME: "images", SHAPE: "8x8"}, "Write input_data_shape=0,3,H,W, with the height and width to which "),
        ({OUTPUT: "0;5"}, "Write output_data_shape=0,N, with the number of classes."),
        ({OUTPUT: "0," + "9" * 5000}, "Write output_data_shape="),
        (
            {NAME: "images"},
            "Set input_data_shape=0,3,H,W, with the height and width to which the handler brings its pictures; or set ",
        ),
        ({SHAPE: "0,3,8,8"}, "Set input_data_name=images; or set neither."),
        ({NAME: "data", SHAPE: "0,3,8,8"}, "Write input_data_name=images."),
    ],
)
def test_a_wrong_variable_is_told_with_the_right_one(environ: dict[str, str], remedy: str) -> None:
    _, findings = check_deployment(environ)
    assert [each.remedy[: len(remedy)] for each in findings] == [remedy]


def about_shapes(environ: dict[str, str], *known: KnownShape) -> list[tuple[str, str, str, str]]:
    """Rule, found, expected and remedy of each finding."""
    deployment, findings = check_deployment(environ)
    assert findings == []
    return [(one.rule, one.found, one.expected, one.remedy) for one in check_shapes(deployment, *known)]


HANDLERS = KnownShape([0, 3, 48, 48], "the handler")
NETWORKS = KnownShape([1, 1, 0, 0], "the network")  # one that takes any size


def test_shapes_are_compared_with_what_is_known() -> None:
    environ = {NAME: "images", SHAPE: "0,1,28,28", OUTPUT: "0,10"}
    assert about_shapes(environ, KnownShape([1, 1, 28, 28], "the network"), KnownShape([1, 10], "the network")) == []
    assert about_shapes(environ, NETWORKS) == []
    assert about_shapes(environ) == []
    assert about_shapes(environ, KnownShape([0, 3, 28, 28], "the handler"), KnownShape([1, 5], "the network")) == [
        ("M8", "0,1,28,28", "0,3,28,28, as the handler has it", "Write input_data_shape=0,3,28,28."),
        ("M8", "0,10", "0,5, as the network has it", "Write output_data_shape=0,5."),
    ]


@pytest.mark.parametrize(
    ("known", "expected", "remedy"),
    [
        (HANDLERS, "4 lengths, 0,3,48,48, as the handler has it", "Write input_data_shape=0,3,48,48."),
        (
            NETWORKS,
            "4 lengths, 0,1,H,W, as the network has it",
            "Write input_data_shape=0,1,H,W, with the height and width to which the handler brings its pictures.",
        ),
        (
            PICTURES,
            "4 lengths, 0,3,H,W",
            "Write input_data_shape=0,3,H,W, with the height and width to which the handler brings its pictures.",
        ),
    ],
)
def test_a_shape_without_a_batch_is_one_finding_with_the_whole_shape(
    known: KnownShape, expected: str, remedy: str
) -> None:
    found = about_shapes({NAME: "images", SHAPE: "3,48,48"}, known)
    assert found == [("M8", "3,48,48, which has 3 lengths", expected, remedy)]


def test_a_batch_is_told_where_the_shape_is_right_and_only_there() -> None:
    assert about_shapes({NAME: "images", SHAPE: "1,3,48,48", OUTPUT: "1,5"}, HANDLERS) == [
        ("M13", "a batch of 1", "0, which stands for any batch", "Write input_data_shape=0,3,48,48."),
        ("M13", "a batch of 1", "0, which stands for any batch", "Write output_data_shape=0,5."),
    ]
    assert [one[0] for one in about_shapes({NAME: "images", SHAPE: "1,3,8,8"}, HANDLERS)] == ["M8"]
