"""What a service did, look by look, under a steady load, as JSON and for people."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from benchmarks.comparison import MEBIBYTE, machine_line


class Look(NamedTuple):
    """What was seen in one part of the time; latencies in milliseconds."""

    answers: int
    p50_ms: float
    p99_ms: float
    memory_bytes: int
    descriptors: int


def as_json(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result fit for json.dump."""
    return {**result, "looks": [look._asdict() for look in result["looks"]]}


def as_text(result: Mapping[str, Any]) -> str:
    """Return the result for people: the first looks, some, the last, and how the first and the last differ."""
    looks: list[Look] = result["looks"]
    lines = [
        machine_line(result["machine"]),
        f"{result['network']}; {result['limit']:.1f} answers a second at most, {result['rate']:.1f} asked for",
        f"{'second':>6} {'answers':>8} {'p50 ms':>7} {'p99 ms':>7} {'memory MiB':>11} {'open files':>11}",
    ]
    shown = [number for number in range(len(looks)) if number < 3 or number % 5 == 4 or number == len(looks) - 1]
    for number in shown:
        look = looks[number]
        lines.append(
            f"{(number + 1) * result['every']:>6} {look.answers:>8} {look.p50_ms:>7.1f} {look.p99_ms:>7.1f} "
            f"{look.memory_bytes / MEBIBYTE:>11.0f} {look.descriptors:>11}"
        )
    first, last = looks[0], looks[-1]
    answers = sum(look.answers for look in looks)
    lines.append(
        f"{answers:,} answers, none refused; memory {100 * (last.memory_bytes / first.memory_bytes - 1):+.1f} % and "
        f"open files {last.descriptors - first.descriptors:+d} from the first look to the last"
    )
    return "\n".join(lines)
