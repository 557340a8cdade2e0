"""Medians, ratios, the bars that were set before, and the table of them."""

from __future__ import annotations

import statistics
from typing import Any, Mapping, NamedTuple, Sequence

from benchmarks.comparison import MEBIBYTE, Bar, bar_lines, machine_line, ratio_columns

OURS = "ours"
# ours must be at least so many times as fast, by peer and data set
FASTER_THAN = {
    ("s3fs", "rec"): 1.0,
    ("s3fs", "images"): 1.0,
    ("s3fs", "small"): 2.0,
    ("awscli", "rec"): 1.0,
    ("awscli", "images"): 1.0,
    ("awscli", "small"): 2.0,
}
# ours may take at most so many times as long
WITHIN = {("s5cmd", "rec"): 1.3, ("s5cmd", "images"): 2.5, ("s5cmd", "small"): 2.5}
LEGEND = (
    "Medians. / ours: seconds of the peer / seconds of ours, above 1 where ours is faster; then the lowest and the",
    "highest of it within a round. A run is timed from the start of a fresh process to its end; checking what arrived",
    "and cleaning up lie outside. CPU and memory are the client's, all its processes together.",
)


class Run(NamedTuple):
    """What one transfer took. peak_bytes: the memory of the client's processes; fault: why it does not count."""

    data: str
    direction: str
    peer: str
    round: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    fault: str | None = None


class Summary(NamedTuple):
    """A peer's medians. ratio: its seconds / ours; lowest, highest: of that within single rounds."""

    wall_s: float
    cpu_s: float
    peak_bytes: float
    ratio: float | None
    lowest: float | None
    highest: float | None
    rounds: int
    failed: int


def summarize(runs: Sequence[Run]) -> dict[tuple[str, str, str], Summary]:
    """The summary of each data set, direction and peer that succeeded at least once, in the order of the runs."""
    by_key: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        by_key.setdefault((run.data, run.direction, run.peer), []).append(run)
    good = {key: [run for run in same if run.fault is None] for key, same in by_key.items()}
    return {key: _summary(good[key], good.get((*key[:2], OURS), []), len(by_key[key])) for key in by_key if good[key]}


def _summary(runs: Sequence[Run], ours: Sequence[Run], tried: int) -> Summary:
    wall_s = statistics.median(run.wall_s for run in runs)
    our_wall_s = {run.round: run.wall_s for run in ours}
    # within a round both met the same machine
    ratios = [run.wall_s / our_wall_s[run.round] for run in runs if run.round in our_wall_s]
    return Summary(
        wall_s=wall_s,
        cpu_s=statistics.median(run.cpu_s for run in runs),
        peak_bytes=statistics.median(run.peak_bytes for run in runs),
        ratio=wall_s / statistics.median(our_wall_s.values()) if ours else None,
        lowest=min(ratios, default=None),
        highest=max(ratios, default=None),
        rounds=len(runs),
        failed=tried - len(runs),
    )


def bars(summaries: Mapping[tuple[str, str, str], Summary]) -> list[Bar]:
    """Every bar whose peer was measured beside ours."""
    found = []
    for (data, direction, peer), summary in summaries.items():
        if summary.ratio is None:
            continue
        where = f"{data} {direction}"
        if (peer, data) in FASTER_THAN:
            least = FASTER_THAN[peer, data]
            claim = f"{where}: at least {least:g}x as fast as {peer}"
            found.append(Bar(summary.ratio >= least, claim, summary.ratio))
        if (peer, data) in WITHIN:
            most = WITHIN[peer, data]
            claim = f"{where}: at most {most:g}x the time of {peer}"
            found.append(Bar(1 / summary.ratio <= most, claim, 1 / summary.ratio))
    return found


def as_json(result: Mapping[str, Any]) -> dict[str, Any]:
    """`result` of transfer.py with names in place of tuples, fit for json.dump."""
    return {
        **result,
        "runs": [run._asdict() for run in result["runs"]],
        "medians": [
            {**dict(zip(("data", "direction", "peer"), key)), **summary._asdict()}
            for key, summary in summarize(result["runs"]).items()
        ],
        "bars": [bar._asdict() for bar in bars(summarize(result["runs"]))],
    }


def as_text(result: Mapping[str, Any]) -> str:
    """The same for people."""
    summaries = summarize(result["runs"])
    lines = []
    for data, direction in dict.fromkeys((run.data, run.direction) for run in result["runs"]):
        facts = result["data"][data]
        lines += [f"{data}, {direction}: {facts['files']:,} files, {facts['bytes'] / 1e6:,.1f} MB ({facts['origin']})"]
        lines += [f"    {'':12}{'seconds':>9}{'/ ours':>8}  {'in each round':15}{'CPU s':>8}{'peak MiB':>10}  rounds"]
        keys = [(data, direction, peer) for peer in result["peers"]]
        lines += [*(_row(key[2], summaries[key]) for key in keys if key in summaries), ""]
    lines += bar_lines(bars(summaries))
    lines += [f"failed: {_what(run)}: {run.fault}" for run in result["runs"] if run.fault is not None]
    lines += LEGEND
    lines += [f"{name}: {peer['version']}; {peer['settings']}" for name, peer in result["peers"].items()]
    lines += [f"Server: {result['server']}"]
    lines += [machine_line(result["machine"])]
    return "\n".join(lines)


def _row(peer: str, summary: Summary) -> str:
    ratios = ratio_columns(summary.ratio, summary.lowest, summary.highest)
    failed = f", {summary.failed} failed" if summary.failed else ""
    return (
        f"    {peer:12}{summary.wall_s:>9,.2f}{ratios}{summary.cpu_s:>8,.2f}"
        f"{summary.peak_bytes / MEBIBYTE:>10,.0f}  {summary.rounds}{failed}"
    )


def _what(run: Run) -> str:
    return f"{run.data} {run.direction}, {run.peer}, round {run.round}"
