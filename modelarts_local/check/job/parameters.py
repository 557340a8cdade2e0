"""T2, T18: the job takes the command line that the platform builds, and the parameters that its user sets."""

from __future__ import annotations

import ast
import difflib
from typing import Iterator

from ..findings import Finding
from ..rules import finding
from ..syntax import full_name, known_as, nodes_of
from .source import Job, SourceFile
from .submission import Submission

# What the platform adds (contract 1.3); these are no running parameters that somebody sets
PLATFORM_FLAGS = ("data_url", "train_url", "num_gpus", "init_method", "rank", "world_size", "task_index")
STRICT = "parse_args(), which ends the job at the first argument that it does not know"


def find_strict_parsing(job: Job) -> Iterator[Finding]:
    """T2: parse_args() of argparse, on the program's own command line, in a file that the job comes to."""
    for source, tree in job.parsed():
        if "argparse" not in known_as(tree).values() and not any(
            name.startswith("argparse.") for name in known_as(tree).values()
        ):
            continue
        for node in nodes_of(tree):
            if isinstance(node, ast.Call) and _is_strict(node):
                yield finding(
                    "T2", job.place(source.name), node.lineno, STRICT, "parse_known_args()",
                    "Write `args, unknown = parser.parse_known_args()`; the platform adds arguments of its own, at "
                    "which the job would end: unrecognized arguments.",
                )  # fmt: skip


def _is_strict(call: ast.Call) -> bool:
    """Tell whether it is `x.parse_args()` with the program's command line; [] or a list of one's own is harmless."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "parse_args":
        return False
    return not call.args or full_name(call.args[0], {}).startswith(("sys.argv", "argv", "None"))


def find_hyphenated_flags(job: Job) -> Iterator[Finding]:
    """T2: --data-url where the platform passes --data_url, which argparse takes for another flag."""
    flags = _declared_flags(job)
    for name in ("data_url", "train_url", "num_gpus"):
        written = name.replace("_", "-")
        if written in flags and name not in flags:
            source, line = flags[written]
            yield finding(
                "T2", job.place(source), line, f"flag --{written}", f"--{name}, as the platform passes it",
                f"Write '--{name}' with an underscore; the job would not see its value otherwise.",
            )  # fmt: skip


def find_unknown_parameters(job: Job, submission: Submission) -> Iterator[Finding]:
    """T18: a running parameter that no add_argument of the job names; nothing where the names are made in a loop."""
    known = sorted(_declared_flags(job))
    if not known or _makes_flags(job):  # or where the job reads its command line in another way
        return
    for name, _ in submission.parameters:
        if name not in known and name not in PLATFORM_FLAGS:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            meant = f"--{near[0]}" if near else f"one of {', '.join('--' + flag for flag in known[:12])}"
            # The tutorial's own max_epoches had no effect for this reason (contract 1.3)
            yield finding(
                "T18", job.place(job.boot), None, f"no --{name} among the job's flags", meant,
                f"Set {near[0]} instead of {name}; an unknown parameter has no effect."
                if near else f"Leave {name} out, or have the job declare it; an unknown parameter has no effect.",
            )  # fmt: skip


def _declared_flags(job: Job) -> dict[str, tuple[str, int]]:
    """Return the flags that add_argument is given, without dashes in front, each with its file and line."""
    flags: dict[str, tuple[str, int]] = {}
    for source, call in _declarations(job):
        for argument in call.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                flags.setdefault(argument.value.lstrip("-"), (source.name, argument.lineno))
    return flags


def _makes_flags(job: Job) -> bool:
    """Tell whether add_argument is given a name that is put together, or all its arguments from elsewhere."""
    return any(not call.args or not isinstance(call.args[0], ast.Constant) for _, call in _declarations(job))


def _declarations(job: Job) -> Iterator[tuple[SourceFile, ast.Call]]:
    for source, tree in job.parsed():
        for node in nodes_of(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
                yield source, node
