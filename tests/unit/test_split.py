"""The split: exact numbers, fair to every class, the same for the same seed."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from obs_layout.split import Split, apportion, stratified_split

# Images of each category of Caltech-101 in the order of the labels, BACKGROUND_Google first.
CALTECH_101 = [
    468, 435, 435, 200, 798, 55, 800, 42, 42, 47, 54, 46, 33, 128, 98, 43, 85, 91, 50, 43, 123, 47, 59,
    62, 107, 47, 69, 73, 70, 50, 51, 57, 67, 52, 65, 68, 75, 64, 53, 64, 85, 67, 67, 45, 34, 34, 51, 99,
    100, 42, 54, 88, 80, 31, 64, 86, 114, 61, 81, 78, 41, 66, 43, 40, 87, 32, 76, 55, 35, 39, 47, 38, 45,
    53, 34, 57, 82, 59, 49, 40, 63, 39, 84, 57, 35, 64, 45, 86, 59, 64, 35, 85, 49, 86, 75, 239, 37, 59,
    34, 56, 39, 60,
]  # fmt: skip
COUNTS = st.lists(st.integers(1, 60), min_size=1, max_size=30)
RATIOS = st.sampled_from([0.1, 0.25, 0.5, 0.66, 0.75, 0.8, 0.9, 0.99])


def names(counts: list[int]) -> dict[str, list[str]]:
    return {f"class{label}": [f"class{label}/{n}" for n in range(count)] for label, count in enumerate(counts)}


def test_caltech_101_gives_7316_for_training_and_1829_for_validation() -> None:
    shares = apportion(CALTECH_101, 0.8)
    assert (len(CALTECH_101), sum(CALTECH_101)) == (102, 9145)
    assert (sum(shares), 9145 - sum(shares)) == (7316, 1829)


def test_every_class_of_caltech_101_gets_its_share_rounded_down_or_up() -> None:
    for count, share in zip(CALTECH_101, apportion(CALTECH_101, 0.8)):
        assert abs(share - Fraction(4, 5) * count) < 1


def test_the_largest_remainders_are_rounded_up_and_ties_go_in_label_order() -> None:
    assert apportion([13, 14, 13], 0.8) == [11, 11, 10]  # exactly 10.4, 11.2 and 10.4 of 32
    assert apportion([8, 8, 8], 0.7) == [6, 6, 5]  # exactly 5.6 each of 16.8


def test_a_class_of_two_keeps_one_on_each_side_and_a_class_of_one_trains() -> None:
    assert apportion([2, 1, 100], 0.9) == [1, 1, 91]
    assert apportion([2, 1, 100], 0.1) == [1, 1, 8]


def test_where_the_minimums_cannot_be_met_within_the_ratio_they_win() -> None:
    assert apportion([2, 2, 2], 0.99) == [1, 1, 1]
    assert apportion([1, 1, 1], 0.1) == [1, 1, 1]


@given(counts=COUNTS, ratio=RATIOS)
def test_the_minimums_hold_and_the_sum_is_as_near_to_the_ratio_as_they_allow(counts: list[int], ratio: float) -> None:
    shares = apportion(counts, ratio)
    least, most = [1] * len(counts), [max(1, count - 1) for count in counts]
    assert all(low <= share <= high for low, share, high in zip(least, shares, most))
    wanted = int(sum(counts) * Fraction(repr(ratio)) + Fraction(1, 2))
    assert sum(shares) == min(max(wanted, sum(least)), sum(most))


@given(counts=COUNTS, ratio=RATIOS, seed=st.integers(0, 5))
def test_every_image_is_on_exactly_one_side(counts: list[int], ratio: float, seed: int) -> None:
    classes = names(counts)
    split = stratified_split(classes, ratio, seed)
    assert sorted(split.train + split.val) == sorted(name for members in classes.values() for name in members)
    shares = apportion([len(classes[name]) for name in sorted(classes)], ratio)
    in_train = [sum(name.startswith(f"{class_name}/") for name in split.train) for class_name in sorted(classes)]
    assert in_train == shares


@given(counts=COUNTS, seed=st.integers(0, 5))
def test_the_split_does_not_depend_on_the_order_in_which_images_were_found(counts: list[int], seed: int) -> None:
    classes = names(counts)
    shuffled = {name: sorted(members, reverse=True) for name, members in reversed(list(classes.items()))}
    assert stratified_split(shuffled, 0.8, seed) == stratified_split(classes, 0.8, seed)


def test_another_seed_gives_another_split_and_order() -> None:
    classes = names([50, 50])
    assert stratified_split(classes, 0.8, 0) != stratified_split(classes, 0.8, 1)


def test_both_sides_are_shuffled_over_the_classes() -> None:
    split = stratified_split(names([50, 50]), 0.5, 0)
    for side in split:
        assert {name.partition("/")[0] for name in side[:10]} == {"class0", "class1"}


def test_the_split_is_the_same_on_every_machine() -> None:
    assert stratified_split(names([3, 2]), 0.6, 0) == Split(
        train=["class1/0", "class0/0", "class0/2"], val=["class1/1", "class0/1"]
    )
