"""The signature that the three deployment variables describe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_local.errors import CommandLineError
from modelarts_local.package.signature import parse_shape, signature_from_environment


def test_no_variable_leaves_the_signature_to_the_handler() -> None:
    assert signature_from_environment({"PATH": "/bin"}) == {}


def test_empty_variables_count_as_not_set() -> None:
    assert signature_from_environment({"input_data_name": "", "input_data_shape": "", "output_data_shape": ""}) == {}


def test_the_triple_names_one_input_and_one_output() -> None:
    environ = {"input_data_name": "images", "input_data_shape": "0,3,224,224", "output_data_shape": "0,102"}
    assert signature_from_environment(environ) == {
        "inputs": [{"data_name": "images", "data_shape": [0, 3, 224, 224]}],
        "outputs": [{"data_name": "output", "data_shape": [0, 102]}],
    }


@pytest.mark.parametrize(
    "environ, missing",
    [
        ({"input_data_name": "images"}, "input_data_shape"),
        ({"input_data_shape": "0,3,8,8"}, "input_data_name"),
    ],
)
def test_name_and_shape_of_the_input_belong_together(environ: dict[str, str], missing: str) -> None:
    with pytest.raises(CommandLineError) as refusal:
        signature_from_environment(environ)
    assert str(refusal.value) == (
        f"input_data_name and input_data_shape belong together, and there is no {missing} in the "
        "environment. Set both or none."
    )


@pytest.mark.parametrize("text", ["0, 3,8,8", " 0,3", "0,3,", "0;3", "-1,3", "0,3,x", "\u0663,1", "0,3\n"])
def test_a_shape_with_anything_but_numbers_and_commas_is_refused(text: str) -> None:
    with pytest.raises(CommandLineError) as refusal:
        parse_shape("input_data_shape", text)
    assert str(refusal.value) == (
        f"input_data_shape is {text!r}; write numbers and commas without spaces, such as 0,3,224,224."
    )


@given(st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=6))
def test_every_list_of_lengths_is_read_back(lengths: list[int]) -> None:
    assert parse_shape("output_data_shape", ",".join(map(str, lengths))) == lengths
