"""What `verify` prints of its findings: a line each, and a count in place of the many that are like others."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Iterator, Sequence

if TYPE_CHECKING:
    from obs_layout.verify import Finding

SHOWN_OF_A_KIND = 5  # chosen: enough to see a pattern, and several kinds still fit a screen
# What differs among findings of one kind: names in quotes, the first bytes of a file, and all with a number in it
_PARTICULARS = re.compile(r"'[^']*'|\b[0-9a-f]{8}\b|\S*[0-9]\S*")


def finding_lines(findings: Sequence[Finding], most: int | None = SHOWN_OF_A_KIND) -> Iterator[str]:
    """Yield the lines that show findings in their order.

    most: so many of each kind are shown, and below the last of them how many more there are; None shows all.
    """
    kinds = [kind_of(finding) for finding in findings]
    totals, seen = Counter(kinds), Counter(kinds[:0])
    for finding, kind in zip(findings, kinds):
        seen[kind] += 1
        if most is None or seen[kind] <= most:
            yield str(finding)
        if seen[kind] == most and totals[kind] > most:
            yield f"{finding.file}: {totals[kind] - most:,} more like the one above; --all prints them"


def size_remedy(smallest_edge: int | None, wanted: int | None) -> Iterator[str]:
    """Yield the line that says what to do when images are smaller than `wanted` pixels; None: nothing is known."""
    if smallest_edge is not None and wanted is not None and smallest_edge < wanted:
        yield (
            f"the smallest image has {smallest_edge} pixels: pack again with --resize={wanted} or more, "
            f"or train with --image_size={smallest_edge} or less"
        )


def kind_of(finding: Finding) -> tuple[str, str]:
    """Return what findings of one kind have in common: the file, and the sentence without names and numbers."""
    return finding.file, _PARTICULARS.sub("#", finding.sentence)
