"""The stack of a handler that hangs is read within bounds, whatever its process writes."""

from __future__ import annotations

import os

import pytest

from modelarts_local.handler_stack import as_trace, innermost_place, read_stack

STACK = """\
Stack (most recent call first):
  File "/usr/lib/python3.6/threading.py", line 295 in wait
  File "/tmp/\\xe9/model/tables/colours.py", line 7 in look_up
  File "/tmp/\\xe9/model/customize_service.py", line 51 in _postprocess
  File "/somewhere/handler_worker/hosting.py", line 61 in answer
"""


def test_the_innermost_line_of_the_package_is_named_and_not_that_of_a_library() -> None:
    assert innermost_place(STACK, "/tmp/é/model") == "tables/colours.py:7"


@pytest.mark.parametrize("folder", ["/tmp/é/mod", "/elsewhere", "/tmp/e/model"])
def test_a_stack_without_a_line_of_the_package_names_none(folder: str) -> None:
    assert innermost_place(STACK, folder) is None
    assert innermost_place("", folder) is None


def test_a_stack_is_told_in_the_order_of_a_traceback() -> None:
    lines = as_trace(STACK).splitlines()
    assert lines[0] == "Stack when it was ended (most recent call last):"
    assert [line.rpartition(" ")[2] for line in lines[1:]] == ["answer", "_postprocess", "look_up", "wait"]


@pytest.mark.parametrize("said", ["", "x" * 100, '  File "a\x1b[2J", line 1 in b', '  File "a", line 12345678901 in b'])
def test_what_is_no_stack_is_none(said: str) -> None:
    assert as_trace(said) == ""


@pytest.mark.parametrize(("content", "read"), [(STACK.encode(), STACK), (b"", ""), (b"\xff\n", "\\xff\n")])
def test_a_pipe_is_read_until_it_is_quiet_or_closed(content: bytes, read: str) -> None:
    ours, theirs = os.pipe()
    try:
        os.write(theirs, content)
        assert read_stack(ours) == read
        os.close(theirs)
        assert read_stack(ours) == ""
    finally:
        os.close(ours)
