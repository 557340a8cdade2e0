"""Medians, ratios and the tables of the comparison of services."""

from __future__ import annotations

import statistics
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence

from benchmarks.comparison import MEBIBYTE, machine_line, ratio_columns

# whose requests a second are divided by whose
PAIRS = (
    ("ours", "mms-0.4"),
    ("ours", "mms-0.4-on-1.9"),
    ("ours", "mms-1.1"),
    ("ours", "mms-1.1-omp"),
    ("ours", "mms-1.1-workers"),
    ("ours", "onnx"),
    ("ours", "onnx-alone"),
    ("ours-workers", "ours"),
    ("ours-workers", "mms-1.1-workers"),
    ("ours-workers", "onnx"),
    ("ours-workers", "onnx-alone"),
    ("ours-int8", "ours"),
    ("ours-int8", "onnx"),
    ("ours-int8", "onnx-alone"),
    ("ours-int8", "onnx-int8"),
    ("ours-int8", "onnx-int8-alone"),
)
ALONE_PAIRS = (
    ("mxnet", "onnx-network"),
    ("mxnet", "torch"),
    ("mxnet-int8", "mxnet"),
    ("mxnet-int8", "onnx-network"),
    ("mxnet-int8", "onnx-network-int8"),
)
HEADER = (
    f"    {'':17}{'requests/s':>11}  {'in each round':17}{'p50 ms':>8}{'p99 ms':>8}{'CPU ms':>8}{'client':>8}  answers"
)
PAIR_HEADER = f"    {'':33}{'ratio':>8}  in each round"
LEGEND = (
    "Medians of the rounds. CPU ms: processor time of all processes of the service for an answer; client: share of a",
    "core that the one who asks takes; answers: in all rounds. Peak memory is that of all processes of a service; what",
    "they share counts for each.",
)


class Run(NamedTuple):
    """One measurement. refused: answers of another status than 200. mixed_up: answers with another label than alone."""

    side: str
    round: int
    connections: int
    answers: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    client_share: float
    refused: int = 0
    mixed_up: int = 0


class Life(NamedTuple):
    """One start of a service, until its end. start_s: until its first answer."""

    side: str
    round: int
    start_s: float
    peak_bytes: int


class Speed(NamedTuple):
    """How fast a network alone was in one round."""

    network: str
    round: int
    batch: int
    images_per_s: float


class Ratio(NamedTuple):
    """A ratio of medians; lowest, highest: of that within single rounds, None where no round has both."""

    over: str
    under: str
    of: int  # connections or batch
    ratio: float
    lowest: float | None
    highest: float | None


# one figure of a name, at so many connections or in batches of so many, in a round
Figures = Mapping["tuple[str, int]", "dict[int, float]"]


def speeds_of_services(runs: Sequence[Run]) -> Figures:
    """Requests a second by (side, connections) and round."""
    return _by_key((run.side, run.connections, run.round, run.requests_per_s) for run in runs)


def speeds_of_networks(speeds: Sequence[Speed]) -> Figures:
    """Images a second by (network, batch) and round."""
    return _by_key((speed.network, speed.batch, speed.round, speed.images_per_s) for speed in speeds)


def _by_key(rows: Iterator[tuple[str, int, int, float]]) -> Figures:
    found: dict[tuple[str, int], dict[int, float]] = {}
    for name, of, number, figure in rows:
        found.setdefault((name, of), {})[number] = figure
    return found


def ratios(figures: Figures, pairs: Sequence[tuple[str, str]]) -> list[Ratio]:
    """The ratio of each pair that was measured, for each number of connections or batch."""
    found = []
    for over, under in pairs:
        for of in dict.fromkeys(of for name, of in figures if name == over):
            if (under, of) not in figures:
                continue
            first, second = figures[over, of], figures[under, of]
            # within a round both met the same machine
            single = [first[number] / second[number] for number in first.keys() & second.keys()]
            ratio = statistics.median(first.values()) / statistics.median(second.values())
            found.append(Ratio(over, under, of, ratio, min(single, default=None), max(single, default=None)))
    return found


def as_json(result: Mapping[str, Any]) -> dict[str, Any]:
    """`result` of serving.py with names in place of tuples, fit for json.dump."""
    lists = {name: [each._asdict() for each in result[name]] for name in ("runs", "lives", "speeds", "agreement")}
    return {
        **result,
        **lists,
        "medians": [
            {"side": side, "connections": connections, **_medians(same)}
            for (connections, side), same in _grouped(result["runs"], lambda run: (run.connections, run.side)).items()
        ],
        "ratios": [ratio._asdict() for ratio in ratios(speeds_of_services(result["runs"]), PAIRS)],
        "ratios alone": [ratio._asdict() for ratio in ratios(speeds_of_networks(result["speeds"]), ALONE_PAIRS)],
    }


def _medians(runs: Sequence[Run]) -> dict[str, float]:
    names = ("requests_per_s", "p50_ms", "p99_ms", "cpu_ms", "client_share")
    return {name: statistics.median(getattr(run, name) for run in runs) for name in names}


def _grouped(rows: Sequence[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def as_text(result: Mapping[str, Any]) -> str:
    """The same for people."""
    lines = [f"Network: {result['network']}", ""]
    for connections, of_all in _grouped(result["runs"], lambda run: run.connections).items():
        lines += [_counted(connections, "connection"), HEADER]
        lines += [_row(side, runs) for side, runs in _in_order(result["sides"], of_all)]
        lines.append("")
    lines += _life_lines(result)
    lines += _ratio_lines("connection", ratios(speeds_of_services(result["runs"]), PAIRS))
    lines += _network_lines(result["speeds"])
    lines += _ratio_lines("image", ratios(speeds_of_networks(result["speeds"]), ALONE_PAIRS))
    lines += LEGEND
    lines += _answer_lines(result)
    lines += [f"{name}: {what}" for name, what in {**result["sides"], **result["networks"]}.items()]
    lines += [f"{name}: {what}" for name, what in result["versions"].items()]
    lines += [f"left out: {name}: {' '.join(why.split())}" for name, why in result["left_out"].items()]
    lines += [f"Pictures: {result['pictures']}. {result['seconds']:g} s a measurement"]
    lines += [machine_line(result["machine"])]
    return "\n".join(lines)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"


def _in_order(names: Mapping[str, str], rows: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    by_side = _grouped(rows, lambda row: row.side)
    yield from ((name, by_side[name]) for name in names if name in by_side)


def _row(side: str, runs: Sequence[Run]) -> str:
    speeds = [run.requests_per_s for run in runs]
    spread = f"{min(speeds):.2f} - {max(speeds):.2f}"
    figures = _medians(runs)
    times = "".join(f"{figures[name]:>8,.0f}" for name in ("p50_ms", "p99_ms", "cpu_ms"))
    answers = sum(run.answers for run in runs)
    speed, client = figures["requests_per_s"], figures["client_share"]
    return f"    {side:17}{speed:>11.2f}  {spread:17}{times}{client:>8.1%}  {answers:,}"


def _life_lines(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["lives"]:
        return
    yield f"    {'':17}{'start s':>11}  {'in each round':17}{'peak MiB':>8}"
    for side, lives in _in_order(result["sides"], result["lives"]):
        starts = [life.start_s for life in lives]
        spread = f"{min(starts):.1f} - {max(starts):.1f}"
        peak = statistics.median(life.peak_bytes for life in lives) / MEBIBYTE
        yield f"    {side:17}{statistics.median(starts):>11.1f}  {spread:17}{peak:>8,.0f}"
    yield ""


def _ratio_lines(of: str, found: Sequence[Ratio]) -> Iterator[str]:
    for number, same in _grouped(found, lambda ratio: ratio.of).items():
        yield f"{_counted(number, of)}: requests or images a second, divided"
        yield PAIR_HEADER
        for ratio in same:
            pair = f"{ratio.over} / {ratio.under}"
            yield f"    {pair:33}{ratio_columns(ratio.ratio, ratio.lowest, ratio.highest)}".rstrip()
        yield ""


def _network_lines(speeds: Sequence[Speed]) -> Iterator[str]:
    for batch, of_all in _grouped(speeds, lambda speed: speed.batch).items():
        yield f"{_counted(batch, 'image')} at once, network alone"
        yield f"    {'':17}{'images/s':>11}  in each round"
        for network, same in _grouped(of_all, lambda speed: speed.network).items():
            figures = [speed.images_per_s for speed in same]
            yield f"    {network:17}{statistics.median(figures):>11.2f}  {min(figures):.2f} - {max(figures):.2f}"
        yield ""


def _answer_lines(result: Mapping[str, Any]) -> Iterator[str]:
    for found in result["agreement"]:
        yield (
            f"{found.side}: {found.same} of {found.pictures} labels as ours, scores differ by up to {found.largest:.4f}"
        )
    for side, runs in _in_order(result["sides"], result["runs"]):
        answers, refused, mixed_up = (sum(run[field] for run in runs) for field in map(Run._fields.index, COUNTED))
        if refused:
            yield f"{side}: {refused:,} requests beside {answers:,} answers were refused"
        if mixed_up:
            yield f"{side}: {mixed_up:,} of {answers:,} answers under load named another class than when asked alone"


COUNTED = ("answers", "refused", "mixed_up")
