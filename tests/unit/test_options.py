"""Types of flags, and how help looks."""

from __future__ import annotations

import argparse

import pytest

from modelarts_local.options import positive_number, size_in_bytes
from obs_layout.help_form import Parser

HELP = """\
Serve models until it is told to stop.

    serve  out/V0001   --port=0

options:
  -h, --help   show this help message and
               exit
  --port PORT  port to listen on (default:
               8080)
  --host HOST  address (default: that of
               this computer-at-home)
  --quiet      log nothing

exit codes: 0 done; 2 the command line; 3
storage
"""


def test_help_keeps_examples_as_they_are_written_and_tells_each_default_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "44")
    examples = "Serve models until it\nis told to stop.\n\n    serve  out/V0001   --port=0\n"
    parser = Parser(prog="serve", description=examples, epilog="exit codes: 0 done; 2 the command line; 3 storage")
    parser.add_argument("--port", default=8080, help="port to listen on")
    parser.add_argument("--host", default=None, help="address (default: that of this computer-at-home)")
    parser.add_argument("--quiet", action="store_true", help="log nothing")
    _usage, _, shown = parser.format_help().partition("\n\n")
    assert shown.replace("optional arguments:", "options:") == HELP  # the title that Python before 3.10 has


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4G", 4 << 30),
        ("512M", 512 << 20),
        ("1.5GiB", 3 << 29),
        ("2 tb", 2 << 40),
        ("100k", 102_400),
        ("4096", 4096),
        ("7B", 7),
    ],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert size_in_bytes(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "4X", "0", "1e9", "4G4"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refusal:
        size_in_bytes(text)
    assert str(refusal.value) == f"{text!r} is not a size; write a number and K, M, G or T, such as 4G"


def test_a_number_above_0_is_read() -> None:
    assert (positive_number("0.5"), positive_number("20")) == (0.5, 20.0)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", ""])
def test_what_is_no_number_above_0_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refusal:
        positive_number(text)
    assert str(refusal.value) == f"{text!r} is not a number above 0"
