"""Every limit of the platform that we list is kept by each command that we say keeps it, and a test proves it.

A test proves a limit by its mark: `@pytest.mark.keeps("request-size", "serve")`.
"""

from __future__ import annotations

import ast
import re
from typing import Iterator

from modelarts_local.check.rules import RULES
from modelarts_local.platform_rules import LIMITS
from tests.static.sources import ROOT, Source, as_source, dotted, nodes, python_sources
from tools.platform_rules_page import page


def proofs(source: Source) -> Iterator[tuple[str, str]]:
    """(limit, command) of every mark in a file of tests."""
    for call in nodes(source, ast.Call):
        if dotted(call.func) == "pytest.mark.keeps":
            limit, command = (ast.literal_eval(argument) for argument in call.args)
            yield limit, command


def claims() -> set[tuple[str, str]]:
    return {(limit.id, command) for limit in LIMITS.values() for command in limit.enforced_by}


def test_every_limit_is_proven_for_every_command_that_keeps_it() -> None:
    proven = {proof for source in python_sources("tests") for proof in proofs(source)}
    assert sorted(claims() - proven) == []
    assert sorted(proven - claims()) == []


def test_a_mark_is_found_where_it_stands() -> None:
    text = "@pytest.mark.keeps('request-size', 'serve')\n@pytest.mark.keeps('x', 'y')\ndef test_a(): pass"
    assert list(proofs(as_source(text))) == [("request-size", "serve"), ("x", "y")]


def test_every_limit_says_where_it_is_known_from() -> None:
    for limit in LIMITS.values():
        assert limit.evidence in ("D", "S", "I", "U"), limit.id
        assert limit.source.split(":")[0], limit.id
        assert limit.enforced_by, limit.id


def test_the_rules_of_check_stand_in_the_order_of_their_ids_and_say_where_they_are_known_from() -> None:
    assert list(RULES) == sorted(RULES, key=lambda rule: ("TMISN".index(rule[0]), int(rule[1:])))
    for rule in RULES.values():
        assert re.fullmatch(r"\d(\.\d+)?(, \d(\.\d+)?)*", rule.basis), rule.id
        assert not rule.title.endswith("."), rule.id


def test_the_page_of_rules_is_that_of_the_tables() -> None:
    written = (ROOT / "docs" / "platform-rules.md").read_text(encoding="utf-8")
    assert written == page(), "make it anew with: PYTHONPATH=.:codes python3 -m tools.platform_rules_page"
