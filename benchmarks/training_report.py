"""Medians, ratios, the bars that were set before, and the tables of the comparison of trainings."""

from __future__ import annotations

import statistics
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from benchmarks.comparison import MEBIBYTE, Bar, bar_lines, machine_line, ratio_columns

JOB = "job"
# the job's images a second must be at least so many times those of the side
AT_LEAST = {"ceiling": 0.95, "pytorch": 1.3}
SETTLED_EPOCH = 2  # by then all that a job keeps is there: optimizer, validation, checkpoints
HEADER = f"    {'':10}{'images/s':>10}{'job /':>8}  {'in each round':15}{'no batch':>9}{'peak MiB':>10}  rounds"
LEGEND = (
    "Medians. job /: the job's images a second / those of the side, above 1 where the job is faster; then the lowest",
    "and the highest of it within a round. no batch: share of the time in which there was none to learn from. Memory",
    "is that of all processes of a side; what they share counts for each.",
)
MEANINGS = {
    "job": "from records to updated weights, by the lines of its own log",
    "ceiling": "forward, backward and update on one batch that is in memory",
    "pytorch": "the same network and recipe, channels_last, from the original images",
    "waiting": "the ceiling's loop on the job's batches, each asked for when the network is done with the one before",
}


class Run(NamedTuple):
    """What one run of a side did. waited: share of the time without a batch, None where it is not known."""

    case: str
    side: str
    round: int
    images_per_s: float
    peak_bytes: int
    waited: float | None = None


class Summary(NamedTuple):
    """A side's medians. ratio: the job's speed / the side's; lowest, highest: of that within single rounds."""

    images_per_s: float
    peak_bytes: float
    waited: float | None
    ratio: float | None
    lowest: float | None
    highest: float | None
    rounds: int


class Memory(NamedTuple):
    """Bytes that a job holds at the end of each of its epochs, and the most that it held at any time."""

    case: str
    held_bytes: Sequence[int]
    peak_bytes: int


class Start(NamedTuple):
    """Seconds from the start of the job to its first update, with data and output in a folder and in a bucket."""

    case: str
    round: int
    folder_s: float
    bucket_s: float


def summarize(runs: Sequence[Run]) -> dict[tuple[str, str], Summary]:
    """The summary of each case and side, in the order of the runs."""
    by_key: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        by_key.setdefault((run.case, run.side), []).append(run)
    return {key: _summary(same, by_key.get((key[0], JOB), [])) for key, same in by_key.items()}


def _summary(runs: Sequence[Run], of_job: Sequence[Run]) -> Summary:
    images_per_s = statistics.median(run.images_per_s for run in runs)
    job = {run.round: run.images_per_s for run in of_job}
    # within a round both met the same machine
    ratios = [job[run.round] / run.images_per_s for run in runs if run.round in job]
    waited = [run.waited for run in runs if run.waited is not None]
    return Summary(
        images_per_s=images_per_s,
        peak_bytes=statistics.median(run.peak_bytes for run in runs),
        waited=statistics.median(waited) if waited else None,
        ratio=statistics.median(job.values()) / images_per_s if job else None,
        lowest=min(ratios, default=None),
        highest=max(ratios, default=None),
        rounds=len(runs),
    )


def bars(summaries: Mapping[tuple[str, str], Summary]) -> list[Bar]:
    """Every bar whose side was measured beside the job."""
    return [
        Bar(summary.ratio >= AT_LEAST[side], f"{case}: job at least {AT_LEAST[side]:g}x {side}", summary.ratio)
        for (case, side), summary in summaries.items()
        if side in AT_LEAST and summary.ratio is not None
    ]


def as_json(result: Mapping[str, Any]) -> dict[str, Any]:
    """`result` of training.py with names in place of tuples, fit for json.dump."""
    summaries = summarize(result["runs"])
    return {
        **result,
        "runs": [run._asdict() for run in result["runs"]],
        "medians": [{**dict(zip(("case", "side"), key)), **summary._asdict()} for key, summary in summaries.items()],
        "bars": [bar._asdict() for bar in bars(summaries)],
        "memory": [memory._asdict() for memory in result["memory"]],
        "starts": [start._asdict() for start in result["starts"]],
    }


def as_text(result: Mapping[str, Any]) -> str:
    """The same for people."""
    summaries = summarize(result["runs"])
    lines = []
    for case in dict.fromkeys(run.case for run in result["runs"]):
        lines.append(f"{case}: {result['cases'][case]}")
        lines.append(HEADER)
        lines += [*(_row(side, summary) for (of, side), summary in summaries.items() if of == case), ""]
    lines += bar_lines(bars(summaries))
    lines += _memory_lines(result["memory"])
    lines += _start_lines(result["starts"])
    lines += LEGEND if summaries else ()
    lines += [f"{side}: {MEANINGS[side]}; {settings}" for side, settings in result["settings"].items()]
    lines += [f"Data: {result['data']}"]
    lines += [machine_line(result["machine"])]
    return "\n".join(lines)


def _row(side: str, summary: Summary) -> str:
    ratios = ratio_columns(summary.ratio, summary.lowest, summary.highest)
    waited = "" if summary.waited is None else f"{summary.waited:.1%}"
    peak = f"{summary.peak_bytes / MEBIBYTE:,.0f}" if summary.peak_bytes else ""
    return f"    {side:10}{summary.images_per_s:>10,.2f}{ratios}{waited:>9}{peak:>10}  {summary.rounds}"


def _memory_lines(memory: Sequence[Memory]) -> Iterator[str]:
    for case, held, peak_bytes in memory:
        settled, last = held[SETTLED_EPOCH - 1], held[-1]
        yield (
            f"{case}: the job holds {settled / MEBIBYTE:,.0f} MiB after epoch {SETTLED_EPOCH} and "
            f"{last / MEBIBYTE:,.0f} MiB after epoch {len(held)}, {last / settled:.3f} times as much; its peak is "
            f"{peak_bytes / MEBIBYTE:,.0f} MiB"
        )
    if memory:
        yield ""


def _start_lines(starts: Sequence[Start]) -> Iterator[str]:
    for case in dict.fromkeys(start.case for start in starts):
        same = [start for start in starts if start.case == case]
        folder = statistics.median(start.folder_s for start in same)
        bucket = statistics.median(start.bucket_s for start in same)
        yield (
            f"{case}: the first update is done {folder:.1f} s after the start from a folder, {bucket:.1f} s from a "
            f"bucket: {bucket / folder:.2f}x (medians of {len(same)})"
        )
    if starts:
        yield ""
