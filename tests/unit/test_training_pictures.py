"""Preparation and augmentation of pictures, and the batches made of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.picture_folders import draw, jpeg

from dataset.augmentation import augment_image, draw_colour_change, random_crop_box
from dataset.batches import EvaluationBatches, TrainingBatches, epoch_batches, training_order
from dataset.preprocessing import MEAN_RGB, STD_RGB, Preprocessing, normalise, prepare_image
from errors import DataError
from recipes import RECIPES

SIZE_48 = Preprocessing.for_image_size(48)


class Records:
    """A RecordFile without a file."""

    path = "records"

    def __init__(self, contents: list[bytes]) -> None:
        self._contents = contents

    def __len__(self) -> int:
        return len(self._contents)

    def read(self, number: int) -> tuple[bytes, int]:
        return self._contents[number], number


def training_batches(workers: int, seed: int = 0, count: int = 7) -> TrainingBatches:
    records = Records([jpeg(70, 60, turn) for turn in range(count)])
    return TrainingBatches(records, count, 3, SIZE_48, RECIPES["tutorial"], count, seed, workers)


def test_the_short_edge_before_the_crop_is_eight_sevenths_of_it() -> None:
    assert Preprocessing.for_image_size(224).resize_short == 256


def test_a_picture_that_needs_no_scaling_is_only_cropped() -> None:
    picture = draw(71, 55)
    prepared = prepare_image(picture, SIZE_48)
    expected = (np.asarray(picture, dtype=np.float32)[3:51, 11:59] - np.float32(MEAN_RGB)) / np.float32(STD_RGB)
    np.testing.assert_allclose(prepared, expected.transpose(2, 0, 1), rtol=1e-6)


def test_scaling_and_cropping_agree_with_doing_one_after_the_other() -> None:
    picture = draw(300, 200)
    scaled = picture.resize((round(300 * 55 / 200), 55), Image.BILINEAR)
    left = (scaled.width - 48) // 2
    one_step = prepare_image(picture, SIZE_48)
    direct = (np.asarray(scaled.crop((left, 3, left + 48, 51)), np.float32) - np.float32(MEAN_RGB)) / np.float32(
        STD_RGB
    )
    assert np.abs(one_step - direct.transpose(2, 0, 1)).mean() < 0.05


def test_a_picture_of_one_pixel_in_height_costs_no_more_than_its_centre() -> None:
    assert prepare_image(Image.new("RGB", (20000, 1), "red"), SIZE_48).shape == (3, 48, 48)


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_an_augmented_picture_depends_on_its_seed_alone(recipe: str) -> None:
    def augmented(seed: int) -> np.ndarray:
        return augment_image(draw(80, 60), RECIPES[recipe], SIZE_48, np.random.RandomState(seed))

    assert augmented(1).shape == (3, 48, 48) and augmented(1).dtype == np.float32
    np.testing.assert_array_equal(augmented(1), augmented(1))
    assert np.abs(augmented(1) - augmented(2)).max() > 0.1


def test_a_picture_that_is_not_changed_is_normalised_as_one_that_is_only_measured() -> None:
    still = RECIPES["tutorial"]._replace(
        crop_area=(1, 1), crop_ratio=(1, 1), brightness=0, contrast=0, saturation=0, pca_noise=0
    )
    picture = draw(48, 48)
    augmented = augment_image(picture, still, SIZE_48, np.random.RandomState(0))
    np.testing.assert_allclose(augmented, normalise(picture, SIZE_48), atol=1e-5)


def change_one_after_the_other(pixels: np.ndarray, seed: int) -> np.ndarray:
    """Change colours as the definitions of the four changes say, drawing in the order in which the job does."""
    random, recipe = np.random.RandomState(seed), RECIPES["tutorial"]
    luma = np.array([0.299, 0.587, 0.114])
    for which in random.permutation(3):
        strength = (recipe.brightness, recipe.contrast, recipe.saturation)[which]
        factor = 1 + random.uniform(-strength, strength)
        greys = pixels.dot(luma)
        towards = (0.0, greys.mean(), greys[:, np.newaxis])[which]
        pixels = factor * pixels + (1 - factor) * towards
    axes = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])
    return pixels + axes.dot(random.normal(0, recipe.pca_noise, size=3) * [55.46, 4.794, 1.148])


@pytest.mark.parametrize("seed", range(12))
def test_all_changes_of_colour_in_one_are_those_made_one_after_the_other(seed: int) -> None:
    pixels = np.random.RandomState(100 + seed).uniform(0, 255, (50, 3))
    matrix, offset = draw_colour_change(pixels.mean(axis=0), RECIPES["tutorial"], np.random.RandomState(seed))
    np.testing.assert_allclose(pixels.dot(matrix.T) + offset, change_one_after_the_other(pixels, seed), atol=1e-9)


@pytest.mark.parametrize("size", [(80, 60), (500, 3), (1, 400)])
def test_a_random_crop_lies_inside_the_picture_and_keeps_to_its_area(size: tuple[int, int]) -> None:
    random = np.random.RandomState(0)
    for _ in range(200):
        left, top, right, bottom = random_crop_box(size, RECIPES["modern"]._replace(crop_area=(0.6, 1.0)), random)
        assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
        assert (right - left) * (bottom - top) >= 0.55 * size[0] * size[1]


def test_the_batches_of_an_epoch_are_the_same_for_any_number_of_threads() -> None:
    one, four = list(training_batches(1).epoch(5)), list(training_batches(4).epoch(5))
    assert len(one) == len(four) == 3
    for ours, theirs in zip(one, four):
        np.testing.assert_array_equal(ours.images, theirs.images)
        np.testing.assert_array_equal(ours.labels, theirs.labels)


def test_each_epoch_and_each_seed_has_its_own_order() -> None:
    orders = [training_order(50, 50, seed, epoch).tolist() for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1] and orders[0] != orders[2]


def test_the_last_training_batch_is_filled_from_the_start_of_the_epoch() -> None:
    labels = np.concatenate([batch.labels for batch in training_batches(2).epoch(0)])
    assert labels.shape == (9,)
    np.testing.assert_array_equal(labels[7:], labels[:2])


def test_a_record_that_comes_twice_in_an_epoch_is_augmented_anew() -> None:
    records = Records([jpeg(70, 60)])
    (batch,) = TrainingBatches(records, 1, 2, SIZE_48, RECIPES["tutorial"], 1, 0, 1).epoch(0)
    assert np.abs(batch.images[0] - batch.images[1]).max() > 0.1


def test_more_examples_than_records_come_round_again() -> None:
    assert sorted(training_order(3, 7, 0, 0).tolist()).count(0) in (2, 3)
    assert len(training_order(3, 7, 0, 0)) == 7


def test_evaluation_goes_through_every_record_once_in_order() -> None:
    records = Records([jpeg(60, 60, turn) for turn in range(5)])
    batches = list(EvaluationBatches(records, 3, SIZE_48, 2))
    counted = np.concatenate([batch.labels[: 3 - batch.padding] for batch in batches])
    assert counted.tolist() == [0, 1, 2, 3, 4]
    assert [batch.padding for batch in batches] == [0, 1]


def test_a_batch_larger_than_the_data_is_filled_by_repetition() -> None:
    assert epoch_batches(2, 8) == 1
    records = Records([jpeg(60, 60, turn) for turn in range(2)])
    (batch,) = TrainingBatches(records, 2, 8, SIZE_48, RECIPES["modern"], 2, 0, 1).epoch(0)
    assert batch.images.shape == (8, 3, 48, 48)


def test_a_record_that_is_no_image_is_named() -> None:
    with pytest.raises(DataError, match="records: record 1 is not a readable image .* `obs_layout verify`"):
        list(EvaluationBatches(Records([jpeg(60, 60), b"text"]), 2, SIZE_48, 1))
