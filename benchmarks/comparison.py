"""What every comparison does alike: the run of its command, what it says of the machine, and lines of its table."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import tempfile
import urllib.error
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Protocol, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.failures import BenchmarkFailed
from obs_layout.storage import engine

EXIT_FAILED = 1
MEBIBYTE = 1024 * 1024

Result = Mapping[str, Any]


class Report(Protocol):
    """A module that shows the result of a comparison."""

    def as_json(self, result: Result) -> dict[str, Any]:
        """Return it fit for json.dump."""

    def as_text(self, result: Result) -> str:
        """Return it for people."""


class Bar(NamedTuple):
    """One requirement and the measured value of the factor in `claim`."""

    passed: bool
    claim: str
    ratio: float


def run_comparison(name: str, measure: Callable[[Path], Result], report: Report, json_file: Path | None) -> Any:
    """Measure in a temporary folder, and print the result; returns it, or None after a sentence about what failed.

    name: of the program. json_file: where the result goes, too.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave no program behind
    try:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            result = measure(Path(folder))
    except (BenchmarkFailed, BotoCoreError, ClientError, urllib.error.URLError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return None
    except KeyboardInterrupt:
        print(f"{name}: interrupted; nothing was kept", file=sys.stderr)
        return None
    if json_file is not None:
        json_file.write_text(json.dumps(report.as_json(result), indent=2) + "\n", encoding="utf-8")
    print(report.as_text(result))
    return result


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


def machine_facts() -> dict[str, Any]:
    """The cores this process may use, how busy they are, the system and the Python."""
    return {
        "cores": engine.usable_processors(),
        "load before": round(os.getloadavg()[0], 1),
        "system": platform.platform(),
        "Python": platform.python_version(),
    }


def machine_line(facts: Mapping[str, Any]) -> str:
    """The facts of the machine for people."""
    return "Machine: " + ", ".join(f"{name} {value}" for name, value in facts.items())


def ratio_columns(ratio: float | None, lowest: float | None, highest: float | None) -> str:
    """A ratio of medians, and its lowest and highest within single rounds, as two columns; None: not known."""
    middle = "" if ratio is None else f"{ratio:.2f}"
    spread = "" if lowest is None else f"{lowest:.2f} - {highest:.2f}"
    return f"{middle:>8}  {spread:15}"


def bar_lines(found: Sequence[Bar]) -> Iterator[str]:
    """One line a bar, how many were passed, and an empty line; nothing where there is none."""
    for bar in found:
        yield f"{'pass' if bar.passed else 'FAIL'}  {bar.claim}: {bar.ratio:.2f}"
    if found:
        yield f"{sum(bar.passed for bar in found)} of {len(found)} bars passed."
        yield ""
