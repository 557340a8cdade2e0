"""Print docs/training-flags.md, made from the command lines of the programs in codes/.

PYTHONPATH=.:codes python3 -m tools.training_flags_page > docs/training-flags.md
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, Iterator

import arguments
import plot_network
import quantize_model
from recipes import RECIPES, Recipe, parse_recipe

HEAD = """\
# The flags of the training job

<!-- Made by: PYTHONPATH=.:codes python3 -m tools.training_flags_page > docs/training-flags.md -->

Every flag of `codes/train_caltech.py`, as `--help` has them. On ModelArts each is a running parameter without the
dashes, where `--data_url`, `--train_url` and on GPU machines `--num_gpus` are the platform's own; in `modelarts-local
train` it is `--param num_layers=18`. A flag that is not known has no effect, as the platform wants it, and one warning
says which was probably meant. A wrong value ends the job with exit code 2, before anything is read.
"""
RECIPE_HEAD = """
## Parts of a recipe

`--recipe=modern,mixup=0.2,lr_step=16:24` takes `modern` and changes two parts. [recipe.md](recipe.md) tells what they
do and what they bring. Of two or more numbers each is parted from the next by a colon.

"""
OTHERS_HEAD = """
## The other two programs

"""
TABLE_HEAD = "| flag | default | takes | what it does |\n| --- | --- | --- | --- |\n"
NO_VALUE = "?"  # what no flag takes, so that each says what it does take
REFUSAL = re.compile(r"'\?'(?:: '\?')? is not (?:a list of )?(?:an? )?(?P<takes>.*)")
DEFAULT_IN_HELP = re.compile(r" \(default: (?P<default>.*)\)$")


def page() -> str:
    """Return the page as Markdown."""
    parser = arguments.build_parser()
    parts = [HEAD]
    for group in parser._action_groups:  # argparse has no public list of them
        actions = [action for action in group._group_actions if action.option_strings and action.dest != "help"]
        if actions:
            parts += [f"\n## {_capital(group.title or '')}\n\n", TABLE_HEAD, *map(_row, actions)]
    parts += [RECIPE_HEAD, *_recipe_rows(), OTHERS_HEAD]
    for program in (plot_network, quantize_model):
        parts += _program(program.build_parser())
    return "".join(parts).rstrip("\n") + "\n"


def main() -> int:
    """Print the page; returns 0."""
    print(page(), end="")
    return 0


def _program(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"`codes/{parser.prog}`: {_plain(parser.description or '')}\n\n" + TABLE_HEAD
    yield from (_row(action) for action in parser._actions if action.dest != "help")
    yield "\n"


def _row(action: argparse.Action) -> str:
    name = action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
    given = DEFAULT_IN_HELP.search(action.help or "")
    if action.required:
        default = "required"
    elif given:
        default = given.group("default")
    else:
        default = _shown(action.default)
    return f"| `{name}` | {default} | {_takes(action)} | {_plain(DEFAULT_IN_HELP.sub('', action.help or ''))} |\n"


def _takes(action: argparse.Action) -> str:
    """What a flag takes, in the words with which it refuses what it does not."""
    if action.choices is not None:
        return ", ".join(f"`{choice}`" for choice in action.choices)
    if action.type is arguments.recipe:
        return ", ".join(f"`{name}`" for name in RECIPES) + ", and parts"
    if not callable(action.type):
        return "a folder or URL" if action.dest.endswith(("url", "parent", "calibration")) else "a folder"
    try:
        action.type(NO_VALUE)
    except argparse.ArgumentTypeError as error:
        refusal = REFUSAL.fullmatch(str(error))
        if refusal:
            return refusal.group("takes").partition("; write ")[2] or refusal.group("takes")
    raise ValueError(f"{action.dest} does not say what it takes")


def _recipe_rows() -> Iterator[str]:
    yield f"| part | takes | {' | '.join(f'`{name}`' for name in RECIPES)} |\n|{' --- |' * (2 + len(RECIPES))}\n"
    for part in Recipe._fields:
        try:
            parse_recipe(f"modern,{part}={NO_VALUE}")
        except ValueError as error:
            takes = str(error).partition(" is not ")[2]
        values = " | ".join(_shown(getattr(recipe, part)) for recipe in RECIPES.values())
        yield f"| `{part}` | {takes} | {values} |\n"


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ":".join(f"{part:g}" for part in value)
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value in ("", None) else str(value)


def _plain(text: str) -> str:
    """The text on one line, safe in a table, its flags set as code."""
    return re.sub(r"--[a-z][a-z0-9_]*", r"`\g<0>`", " ".join(text.split()).replace("|", r"\|").replace("*", r"\*"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    sys.exit(main())
