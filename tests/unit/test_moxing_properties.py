"""Properties that hold for every key, not only for those somebody thought of."""

from __future__ import annotations

import os
import tempfile

import hypothesis
import hypothesis.strategies as st

from moxing_shim import local_store, transfers, unchanged
from moxing_shim.errors import MoxFileNameDuplicateException, MoxUnsafeKeyException
from moxing_shim.urls import Entry, LocalPath, ObjectUrl, check_relative_name, parse

keys = st.text(alphabet="ab./\\:\0-C", max_size=12)
short_names = st.lists(st.sampled_from(["a", "b", "a-", "a.b", "0"]), min_size=1, max_size=3).map("/".join)


@hypothesis.given(keys)
def test_a_name_that_passes_stays_inside_the_target_folder(name: str) -> None:
    try:
        check_relative_name(name)
    except MoxUnsafeKeyException:
        return
    path = LocalPath("/target").join(name).path
    assert os.path.normpath(path) == path
    assert path.startswith("/target/")


@hypothesis.given(st.from_regex(r"[a-z0-9]{3,8}", fullmatch=True), st.text(max_size=20))
def test_a_parsed_url_is_written_back_letter_for_letter(bucket: str, key: str) -> None:
    hypothesis.assume(max(key, default="") < "\ud800" or max(key, default="") > "\udfff")
    place = parse(f"s3://{bucket}/{key}")
    assert place == ObjectUrl("s3", bucket, key)
    assert parse(str(place)) == place


@hypothesis.given(st.sets(short_names, max_size=12))
def test_a_download_plan_is_a_tree_that_a_disk_can_hold(names: set[str]) -> None:
    entries = [Entry(name, False, 1) for name in sorted(names)]
    plan = list(transfers.plan_tree(ObjectUrl("s3", "b", "d"), LocalPath("/t"), iter(entries)))
    kept = {step.name for step in plan if step.refusal is None}
    refused = {step.name for step in plan if step.refusal is not None}
    assert kept | refused == names
    assert not [(a, b) for a in kept for b in kept if b.startswith(a + "/")]
    # nothing is refused without need: each refused name lies below a file that is kept
    assert all(any(name.startswith(file + "/") for file in kept) for name in refused)
    refusals = [step.refusal for step in plan if step.refusal is not None]
    assert all(isinstance(refusal, MoxFileNameDuplicateException) for refusal in refusals)


@hypothesis.given(
    st.sets(
        st.lists(st.sampled_from(["a", "a-", "a.b", "a0", "é", "\ue000", "\U0001f600"]), min_size=1, max_size=3).map(
            "/".join
        )
    )
)
def test_a_folder_is_walked_in_the_order_in_which_its_keys_are_listed(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as root:
        for name in sorted(names, key=len, reverse=True):
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if not os.path.isdir(path):
                open(path, "wb").close()
        leaves = list(local_store.walk_leaves(LocalPath(root)))
    keys_listed = [leaf.name.encode() for leaf in leaves]
    assert keys_listed == sorted(keys_listed)
    assert {leaf.name for leaf in leaves} == {n for n in names if not any(o.startswith(n + "/") for o in names)}


@hypothesis.given(st.sets(short_names, max_size=12), st.sets(short_names, max_size=12))
def test_a_plan_in_step_with_the_listing_of_its_target_finds_every_common_name(here: set[str], there: set[str]) -> None:
    source, target = LocalPath("/source"), LocalPath("/target")
    plan = [transfers.Transfer(name, source, target) for name in sorted(here, key=str.encode)]
    listing = (Entry(name, False, 1) for name in sorted(there, key=str.encode))
    marked = list(unchanged.in_step(plan, listing))
    assert [step.name for step in marked] == [step.name for step in plan]
    assert {step.name for step in marked if step.is_compared} == here & there
    assert all(step.there is None or step.there.name == step.name for step in marked)
