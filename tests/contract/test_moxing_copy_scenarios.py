"""The numbered scenarios of copy_scenarios.py, carried out on folders and buckets in all four directions.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os

import pytest

from moxing_shim import errors
from moxing_shim import file as mox_file
from tests.contract.copy_scenarios import HOSTILE, NEW, OLD, SCENARIOS, as_markdown

DIRECTIONS = [("local", "local"), ("local", "s3"), ("s3", "local"), ("s3", "obs")]
DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "moxing-copy-scenarios.md")


def kind(scheme):
    return "disk" if scheme == "local" else "bucket"


CASES = [
    pytest.param(scenario, schemes, id="-".join((scenario.number,) + schemes))
    for scenario in SCENARIOS
    for schemes in DIRECTIONS
    if kind(schemes[0]) in scenario.sources and kind(schemes[1]) in scenario.targets
]


def fill(rig, names, content):
    """Put the names into the rig; returns those of HOSTILE that its server does not take (MinIO refuses '..')."""
    refused = []
    for name in names:
        if name.endswith("/"):
            rig.put_folder(name[:-1])
            continue
        try:
            rig.put(name, content)
        except Exception:
            if name.partition("/")[2] not in HOSTILE:
                raise
            refused.append(name.partition("/")[2])
    return refused


def without_markers_of_full_folders(tree):
    """A marker says nothing about a folder that has files; it may or may not be there."""
    return {
        name: content
        for name, content in tree.items()
        if not (name.endswith("/") and any(other != name and other.startswith(name) for other in tree))
    }


@pytest.mark.parametrize("scenario, schemes", CASES)
@pytest.mark.parametrize("threads", [0, 4])
def test_scenario(make_rig, scenario, schemes, threads):
    source, target = (make_rig(scheme) for scheme in schemes)
    refused = fill(source, scenario.source, NEW)
    fill(target, scenario.before, OLD)
    here = source.tree()
    options = {}
    if scenario.call == "copy_parallel":
        options["threads"] = threads
        options["file_list"] = scenario.file_list

    def act():
        getattr(mox_file, scenario.call)(source.url(scenario.src), target.url(scenario.dst), **options)

    if scenario.raises:
        with pytest.raises(getattr(errors, scenario.raises)):
            act()
    else:
        act()
    new = [name for name in scenario.new if name not in ["t/u/" + name for name in refused]]
    expected = {name: b"" if name.endswith("/") else NEW for name in new}
    expected.update((name, OLD) for name in scenario.kept)
    assert without_markers_of_full_folders(target.tree()) == expected
    assert source.tree() == here


def test_the_scenarios_differ_and_are_numbered_in_order():
    assert [scenario.number for scenario in SCENARIOS] == [f"S{number}" for number in range(1, len(SCENARIOS) + 1)]
    assert len({scenario[2:] for scenario in SCENARIOS}) == len(SCENARIOS)


def test_the_table_for_readers_is_up_to_date():
    with open(DOCUMENT, encoding="utf-8") as stream:
        assert stream.read() == as_markdown()
