"""What a push or pull decides to copy, from what lies on both sides."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from obs_layout.manifest import FileDigest
from obs_layout.transfer import PlanItem, TwoSides, plan_pull, plan_push

NAMES = st.sampled_from(["a", "b/c", "manifest.json", "z", "sub/manifest.json"])
DIGESTS = st.builds(FileDigest, st.integers(0, 2), st.sampled_from(["sha-1", "sha-2"]))
FILES = st.dictionaries(NAMES, DIGESTS)


def sides(
    local: dict[str, FileDigest], remote: dict[str, int], record: dict[str, FileDigest] | None = None
) -> TwoSides:
    return TwoSides(Path("folder"), "s3://bucket/place", local, remote, record or {})


def test_a_file_that_is_not_there_is_new() -> None:
    assert plan_push(sides({"a": FileDigest(3, "x")}, {})) == [PlanItem("copy", "a", 3, "new")]
    assert plan_pull(sides({}, {"a": 3})) == [PlanItem("copy", "a", 3, "new")]


def test_a_file_on_record_is_unchanged() -> None:
    known = sides({"a": FileDigest(3, "x")}, {"a": 3}, {"a": FileDigest(3, "x")})
    assert plan_push(known) == plan_pull(known) == [PlanItem("skip", "a", 3, "unchanged")]


def test_equal_sizes_alone_do_not_make_a_file_unchanged() -> None:
    unknown = sides({"a": FileDigest(3, "x")}, {"a": 3})
    assert plan_push(unknown) == plan_pull(unknown) == [PlanItem("copy", "a", 3, "changed")]


def test_an_object_of_another_size_than_recorded_is_changed() -> None:
    replaced = sides({"a": FileDigest(3, "x")}, {"a": 4}, {"a": FileDigest(3, "x")})
    assert plan_push(replaced) == [PlanItem("copy", "a", 3, "changed")]
    assert plan_pull(replaced) == [PlanItem("copy", "a", 4, "changed")]


def test_all_copies_what_is_unchanged_too() -> None:
    known = sides({"a": FileDigest(3, "x")}, {"a": 3}, {"a": FileDigest(3, "x")})
    assert plan_push(known, copy_all=True) == [PlanItem("copy", "a", 3, "all")]


def test_what_only_the_target_has_is_left_alone() -> None:
    assert plan_push(sides({}, {"theirs": 3})) == []
    assert plan_pull(sides({"mine": FileDigest(3, "x")}, {})) == []


@given(local=FILES, remote=st.dictionaries(NAMES, st.integers(0, 2)), record=FILES)
def test_the_manifests_go_last(
    local: dict[str, FileDigest], remote: dict[str, int], record: dict[str, FileDigest]
) -> None:
    for plan in (plan_push(sides(local, remote, record)), plan_pull(sides(local, remote, record))):
        is_manifest = [item.name.endswith("manifest.json") for item in plan]
        assert is_manifest == sorted(is_manifest)


@given(local=FILES, remote=st.dictionaries(NAMES, st.integers(0, 2)), record=FILES)
def test_after_a_push_nothing_is_left_to_push_or_pull(
    local: dict[str, FileDigest], remote: dict[str, int], record: dict[str, FileDigest]
) -> None:
    before = sides(local, remote, record)
    copied = {item.name: local[item.name] for item in plan_push(before) if item.action == "copy"}
    arrived = {name: digest.size_bytes for name, digest in copied.items()}
    after = sides(local, {**remote, **arrived}, {**record, **copied})
    assert all(item.action == "skip" for item in plan_push(after))
    assert all(item.action == "skip" for item in plan_pull(after) if item.name in local)
