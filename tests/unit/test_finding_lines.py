"""`verify` shows five findings of a kind and counts the others."""

from __future__ import annotations

from obs_layout.finding_lines import SHOWN_OF_A_KIND, finding_lines, kind_of
from obs_layout.verify import Finding


def small(number: int, file: str = "a.rec") -> Finding:
    return Finding(file, f"record {number} at byte {number * 50}: its image has 4x{number} pixels, not enough.")


def damaged(number: int) -> Finding:
    return Finding("a.rec", f"record {number} at byte {number * 50}: it is damaged; it starts with {'abcdef':>08}.")


def test_five_of_a_kind_are_all_shown() -> None:
    findings = [small(number) for number in range(SHOWN_OF_A_KIND)]
    assert list(finding_lines(findings)) == [str(finding) for finding in findings]


def test_of_more_the_first_five_are_shown_and_the_others_counted_below_them() -> None:
    findings = [small(number) for number in range(1500)]
    assert list(finding_lines(findings)) == [
        *(str(finding) for finding in findings[:5]),
        "a.rec: 1,495 more like the one above; --all prints them",
    ]


def test_each_kind_and_each_file_has_five_of_its_own_in_the_order_of_the_findings() -> None:
    mixed = [make(number) for number in range(6) for make in (small, damaged)]
    lines = list(finding_lines([*mixed, small(1, "b.rec")]))
    more = "a.rec: 1 more like the one above; --all prints them"
    assert lines == [*map(str, mixed[:9]), more, str(mixed[9]), more, str(small(1, "b.rec"))]


def test_without_a_limit_every_finding_is_a_line() -> None:
    findings = [small(number) for number in range(100)]
    assert list(finding_lines(findings, most=None)) == [str(finding) for finding in findings]


def test_names_and_numbers_make_no_kind() -> None:
    first, second = (
        Finding("a.rec", f"it holds {n} images of {name!r}, the manifest says {n + 1}.")
        for n, name in ((1, "a"), (2, "b c"))
    )
    assert kind_of(first) == kind_of(second)
    assert kind_of(small(1)) != kind_of(damaged(1))
