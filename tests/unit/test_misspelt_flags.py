"""A misspelt flag is told with the one that was probably meant, by both of our command lines."""

from __future__ import annotations

import pytest

import modelarts_local.cli
import obs_layout.arguments
from obs_layout.help_form import misspelt_flags

BUILD = {"obs_layout": obs_layout.arguments.build_parser, "modelarts-local": modelarts_local.cli.build_parser}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "obs_layout pack in out --trian-ratio=0.9",
            "obs_layout pack: error: unrecognized arguments: --trian-ratio; "
            "did you mean --train-ratio for --trian-ratio?",
        ),
        (
            "obs_layout verify folder --imagesize 96 --jsn",
            "obs_layout verify: error: unrecognized arguments: --imagesize 96 --jsn; "
            "did you mean --image-size for --imagesize, --json for --jsn?",
        ),
        (
            "modelarts-local list --jsn",
            "modelarts-local list: error: unrecognized arguments: --jsn; did you mean --json for --jsn?",
        ),
        (
            "modelarts-local predict a.jpg --tokn=not-to-be-seen",
            "modelarts-local predict: error: unrecognized arguments: --tokn; did you mean --token for --tokn?",
        ),
        (
            "modelarts-local train --code-dir=c --boot-file=b.py --data-ulr=d --train-url=t",
            "modelarts-local train: error: the following arguments are required: --data-url; "
            "did you mean --data-url for --data-ulr?",
        ),
        ("modelarts-local list --quantum", "modelarts-local list: error: unrecognized arguments: --quantum"),
        ("modelarts-local list one -x", "modelarts-local list: error: unrecognized arguments: one -x"),
    ],
)
def test_a_flag_that_is_not_known_ends_the_command_with_the_one_that_is(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program, *rest = words.split()
    with pytest.raises(SystemExit) as ending:
        BUILD[program]().parse_args(rest)
    assert ending.value.code == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == told
    assert said.startswith(f"usage: {program} {rest[0]} ")


def test_the_beginning_of_a_flag_and_what_follows_two_dashes_are_no_mistakes() -> None:
    assert misspelt_flags(["--im", "--json", "--", "--jsn"], ["--image-size", "--json"]) == {}


def test_the_beginning_of_a_flag_is_still_taken_for_it() -> None:
    assert BUILD["obs_layout"]().parse_args(["verify", "folder", "--image=96"]).image_size == 96
