"""Which class of a handler file is the service."""

from __future__ import annotations

import types

import pytest

from modelarts_local.handler_worker.hosting import HandlerLoadFailed, describe, the_only_leaf_class


class Base:
    pass


def module_with(*classes: type) -> types.ModuleType:
    module = types.ModuleType("customize_service")
    for member in classes:
        setattr(module, member.__name__, member)
    return module


def test_the_leaf_is_the_service_and_its_parent_is_not() -> None:
    parent = type("Parent", (Base,), {})
    leaf = type("Leaf", (parent,), {})
    assert the_only_leaf_class(module_with(Base, parent, leaf, dict), Base) is leaf


def test_two_leaves_are_refused_by_name() -> None:
    first, second = type("First", (Base,), {}), type("Second", (Base,), {})
    with pytest.raises(HandlerLoadFailed) as refusal:
        the_only_leaf_class(module_with(Base, first, second), Base)
    assert str(refusal.value) == (
        "customize_service.py must define exactly one service class derived from MXNetBaseService. "
        "Found: First, Second."
    )


def test_a_handler_without_a_class_of_its_own_is_refused() -> None:
    with pytest.raises(HandlerLoadFailed, match=r"derived from MXNetBaseService\. Found: none\.$"):
        the_only_leaf_class(module_with(Base), Base)


def test_an_exception_is_described_on_one_line_of_bounded_length() -> None:
    assert describe(ValueError("two\nlines")) == "ValueError: two lines"
    assert len(describe(ValueError("x" * 5000))) == 1000
