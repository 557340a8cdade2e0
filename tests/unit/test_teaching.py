"""What the recipe decides: learning rate, targets, mixed pictures, the form of the network."""

from __future__ import annotations

import numpy as np
import pytest

from dataset.targets import mix, smoothed_targets
from network.resnet import get_symbol
from recipes import COSINE, RECIPES, Recipe
from training.schedules import LearningRate


def recipe(lr: float, warmup: float, lr_step: object) -> Recipe:
    return RECIPES["tutorial"]._replace(lr=lr, warmup=warmup, lr_step=lr_step)


def rates(schedule: LearningRate, *updates: int) -> list[float]:
    return [round(schedule(update), 6) for update in updates]


def test_steps_lower_the_rate_after_whole_epochs() -> None:
    schedule = LearningRate(recipe(0.1, 0, (2, 3)), 0.1, 4, batches_per_epoch=10)
    assert rates(schedule, 1, 20, 21, 30, 31, 40) == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    assert [schedule.at_epoch(epoch) for epoch in range(4)] == pytest.approx([0.1, 0.1, 0.01, 0.001])


def test_a_cosine_rises_in_the_warm_up_and_ends_at_zero() -> None:
    schedule = LearningRate(recipe(0.4, 0.2, COSINE), 0.1, 5, batches_per_epoch=10)
    assert rates(schedule, 1, 5, 10, 11, 31) == [0.04, 0.2, 0.4, 0.4, 0.2]
    assert 0 < schedule(50) < 0.001
    falling = [schedule(update) for update in range(11, 51)]
    assert falling == sorted(falling, reverse=True)


def test_without_steps_the_rate_stays() -> None:
    assert rates(LearningRate(recipe(0.1, 0, ()), 0.1, 3, batches_per_epoch=4), 1, 12) == [0.1, 0.1]


def test_smoothing_spreads_a_part_of_the_target_over_all_classes() -> None:
    targets = smoothed_targets(np.array([1, 0]), 4, 0.1)
    np.testing.assert_allclose(targets, [[0.025, 0.925, 0.025, 0.025], [0.925, 0.025, 0.025, 0.025]], rtol=1e-6)
    assert smoothed_targets(np.array([2]), 3, 0.0).tolist() == [[0, 0, 1]]


def mixed(**parts: float) -> tuple[np.ndarray, np.ndarray]:
    """Mix eight plain pictures, of value 0 to 7, each with its own class."""
    images = np.ones((8, 3, 16, 16), np.float32) * np.arange(8, dtype=np.float32)[:, None, None, None]
    recipe = RECIPES["tutorial"]._replace(**parts)
    return mix(images, smoothed_targets(np.arange(8), 8, 0.0), recipe, np.random.RandomState(3))


@pytest.mark.parametrize("parts", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_targets_are_mixed_in_the_shares_of_the_pictures(parts: dict[str, float]) -> None:
    images, targets = mixed(**parts)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), targets.dot(np.arange(8)), rtol=1e-4)
    assert (targets.max(axis=1) < 1).any()


def test_mixup_blends_and_cutmix_pastes() -> None:
    assert max(len(np.unique(image)) for image in mixed(mixup=0.4)[0]) == 1
    assert max(len(np.unique(image)) for image in mixed(cutmix=1.0)[0]) == 2


def test_without_mixing_nothing_changes() -> None:
    images, targets = mixed()
    assert images[5].max() == 5 and targets[5, 5] == 1


@pytest.mark.parametrize("form", ["B", "C", "D"])
@pytest.mark.parametrize("image_size", [32, 48, 100, 224])
def test_every_form_of_the_network_takes_every_size(form: str, image_size: int) -> None:
    symbol = get_symbol(7, 18, image_size, RECIPES["modern"]._replace(form=form))
    assert symbol.infer_shape(data=(2, 3, image_size, image_size))[1] == [(2, 7)]


def test_the_recipe_decides_where_scales_start_and_whether_they_decay() -> None:
    def attributes(**parts: int) -> dict[str, str]:
        symbol = get_symbol(7, 18, 48, RECIPES["modern"]._replace(**parts))
        return dict(symbol.attr_dict()["stage1_unit1_conv2_bn_gamma"])

    assert '"value": 0.0' in attributes(zero_init=1)["__init__"]
    assert '"value": 1.0' in attributes(zero_init=0)["__init__"]
    assert [attributes(decay_batch_norm=decays)["__wd_mult__"] for decays in (0, 1)] == ["0.0", "1.0"]
