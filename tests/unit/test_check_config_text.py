"""config.json is read as strictly as JSON is, and every member is found on its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_local.check.package.config_text import MAX_DEPTH, BrokenConfig, WrittenNumber, parse_config

TEXT = """{
  "model_type": "MXNet",
  "apis": [
    {"url": "/",
     "request": {"Content-type": "a, {b]: c"}},
    {
      "url": "\\"/\\""
    }
  ]
}
"""


def test_a_member_is_found_on_its_line() -> None:
    config = parse_config(TEXT)
    assert config.line("model_type") == 2
    assert config.line("apis", 0, "url") == 4
    assert config.line("apis", 0, "request", "Content-type") == 5
    assert config.line("apis", 1) == 6
    assert config.line("apis", 1, "url") == 7


def test_a_member_that_is_not_there_has_the_line_of_what_is_around_it() -> None:
    config = parse_config(TEXT)
    assert config.line("apis", 1, "method") == 6
    assert config.line("runtime") == 1


def test_a_member_that_is_not_there_is_none() -> None:
    config = parse_config(TEXT)
    assert config.get("apis", 1, "url") == '"/"'
    assert config.get("apis", 2) is None
    assert config.get("apis", "url") is None
    assert config.get("model_type", "name") is None


def test_a_name_that_stands_twice_in_an_object_is_noted_and_one_in_another_object_is_not() -> None:
    assert parse_config('{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}').duplicates == []
    assert parse_config('{"a": 1, "b": {"a": 2, "a": 3}}').duplicates == [("b", "a")]


def test_a_number_keeps_how_it_was_written() -> None:
    value = parse_config('{"accuracy": 0.7400}').get("accuracy")
    assert isinstance(value, WrittenNumber)
    assert (value, value.text) == (0.74, "0.7400")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "Expecting value at column 1"),
        ('{\n"a": 1,\n}', 3, "Expecting property name enclosed in double quotes at column 1"),
        ('{\n"a": 1,\n"b": 2\n\n  "c": 3}', 3, "^a comma is missing at the end of the line$"),
        ('{"a": [1 2]}', 1, "^a comma is missing after column 8$"),
        ('{"a": "b" "c": "d"}', 1, "^a comma is missing after column 9$"),
        ('{\n"a": [1}', 2, "^} closes what another bracket has opened, at column 8$"),
        ('{\n"a": [1\n\n', 2, "^it ends before all its brackets are closed$"),
        ('{"a": Infinity}', 1, "Infinity is no JSON number"),
        ('{"a": NaN}', 1, "NaN is no JSON number"),
        ("\ufeff{}", 1, "Unexpected UTF-8 BOM"),
        ('{"a": ' + "9" * 401 + "}", 1, "a number of 401 digits"),
        ("[" * (MAX_DEPTH + 1), 1, "it is nested deeper than 64 levels"),
        ("]}:,\n" * 10, 1, "Expecting value at column 1"),
    ],
)
def test_what_is_no_json_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(BrokenConfig, match=message) as refused:
        parse_config(text)
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ('{"a": 1\n"b": 2}', "Write a comma at the end of the line."),
        ('{"a": [1 2]}', "Write a comma after column 8."),
        ('{"a": [1}', "Close each bracket with its own kind: { with }, [ with ]."),
        ('{"a": [1', "Close them, or export the model again."),
        ('{"a" 1}', "Repair the line."),
    ],
)
def test_what_is_missing_is_told_with_where_to_write_it(text: str, remedy: str) -> None:
    with pytest.raises(BrokenConfig) as refused:
        parse_config(text)
    assert refused.value.remedy == remedy


def test_a_million_brackets_are_refused_without_reading_them_all() -> None:
    with pytest.raises(BrokenConfig, match="nested deeper"):
        parse_config("[" * 1_000_000)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@given(json_values, st.sampled_from([None, 1]))
def test_any_json_is_read_as_python_reads_it(value: object, indent: int | None) -> None:
    config = parse_config(json.dumps(value, indent=indent))
    assert config.value == value
    assert config.duplicates == []


@given(st.text(alphabet='{}[]:,"\\ab1\n'))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_config(text)
    except BrokenConfig as error:
        assert 1 <= error.line <= text.count("\n") + 1
