"""The replica that compares recipes on a GPU: what of it needs no PyTorch."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.failures import BenchmarkFailed
from benchmarks.recipe_search.command_line import build_parser, image_size, positive
from benchmarks.recipe_search.layout import Layout
from benchmarks.recipe_search.results import Result, append_result, read_results, table_of
from benchmarks.recipe_search.schedule import COLUMNS, draw_updates, learning_rates
from benchmarks.recipe_search.trials import Extras, Settings, largest_rate, parse_trial

import arguments
from network.resnet import get_symbol
from recipes import FORMS, MODERN, RECIPES, TUTORIAL
from training.schedules import LearningRate

SIDE = 96
USUAL = Settings()


def test_a_trial_changes_parts_of_the_job_and_parts_of_its_own() -> None:
    trial = parse_trial("modern,ema=0.99,lr=0.2,mix_prob=0.5,crop_area=0.2:1")
    assert trial.recipe == MODERN._replace(lr=0.2, crop_area=(0.2, 1.0))
    assert trial.extras == Extras(ema=0.99, mix_prob=0.5)
    assert trial.text == "modern,ema=0.99,lr=0.2,mix_prob=0.5,crop_area=0.2:1"


def test_without_changes_a_trial_is_the_recipe() -> None:
    assert parse_trial("tutorial") == ("tutorial", TUTORIAL, Extras())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("modest", "'modest' is no recipe; there are gentle, modern, tutorial"),
        ("modern,lr=fast", "lr='fast' is not a number of at least 0"),
        ("modern,ema=1", "ema='1' is not a number from 0 to below 1"),
        ("modern,dropout=x", "dropout='x' is not a number from 0 to below 1"),
        ("modern,erasing=25", "erasing='25' is not a number from 0 to 1"),
        ("modern,mix_prob=nan", "mix_prob='nan' is not a number from 0 to 1"),
        ("modern,class_weights=-1", "class_weights='-1' is not a number of at least 0"),
    ],
)
def test_what_is_no_trial_is_told_with_what_is_expected(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_trial(text)
    assert str(caught.value) == problem


def test_a_misspelt_part_is_told_with_all_parts_of_both() -> None:
    with pytest.raises(
        ValueError, match=r"^'emma' is no part of a recipe; there are mirror_share, .* form, ema, .*prob$"
    ):
        parse_trial("modern,emma=0.9")


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_the_largest_rate_is_that_of_the_job(recipe: str) -> None:
    flags = ["--data_url=d", "--train_url=o", f"--recipe={recipe}", "--batch_size=32"]
    assert largest_rate(RECIPES[recipe], 32) == arguments.parse_arguments(flags).recipe.lr


@pytest.mark.parametrize("recipe", [*RECIPES.values(), MODERN._replace(warmup=0.0), MODERN._replace(lr_step=())])
def test_the_learning_rate_of_every_update_is_that_of_the_job(recipe: object) -> None:
    schedule = LearningRate(recipe, 0.1, 30, 7)
    expected = [schedule(update) for update in range(1, 30 * 7 + 1)]
    assert learning_rates(recipe, 30, 7, 128).tolist() == pytest.approx(expected, rel=1e-12)


def draw(text: str, updates: int = 400, seed: int = 3) -> dict[str, np.ndarray]:
    """Draw updates of the rate 0.1; returns the columns by name."""
    trial = parse_trial(text)
    return dict(zip(COLUMNS, draw_updates(trial.recipe, trial.extras, np.full(updates, 0.1), SIDE, seed).T))


def test_without_mixing_a_picture_is_all_its_own() -> None:
    columns = draw("modern")
    assert set(columns["share"]) == set(columns["target_share"]) == {1.0}
    assert not np.any([columns[edge] for edge in ("left", "right", "top", "bottom")])
    assert set(columns["lr"]) == {0.1}


def test_blended_pictures_have_targets_in_the_same_shares() -> None:
    columns = draw("modern,mixup=0.4")
    assert np.array_equal(columns["share"], columns["target_share"])
    assert columns["share"].min() < 0.2 < 0.8 < columns["share"].max()


def test_the_target_of_a_pasted_rectangle_is_its_share_of_the_area() -> None:
    columns = draw("modern,cutmix=1")
    area = (columns["right"] - columns["left"]) * (columns["bottom"] - columns["top"])
    np.testing.assert_allclose(columns["target_share"], 1 - area / SIDE**2)
    assert set(columns["share"]) == {1.0}
    for edge in ("left", "right", "top", "bottom"):
        assert columns[edge].min() >= 0 and columns[edge].max() <= SIDE
    assert area.max() > 0.5 * SIDE**2


def test_mix_prob_leaves_a_part_of_the_batches_as_they_are() -> None:
    shares = draw("modern,mixup=0.4,mix_prob=0.25", updates=2000)["share"]
    assert 0.2 < np.mean(shares < 1) < 0.3


def test_both_ways_of_mixing_take_turns_by_chance() -> None:
    columns = draw("modern,mixup=0.4,cutmix=1")
    assert 0.3 < np.mean(columns["share"] < 1) < 0.7


def test_equal_seeds_draw_equal_updates_and_others_do_not() -> None:
    first, again, other = (draw("modern,cutmix=1", seed=seed)["left"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_averaged_weights_forget_the_first_ones_before_they_become_slow() -> None:
    fresh = draw("modern,ema=0.99", updates=2000)["fresh"]
    assert fresh[0] == pytest.approx(0.9)
    assert np.all(np.diff(fresh) <= 0)
    assert fresh[-1] == pytest.approx(0.01)
    assert set(draw("modern")["fresh"]) == {1.0}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("num_layers", [18, 34])
def test_the_network_has_the_weights_of_the_job(form: str, num_layers: int) -> None:
    symbol = get_symbol(102, num_layers, SIDE, MODERN._replace(form=form))
    shapes, _, statistics = symbol.infer_shape(data=(2, 3, SIDE, SIDE))
    expected = dict(zip(symbol.list_arguments(), shapes))
    del expected["data"], expected["softmax_label"]
    layout = Layout(form, num_layers, 102)
    assert {name: shape for name, (_, shape) in layout.weights.items()} == expected
    expected = dict(zip(symbol.list_auxiliary_states(), statistics))
    assert {name: shape for name, (_, shape) in layout.statistics.items()} == expected


def test_no_arrays_overlap_and_kinds_of_decay_lie_together() -> None:
    layout = Layout("D", 18, 102)
    for places, size in ((layout.weights, layout.size), (layout.statistics, layout.statistics_size)):
        starts = [start for start, _ in places.values()]
        ends = [start + math.prod(shape) for start, shape in places.values()]
        assert all(end <= start for end, start in zip(ends, [*starts[1:], size]))
    for name, (start, _) in layout.weights.items():
        decays_as = (start >= layout.weights_end) + (start >= layout.gammas_end)
        assert decays_as == (0 if name.endswith("weight") else 1 if name.endswith("gamma") else 2), name


def result(recipe: str, seed: int, top1: float, data: str = "sha", settings: Settings = USUAL) -> Result:
    measured = {
        "val_top1": [0.1, top1],
        "val_top5": [0.2, 0.9],
        "val_cross_entropy": [4.0, 0.75],
        "val_macro_recall": [0.05, 0.7],
        "train_top1": [0.1, 0.95],
    }
    return Result(recipe, seed, settings, data, measured, 17.6, "a GPU")


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert read_results(path, USUAL, "sha") == []
    written = [result("modern", 0, 0.8), result("modern,ema=0.9", 1, 0.7)]
    for one in written:
        append_result(path, one)
    assert read_results(path, USUAL, "sha") == written


def test_results_of_other_data_or_settings_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_result(path, result("modern", 0, 0.8, data="other"))
    append_result(path, result("modern", 0, 0.8, settings=Settings(num_epochs=1)))
    assert read_results(path, USUAL, "sha") == []


@pytest.mark.parametrize("line", ['{"recipe": "mod', "{}", "3", '{"settings": 3}'])
def test_a_line_that_is_no_result_is_told(line: str, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_result(path, result("modern", 0, 0.8))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(BenchmarkFailed) as caught:
        read_results(path, USUAL, "sha")
    assert str(caught.value) == f"{path}: line 2 is no result: {line!r}. Remove the line."


def test_the_table_compares_last_epochs_of_equal_seeds() -> None:
    results = [
        result("modern,lr=0.2", 0, 0.78),  # done first, yet not the baseline
        result("modern", 0, 0.80),
        result("modern", 1, 0.84),
        result("tutorial", 1, 0.64),
        result("gentle", 7, 0.5),
    ]
    lines = list(table_of(results, ["modern", "modern,lr=0.2", "tutorial", "gentle", "modern,lr=0.1"]))
    assert lines == [
        "| recipe | seeds | top-1, % | against the first | top-5, % | cross-entropy | macro recall, % "
        "| its own pictures, % | s a training |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| `modern` | 2 | 82.0 | +0.0 | 90.0 | 0.750 | 70.0 | 95.0 | 18 |",
        "| `modern,lr=0.2` | 1 | 78.0 | -2.0 | 90.0 | 0.750 | 70.0 | 95.0 | 18 |",
        "| `tutorial` | 1 | 64.0 | -20.0 | 90.0 | 0.750 | 70.0 | 95.0 | 18 |",
        "| `gentle` | 1 | 50.0 |  | 90.0 | 0.750 | 70.0 | 95.0 | 18 |",
    ]


def test_the_command_line_takes_what_the_comparison_of_jobs_takes() -> None:
    options = build_parser().parse_args(["data", "out", "modern", "modern,ema=0.9", "--seeds", "0", "1", "--at-once=2"])
    assert [trial.text for trial in options.recipe] == ["modern", "modern,ema=0.9"]
    assert (options.data, options.out, options.seeds, options.at_once) == (Path("data"), Path("out"), [0, 1], 2)
    assert (options.device, options.limit_s) == ("cuda", math.inf)
    # what is not said is as in the job's own figures
    assert (options.num_layers, options.image_size, options.num_epochs, options.batch_size) == USUAL[:4]


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (positive, "0", "'0' is not a whole number of at least 1"),
        (positive, "-3", "'-3' is not a whole number of at least 1"),
        (image_size, "32", "32 pixels: up to 32 the job's network is another one"),
    ],
)
def test_a_number_that_does_not_fit_is_told(read: object, text: str, problem: str) -> None:
    assert callable(read)
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        read(text)
    assert str(caught.value) == problem


def test_a_misspelt_recipe_ends_the_command_line_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["data", "out", "modest"])
    assert caught.value.code == 2
    assert "argument RECIPE: 'modest' is no recipe; there are gentle, modern, tutorial" in capsys.readouterr().err
