"""T6, T17, T19: what the machine that runs the job may lack: a GPU, the internet, a log that shows INFO."""

from __future__ import annotations

import ast
import re
from typing import Iterator

from ..findings import Finding
from ..rules import finding
from ..syntax import full_name, known_as, nodes_of
from .source import Job

_DOWNLOADS = re.compile(
    r"urllib\.request\.(urlopen|urlretrieve)|urllib\.urlretrieve|requests\.(get|post)|wget\.download|"
    r"mxnet\.(gluon\.utils|test_utils)\.download|torch\.hub\.\w+"
)
_LOG_SETTERS = {"basicConfig", "setLevel", "dictConfig", "fileConfig", "addHandler", "StreamHandler", "reset_logger"}


def find_gpu_only(job: Job) -> Iterator[Finding]:
    """T6: mxnet.gpu() in a job that nowhere speaks of mxnet.cpu()."""
    found, has_cpu = [], False
    for source, tree in job.parsed():
        names = known_as(tree)
        for node in nodes_of(tree):
            if isinstance(node, ast.Attribute):
                name = full_name(node, names)
                has_cpu = has_cpu or name in ("mxnet.cpu", "mxnet.context.cpu")
                if name in ("mxnet.gpu", "mxnet.context.gpu"):
                    found.append((source, node.lineno))
    if found and not has_cpu:
        source, line = min(found, key=lambda place: (place[0].name, place[1]))
        yield finding(
            "T6", job.place(source.name), line, "mx.gpu() and nowhere mx.cpu()", "a way to run without a GPU",
            "Write mx.gpu() if args.num_gpus else mx.cpu(); on a CPU pool the job would fail.",
        )  # fmt: skip


def find_internet(job: Job) -> Iterator[Finding]:
    """T17: a call that downloads, or a ready network from a model zoo."""
    for source, tree in job.parsed():
        names = known_as(tree)
        for node in nodes_of(tree):
            what = _download(node, names)
            if what:
                yield finding(
                    "T17", job.place(source.name), node.lineno,  # type: ignore[attr-defined]
                    what, "data and weights from data_url",
                    "Put the file into the bucket, and copy it from there; public pools have had no internet.",
                )  # fmt: skip


def _download(node: ast.AST, names: dict[str, str]) -> str:
    if not isinstance(node, ast.Call):
        return ""
    name = full_name(node.func, names)
    if _DOWNLOADS.fullmatch(name):
        return f"{name}(), which needs the internet"
    for keyword in node.keywords:
        if keyword.arg == "pretrained" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True:
            return "pretrained=True, for which weights are downloaded"
    return ""


def find_silent_log(job: Job) -> Iterator[Finding]:
    """T19: logging.info() in a job that never sets a level, so that nothing below WARNING is shown."""
    first = None
    for source, tree in job.parsed():
        names = known_as(tree)
        for node in nodes_of(tree):
            if isinstance(node, (ast.Attribute, ast.Name)):
                last = node.attr if isinstance(node, ast.Attribute) else node.id
                if last in _LOG_SETTERS:
                    return
            if first is None and isinstance(node, ast.Call) and full_name(node.func, names) == "logging.info":
                first = (source, node.lineno)
    if first is not None:
        yield finding(
            "T19", job.place(first[0].name), first[1], "logging.info(), and no level is set anywhere",
            "a level of INFO, so that the log tells how the training goes",
            "Begin with logging.basicConfig(level=logging.INFO); Python shows only warnings unless told.",
        )  # fmt: skip
