"""The flags of the training job."""

from __future__ import annotations

import logging

import pytest

import arguments
from recipes import RECIPES

# contract 1.7: the reference job's flags
TUTORIAL_DEFAULTS = {
    "num_classes": 102,
    "num_examples": 7316,
    "num_layers": 34,
    "lr_factor": 0.1,
    "num_epochs": 30,
    "batch_size": 128,
    "disp_batches": 20,
    "kv_store": "device",
    "num_gpus": 1,
    "export_model": 1,
}
URLS = ["--data_url=in", "--train_url=out"]


def test_the_tutorials_flags_keep_their_names_and_defaults() -> None:
    options = arguments.parse_arguments(URLS)
    assert {name: getattr(options, name) for name in TUTORIAL_DEFAULTS} == TUTORIAL_DEFAULTS
    recipe = arguments.parse_arguments([*URLS, "--recipe=tutorial"]).recipe
    assert (recipe.lr, recipe.lr_step) == (0.1, (16, 24, 27))


def test_a_learning_rate_that_is_given_wins_over_the_recipes() -> None:
    own = arguments.parse_arguments(URLS).recipe
    assert arguments.parse_arguments([*URLS, "--lr=0.03"]).recipe == own._replace(lr=0.03)
    assert arguments.parse_arguments([*URLS, "--lr_step=2,1"]).recipe == own._replace(lr_step=(1, 2))
    assert arguments.parse_arguments([*URLS, "--lr_step="]).recipe == own._replace(lr_step=())


def test_the_recipes_learning_rate_is_in_proportion_to_the_batch_and_the_tutorials_is_not() -> None:
    def rate(*flags: str) -> float:
        return float(arguments.parse_arguments([*URLS, "--batch_size=32", *flags]).recipe.lr)

    assert rate() == RECIPES["modern"].lr / 4
    assert rate("--recipe=tutorial") == RECIPES["tutorial"].lr
    assert rate("--lr=0.3") == 0.3


def test_parts_of_a_recipe_can_be_changed() -> None:
    changed = arguments.recipe("modern,mixup=0.2,crop_area=0.5:0.9,lr_step=4:2,form=B,zero_init=0")
    assert changed == RECIPES["modern"]._replace(mixup=0.2, crop_area=(0.5, 0.9), lr_step=(2, 4), form="B", zero_init=0)
    assert arguments.recipe("tutorial,lr_step=cosine").lr_step == "cosine"


@pytest.mark.parametrize(
    ("flags", "is_asked"),
    [([], False), (["--num_gpus=1"], True), (["--num_gpus", "2"], True), (["--num_gpu=1"], False)],
)
def test_gpus_that_nobody_asked_for_are_told_from_those_that_somebody_did(flags: list[str], is_asked: bool) -> None:
    assert arguments.parse_arguments([*URLS, *flags]).asks_for_gpus is is_asked


def test_a_value_may_follow_after_a_space_or_an_equals_sign() -> None:
    spaced = arguments.parse_arguments(["--data_url", "in", "--train_url", "out", "--lr", "0.2"])
    assert vars(spaced) == vars(arguments.parse_arguments([*URLS, "--lr=0.2"]))


def test_an_unknown_flag_is_ignored_with_one_warning_that_names_the_near_miss(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        options = arguments.parse_arguments([*URLS, "--num_epoch=3", "--max_epoches=10", "--init_method=tcp://h:6666"])
    assert options.num_epochs == 30
    assert [record.getMessage() for record in caplog.records] == [
        "These arguments are not known here and had no effect: --num_epoch (did you mean --num_epochs?), "
        "--max_epoches (did you mean --num_epochs?), --init_method. The platform adds some of its own; "
        "check the spelling of those that you typed."
    ]


def test_the_value_of_an_unknown_flag_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    arguments.parse_arguments([*URLS, "--sk=TOPSECRET", "--ak", "ANOTHER"])
    assert "--sk, --ak" in caplog.text
    assert "SECRET" not in caplog.text and "ANOTHER" not in caplog.text


def test_known_flags_cause_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    arguments.parse_arguments([*URLS, "--lr=0.2"])
    assert caplog.records == []


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        (
            "--lr_step=16, x",
            "'16, x': 'x' is not an epoch number; write numbers of at least 1 with commas, as in 16,24,27",
        ),
        ("--num_epochs=0", "'0' is not a whole number of at least 1"),
        ("--batch_size=many", "'many' is not a whole number of at least 1"),
        ("--num_gpus=-1", "'-1' is not a whole number of at least 0"),
        ("--lr=0", "'0' is not a number above 0"),
        ("--seed=4294967296", "'4294967296' is not a whole number from 0 to 4294967295"),
        ("--kv_store=foo", "invalid choice: 'foo'"),
        ("--gpus=0,0", "'0,0' is not a list of different GPU numbers with commas, as in 0,2"),
        ("--gpus=all", "'all' is not a list of different GPU numbers"),
        ("--dtype=float64", "invalid choice: 'float64'"),
        ("--compression_threshold=0", "'0' is not a number above 0"),
        ("--lr=nan", "'nan' is not a number above 0"),
        ("--image_size=8", "'8' is not a number of pixels from 16 to 1024"),
        ("--num_layers=20", "invalid choice: 20"),
        ("--recipe=old", "'old' is no recipe; there are gentle, modern, tutorial"),
        ("--recipe=modern,mixups=1", "'mixups' is no part of a recipe; there are mirror_share, crop_area"),
        ("--recipe=modern,mixup=much", "mixup='much' is not a number of at least 0"),
        ("--recipe=modern,label_smoothing=2", "label_smoothing='2' is not a number from 0 to 1"),
        ("--recipe=modern,crop_area=0.5", "crop_area='0.5' is not two numbers up to 1, as in 0.5:1"),
        ("--recipe=modern,form=E", "form='E' is not one of B, C, D"),
        ("--resume=yes", "invalid choice: 'yes'"),
    ],
)
def test_a_wrong_value_ends_with_status_2_and_says_what_is_expected(
    flag: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        arguments.parse_arguments([*URLS, flag])
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(("text", "epochs"), [("16, 24, 27", (16, 24, 27)), ("9,3,3", (3, 9)), ("", ()), ("4,", (4,))])
def test_lr_step_is_a_list_of_epochs_in_order(text: str, epochs: tuple[int, ...]) -> None:
    assert arguments.epoch_list(text) == epochs


def test_help_explains_every_flag_with_its_default() -> None:
    text = arguments.build_parser().format_help()
    assert "(default: 30)" in text and "(default: the recipe's," in " ".join(text.split())
    assert all(action.help for action in arguments.build_parser()._actions)
