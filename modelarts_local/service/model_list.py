"""Which packages one service serves, and what each is called."""

from __future__ import annotations

import argparse
import re
from typing import NamedTuple, Sequence

from ..errors import CommandLineError

DEFAULT_NAME = "default"
# the platform's rule for the name of a model (contract 2.2), without its Chinese characters: it stands in a URL
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ModelSource(NamedTuple):
    """Where a model comes from. name: what it is called; parent: folder or URL that holds `model/`."""

    name: str
    parent: str


def named_model(text: str) -> ModelSource:
    """Return the model of NAME=PARENT; argparse shows the error."""
    name, equals, parent = text.partition("=")
    if not equals or not parent:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PARENT, such as v1=out/V0001")
    if not _NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(
            f"{name!r} cannot name a model; write 1 to 64 letters, digits, - and _, such as v1=out/V0001"
        )
    return ModelSource(name, parent)


def model_sources(parent: str | None, named: Sequence[ModelSource]) -> list[ModelSource]:
    """Return the models of one command line, the default one first.

    parent: the package without a name of its own; it is called by its last path component where that may name a model.

    Raises CommandLineError when there is none, or when two have one name.
    """
    last = (parent or "").rstrip("/").rpartition("/")[2]
    name = last if _NAME.fullmatch(last) else DEFAULT_NAME
    sources = [*([ModelSource(name, parent)] if parent else []), *named]
    if not sources:
        raise CommandLineError("there is nothing to serve. Give the folder that holds model/, or --model NAME=PARENT.")
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CommandLineError(f"two models are called {twice[0]}. Name them apart with --model NAME=PARENT.")
    return sources
