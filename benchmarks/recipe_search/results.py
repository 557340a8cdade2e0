"""The finished trainings of a comparison in a file, one a line, and the table that is made of them."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence

from benchmarks.failures import BenchmarkFailed
from benchmarks.recipe_search.trials import Settings


class Result(NamedTuple):
    """A finished training. measured: name -> numbers, one an epoch, see Training.results; machine: what it ran on."""

    recipe: str
    seed: int
    settings: Settings
    data: str  # sha256 of the pictures
    measured: dict[str, list[float]]
    seconds: float
    machine: str

    def last(self, name: str) -> float:
        """The measure in the last epoch, whose weights nobody has chosen."""
        return self.measured[name][-1]


def append_result(path: Path, result: Result) -> None:
    """Add a line to the file."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**result._asdict(), "settings": result.settings._asdict()}) + "\n")


def read_results(path: Path, settings: Settings, data: str) -> list[Result]:
    """Return those of a file, if it is there, that had these settings and these data.

    Raises BenchmarkFailed with the line that is no result.
    """
    results = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            result = _parse_result(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            raise BenchmarkFailed(f"{path}: line {number} is no result: {line[:60]!r}. Remove the line.") from error
        if (result.settings, result.data) == (settings, data):
            results.append(result)
    return results


def _parse_result(content: Any) -> Result:
    result = Result(**{**content, "settings": Settings(**content["settings"])})
    if not all(result.measured[name] for name in ("val_top1", "train_top1")):
        raise ValueError("no epoch")
    return result


class Column(NamedTuple):
    """A measure of the table: the mean over the seeds of its last epoch, times `scale`."""

    title: str
    name: str
    scale: float
    form: str


COLUMNS = (
    Column("top-5, %", "val_top5", 100, ".1f"),
    Column("cross-entropy", "val_cross_entropy", 1, ".3f"),
    Column("macro recall, %", "val_macro_recall", 100, ".1f"),
    Column("its own pictures, %", "train_top1", 100, ".1f"),
)


def table_of(results: Sequence[Result], recipes: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a Markdown table, one recipe a line, of means over the seeds in the last epoch.

    recipes: in their order; the first is what the others are compared with, by the seeds that both have.
    """
    titles = ["recipe", "seeds", "top-1, %", "against the first", *(column.title for column in COLUMNS), "s a training"]
    yield f"| {' | '.join(titles)} |"
    yield f"|{' --- |' * len(titles)}"
    groups = {recipe: [one for one in results if one.recipe == recipe] for recipe in recipes}
    first = {one.seed: one.last("val_top1") for one in groups[recipes[0]]}
    for recipe, group in groups.items():
        if group:
            yield f"| {' | '.join(_cells(recipe, group, first))} |"


def _cells(recipe: str, group: Sequence[Result], first: dict[int, float]) -> Iterator[str]:
    yield f"`{recipe}`"
    yield str(len(group))
    yield f"{100 * statistics.mean(one.last('val_top1') for one in group):.1f}"
    gains = [100 * (one.last("val_top1") - first[one.seed]) for one in group if one.seed in first]
    yield f"{statistics.mean(gains):+.1f}" if gains else ""
    for column in COLUMNS:
        yield f"{column.scale * statistics.mean(one.last(column.name) for one in group):{column.form}}"
    yield f"{statistics.mean(one.seconds for one in group):.0f}"
