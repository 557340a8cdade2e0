"""T7, T8: the job writes model/ where it is imported from, into an output folder of its own."""

from __future__ import annotations

import ast
import os
import re
from typing import Iterator

from ...package.model_package import is_url
from ..findings import WARNING, Finding
from ..rules import finding
from ..syntax import known_as, nodes_of
from .limits import list_data
from .source import Job
from .submission import Submission

_WRITERS = ("save_checkpoint", "do_checkpoint", "export", "save_parameters", "save_params", "HybridBlock")
_MODEL_FOLDER = re.compile(r"(^|/)model(/|$)")
_EPOCH_ZERO = re.compile(r"-0000\.params|^0000$")


def find_missing_export(job: Job) -> Iterator[Finding]:
    """T7, as a warning: nothing in the sources speaks of a folder model/, or nothing there saves a network.

    A name that is put together while the job runs is not seen, and what is seen may never run; `train` runs the job
    and looks at what it has written.
    """
    texts, calls = set(), set()
    for _, tree in job.parsed():
        for node in nodes_of(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.Attribute):
                calls.add(node.attr)
    uses_moxing = any("moxing" in name for _, tree in job.parsed() for name in known_as(tree).values())
    if job.reached[0].tree is None or (uses_moxing and "run" in calls):  # mox.run() saves by itself
        return
    saves = bool(calls & set(_WRITERS)) or any(text.endswith(("-symbol.json", ".params")) for text in texts)
    names_folder = any(_MODEL_FOLDER.search(text) for text in texts)
    if not saves:
        found = "nothing that saves a network"
    elif not names_folder:
        found = "nothing that writes into a folder model/"
    else:
        return
    yield finding(
        "T7", job.place(job.boot), None, found,
        "<train_url>/model/ with NAME-symbol.json and NAME-0000.params",
        "At the end, copy network and weights to model/ below train_url; the import looks for them there.",
        "ModelArts.3013", WARNING,
    )  # fmt: skip


def find_unfit_output(job: Job, submission: Submission) -> Iterator[Finding]:
    """T8: an output folder that is the data folder, or one that is not empty.

    Raises StorageFailed when storage does not list it.
    """
    if not submission.train_url:
        return
    if submission.data_url and _place(submission.data_url) == _place(submission.train_url):
        yield finding(
            "T8", submission.train_url, None, "the data folder as output folder", "a folder for the output alone",
            "Choose another --train-url; the output would be mixed into the data.",
        )  # fmt: skip
        return
    names = list_data(submission.train_url)
    if names:
        yield finding(
            "T8", submission.train_url, None, f"{len(names)} file{'s' * (len(names) != 1)} in the output folder",
            "an empty folder", "Choose a new folder; what is left of another job could be taken for this one's.",
        )  # fmt: skip


def _place(url: str) -> str:
    return url.rstrip("/").split("://", 1)[1] if is_url(url) else os.path.realpath(url)
