"""Rules that no linter knows: nothing is mocked, libraries do not print, no trace of one machine is left."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import Iterator

import pytest

from tests.static.imports import imports_of
from tests.static.sources import (
    ROOT,
    Source,
    as_source,
    dotted,
    findings,
    nodes,
    python_sources,
    text_files,
)

# Programs whose result people and other programs read from standard output
PRINTING = (
    "codes/moxing_shim/command_copy.py",
    "codes/moxing_shim/command_line.py",
    "codes/moxing_shim/command_list.py",
    "codes/moxing_shim/command_remove.py",
    "codes/moxing_shim/command_run.py",
    "codes/quantize_model.py",
    "obs_layout/cli.py",
    "modelarts_local/check/runner.py",
    "modelarts_local/cli.py",
    "modelarts_local/quantize.py",
    "modelarts_local/image_config.py",
    "modelarts_local/client/predict.py",
    "modelarts_local/service/once.py",
    "modelarts_local/job/removing.py",
    "modelarts_local/job/showing.py",
    "modelarts_local/service/serve.py",
    "modelarts_local/submit/command.py",
    "modelarts_local/submit/planning.py",
    "modelarts_local/submit/telling.py",
    "demo/__main__.py",
    "demo/walk.py",
    "tools/platform_rules_page.py",
    "tools/training_flags_page.py",
    "benchmarks/comparison.py",
    "benchmarks/http_load.py",
    "benchmarks/hostile_load.py",
    "benchmarks/packing.py",
    "benchmarks/programs/forward.py",
    "benchmarks/programs/mxnet_steps.py",
    "benchmarks/programs/torch_steps.py",
    "benchmarks/recipe_search/check.py",
    "benchmarks/recipe_search/command_line.py",
    "benchmarks/recipes.py",
)
MOCK_MODULES = {"mock", "unittest.mock", "pytest_mock"}
MOCK_NAMES = {"patch", "Mock", "MagicMock", "AsyncMock", "mocker", "create_autospec"}
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# A home or scratch folder, and hosts that stand in for the public registries in one network only
MACHINE = re.compile(
    r"(?<![\w.}$])/(?:work|root|Users|tmp/dev)/|/home/(?!(?:work|mind)/)\w+/|pythonhosted|pypi\.org/simple|index[-_]url|"
    r"artifactory|\bmirrors?\.\w+\.\w+"
)


def mocks(source: Source) -> Iterator[str]:
    """Replaced functions and made-up objects; tests fake the wire instead."""
    for imported in imports_of(source):
        if {imported.module, imported.full} & MOCK_MODULES:
            yield f"{imported.line}: {imported.full}"
    for attribute in nodes(source, ast.Attribute):
        # a variable of the environment may be set, a function may not
        if attribute.attr in ("setattr", "MagicMock") or dotted(attribute) in ("mock.patch", "mocker.patch"):
            yield f"{attribute.lineno}: {dotted(attribute) or attribute.attr}"
    for name in nodes(source, ast.Name):
        if name.id in MOCK_NAMES - {"patch"}:
            yield f"{name.lineno}: {name.id}"
    for argument in nodes(source, ast.arg):
        if argument.arg == "mocker":
            yield f"{argument.lineno}: mocker"


def skips_without_reason(source: Source) -> Iterator[str]:
    """Tests that are skipped or expected to fail and do not say why."""
    called = {id(call.func): call for call in nodes(source, ast.Call)}
    for attribute in nodes(source, ast.Attribute):
        name = dotted(attribute)
        call = called.get(id(attribute))
        given = [] if call is None else [keyword.arg for keyword in call.keywords]
        positional = 0 if call is None else len(call.args)
        is_mark = name in ("pytest.mark.skip", "pytest.mark.xfail") and not ("reason" in given or positional)
        is_skipif = name == "pytest.mark.skipif" and "reason" not in given
        is_call = name in ("pytest.skip", "pytest.xfail") and not (positional or {"reason", "msg"}.intersection(given))
        if is_mark or is_skipif or is_call:
            yield f"{attribute.lineno}: {name}"


def prints(source: Source) -> Iterator[str]:
    """Calls of print; a library logs."""
    for call in nodes(source, ast.Call):
        if dotted(call.func) == "print":
            yield f"{call.lineno}: print"


def left_overs(source: Source) -> Iterator[str]:
    """Comments that put off what should have been done."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT and LEFT_OVER.search(token.string):
            yield f"{token.start[0]}: {token.string}"


def machine_traces(text: str) -> Iterator[str]:
    """Folders and hosts that exist on one machine only."""
    for number, line in enumerate(text.splitlines(), 1):
        found = MACHINE.search(line)
        if found:
            yield f"{number}: {found.group()}"


def test_nothing_is_mocked() -> None:
    assert findings(python_sources("tests"), mocks) == []


@pytest.mark.parametrize(
    "text",
    [
        "import unittest.mock",
        "from unittest import mock",
        "from unittest.mock import patch",
        "mock.patch('a.b')",
        "MagicMock()",
        "client = unittest.mock.MagicMock()",
        "def test(monkeypatch):\n    monkeypatch.setattr(os, 'replace', None)",
        "def test(mocker): pass",
    ],
)
def test_a_mock_is_found(text: str) -> None:
    assert list(mocks(as_source(text))) != []


def test_a_variable_of_the_environment_may_be_set() -> None:
    assert list(mocks(as_source("def test(monkeypatch):\n    monkeypatch.setenv('A', '1')"))) == []


def test_every_skip_and_every_expected_failure_says_why() -> None:
    assert findings(python_sources("tests"), skips_without_reason) == []


@pytest.mark.parametrize(
    "text",
    [
        "@pytest.mark.skip\ndef test(): pass",
        "@pytest.mark.skip()\ndef test(): pass",
        "@pytest.mark.skipif(True)\ndef test(): pass",
        "@pytest.mark.xfail\ndef test(): pass",
        "@pytest.mark.xfail(strict=True)\ndef test(): pass",
        "pytest.skip()",
    ],
)
def test_a_skip_without_a_reason_is_found(text: str) -> None:
    assert len(list(skips_without_reason(as_source(text)))) == 1


@pytest.mark.parametrize(
    "text", ["pytest.skip('no GPU')", "pytest.mark.skipif(True, reason='no GPU')", "pytest.mark.xfail(reason='x')"]
)
def test_a_skip_with_a_reason_passes(text: str) -> None:
    assert list(skips_without_reason(as_source(text))) == []


def test_libraries_do_not_print() -> None:
    sources = python_sources("codes", "obs_layout", "modelarts_local", "demo", "benchmarks", "tools")
    assert findings([source for source in sources if source.name not in PRINTING], prints) == []


def test_the_list_of_printing_programs_is_up_to_date() -> None:
    printing = {source.name for source in python_sources() if list(prints(source))}
    assert sorted(set(PRINTING) - printing) == []


def test_a_print_is_found() -> None:
    assert list(prints(as_source("def f():\n    print('done')"))) == ["2: print"]


def test_nothing_is_left_for_later() -> None:
    assert findings(python_sources(), left_overs) == []


@pytest.mark.parametrize("word", ["TODO", "FIXME"])
def test_a_note_for_later_is_found(word: str) -> None:
    assert list(left_overs(as_source(f"x = 1  # {word}: say more"))) == [f"1: # {word}: say more"]


def test_no_file_names_one_machine_or_one_network() -> None:
    # this file has to spell what it looks for
    paths = [path for path in text_files() if path != Path(__file__).resolve()]
    assert len(paths) > 100
    found = [
        f"{path.relative_to(ROOT)}:{trace}"
        for path in paths
        for trace in machine_traces(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["cd /work/somewhere", "DATA = '/root/data'", "/home/ana/images", "pip --index-url=x", "https://mirrors.a.b/"],
)
def test_a_trace_of_a_machine_is_found(line: str) -> None:
    assert len(list(machine_traces(f"\n{line}\n"))) == 1


@pytest.mark.parametrize(
    "line", ["/home/work/user-job-dir/codes", "/home/mind/model", "$HOME/work/", "https://pypi.org/project/mxnet/"]
)
def test_folders_of_the_platform_are_no_trace_of_a_machine(line: str) -> None:
    assert list(machine_traces(line)) == []
