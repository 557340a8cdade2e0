"""How many processors a container is allowed the time of, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mxnet_support.engine import physical_cores, processors_worth_of_time, usable_processors


@pytest.mark.parametrize(
    ("files", "processors"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, float("inf")),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, float("inf")),
        ({"cpu/cpu.cfs_quota_us": "400000\n"}, float("inf")),
        ({"cpu.max": ""}, float("inf")),
        ({"cpu.max": "200000 0\n"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_a_limit_is_rounded_up_and_its_absence_limits_nothing(
    files: dict[str, str], processors: float, tmp_path: Path
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert processors_worth_of_time(str(tmp_path)) == processors


def test_there_is_at_least_one_core_and_no_more_cores_than_processors() -> None:
    assert 1 <= physical_cores() <= usable_processors()
