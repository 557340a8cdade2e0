"""What the test page is told of a service, and the files that it is made of."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from modelarts_local.service.page import CONTENT_TYPES, FILES_FOLDER, PageModel, describe, page_routes, read_page_model

PAGE_FILES = sorted(path for path in FILES_FOLDER.rglob("*") if path.is_file())
MAX_LINES = 400


def words_of(language: str) -> dict[str, str]:
    """The messages of one language by key."""
    text = (FILES_FOLDER / "messages.js").read_text(encoding="utf-8")
    block = text.split(f"const {language} = {{", 1)[1].split("\n};", 1)[0]
    return dict(re.findall(r'^  (\w+): "(.*)",$', block, re.M))


def described(model: PageModel) -> dict[str, Any]:
    """The only model of a description, as the page reads it."""
    (only,) = json.loads(json.dumps(describe([model]), allow_nan=False))["models"]
    return dict(only)


def write_model(folder: Path, config: str, synset: bytes = b"") -> PageModel:
    (folder / "config.json").write_text(config)
    (folder / "synset.txt").write_bytes(synset)
    return read_page_model("V0001", "/", str(folder), ["images"], {"mxnet": "1.9.1"})


def test_a_model_is_described_by_its_package(tmp_path: Path) -> None:
    api = {"url": "/", "request": {"data": {"properties": {"images": {"type": "file"}}}}}
    config = json.dumps({"apis": [api], "metrics": {"f1": 0.5, "accuracy": 1}})
    assert described(write_model(tmp_path, config, b"cat\ndog\n\n")) == {
        "name": "V0001",
        "path": "/",
        "inputs": ["images"],
        "apis": [api],
        "metrics": {"f1": 0.5, "accuracy": 1},
        "labels": 2,
        "knows_samples": False,
        "engine": {"mxnet": "1.9.1"},
    }


def test_the_limits_are_those_of_the_platform() -> None:
    assert describe([])["limits"] == {"page_bytes": 8 * 1024 * 1024, "body_bytes": 12 * 1024 * 1024, "seconds": 40.0}


@pytest.mark.parametrize(
    "config",
    [
        "[]",
        "{",
        "null",
        '{"apis": {"url": "/"}, "metrics": []}',
        '{"apis": ["/"], "metrics": {"f1": NaN, "recall": "0.5", "accuracy": true, "precision": Infinity}}',
        "[" * 100000,
    ],
)
def test_what_a_strange_config_says_amiss_is_left_out(tmp_path: Path, config: str) -> None:
    model = described(write_model(tmp_path, config))
    assert (model["apis"], model["metrics"]) == ([], {})


def test_numbers_and_letters_that_json_cannot_carry_do_not_reach_the_page(tmp_path: Path) -> None:
    model = write_model(tmp_path, '{"apis": [{"a": 1e999, "b": NaN, "c": "\\ud800"}], "metrics": {"f1": 1e999}}')
    assert described(model)["apis"] == [{"a": None, "b": None, "c": "\ud800"}]
    assert described(model)["metrics"] == {}
    assert len(page_routes([model])) == 2


def test_labels_that_are_not_there_or_no_text_are_not_counted(tmp_path: Path) -> None:
    assert described(write_model(tmp_path, "{}", b"\xff\xfe"))["labels"] is None
    (tmp_path / "synset.txt").unlink()
    assert described(read_page_model("m", "/", str(tmp_path), ["images"], {}))["labels"] is None
    assert described(write_model(tmp_path, "{}", b"\xff\xfe"))["knows_samples"] is None


def test_a_model_that_has_the_classes_of_all_samples_knows_them(tmp_path: Path) -> None:
    assert described(write_model(tmp_path, "{}", b"cup\nfish\nflower\nhouse\nkey\nstar\numbrella\n"))["knows_samples"]


def test_every_sample_is_a_small_picture_that_is_there() -> None:
    samples = describe([])["samples"]
    assert [sample["name"] for sample in samples] == sorted(sample["name"] for sample in samples)
    assert 3 <= len(samples) <= 6
    for sample in samples:
        content = (FILES_FOLDER / sample["url"].split("/page/", 1)[1]).read_bytes()
        assert content.startswith(b"\xff\xd8") and len(content) < 16 * 1024


def test_every_file_of_the_page_has_a_type_and_fits_on_few_screens() -> None:
    assert {path.suffix for path in PAGE_FILES} == set(CONTENT_TYPES)
    for path in PAGE_FILES:
        if path.suffix != ".jpg":
            assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES, path.name


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    english, chinese = words_of("ENGLISH"), words_of("CHINESE")
    assert len(english) > 50
    assert list(english) == list(chinese)
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_message_is_used_and_every_used_one_is_there() -> None:
    sources = [path.read_text(encoding="utf-8") for path in PAGE_FILES if path.suffix in (".js", ".html")]
    text = "\n".join(source for source in sources if "const ENGLISH" not in source)
    fixed = re.findall(r'data-(?:text|label)="(\w+)"', text)
    named = set(re.findall(r"words\.(\w+)", text)).union(fixed)
    # the others are looked up by a key that stands somewhere as a word
    unused = [key for key in words_of("ENGLISH") if not re.search(rf"\b{key}\b", text)]
    assert sorted(named - set(words_of("ENGLISH"))) == []
    assert unused == []


def test_no_script_of_the_page_makes_html_of_strings() -> None:
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc")
    for path in PAGE_FILES:
        if path.suffix == ".js":
            assert not forbidden.search(path.read_text(encoding="utf-8")), path.name
