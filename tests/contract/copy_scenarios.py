"""What copy and copy_parallel make of every kind of source and target, as one numbered table.

test_moxing_copy_scenarios.py carries each row out in every direction that it names. The table for readers is
docs/moxing-copy-scenarios.md; from the root of this repository,

    PYTHONPATH=codes python3 -m tests.contract.copy_scenarios > docs/moxing-copy-scenarios.md

writes it again. Kept to Python 3.6: it runs on the parity engine too.
"""

import sys
from typing import NamedTuple, Optional, Tuple

NEW, OLD = b"from the source", b"in the target before"
BOTH, DISK, BUCKET = ("disk", "bucket"), ("disk",), ("bucket",)


class Scenario(NamedTuple):
    """One row; a name that ends in '/' is an empty folder or a marker object, every other one a file."""

    number: str
    what: str
    source: Tuple[str, ...]  # what lies in the source before, each file with the content NEW
    src: str  # how the source is spelt, below the place where `source` lies
    before: Tuple[str, ...]  # what lies in the target before, each file with the content OLD
    dst: str  # how the target is spelt
    new: Tuple[str, ...] = ()  # what the target has afterwards from the source
    kept: Tuple[str, ...] = ()  # what it has as before
    raises: str = ""  # the exception, by its name in moxing_shim.errors
    sources: Tuple[str, ...] = BOTH
    targets: Tuple[str, ...] = BOTH
    call: str = "copy_parallel"
    file_list: Optional[Tuple[str, ...]] = None


NOT_THERE, CLASH = "MoxFileNotExistsException", "MoxFileNameDuplicateException"
AWKWARD = ("with space", "图像/猫.jpg", "a+b", "100%", "%2F", "a&b=c;d", "#1", "why?", "'q'", "~t", ".hidden/.f")
# Names that are legal in a bucket and would be written outside of a folder, or cannot be written at all
HOSTILE = ("../up", "a/../../up", "/absolute", "a//b", "./dot", "C:x", "a\\..\\up", "..")
TREE = ("d/a", "d/b/c", "d/b/e/f")


def _numbered(*rows):
    return [Scenario(f"S{number}", *args, **options) for number, (args, options) in enumerate(rows, 1)]


def _row(*args, **options):
    return args, options


SCENARIOS = _numbered(
    # one file
    _row("a file to a name that is not there becomes that file", ("a",), "a", (), "t/b", ("t/b",)),
    _row("a file to a name with a slash goes inside", ("a",), "a", (), "t/", ("t/a",)),
    _row("a file to a folder goes inside", ("a",), "a", ("t/x",), "t", ("t/a",), ("t/x",)),
    _row("a file to a folder with a slash goes inside", ("a",), "a", ("t/x",), "t/", ("t/a",), ("t/x",)),
    _row("a file to an empty folder goes inside", ("a",), "a", ("t/",), "t", ("t/a",)),
    _row("a file to a file replaces it", ("a",), "a", ("t", "u"), "t", ("t",), ("u",)),
    _row("a file to a file's name with a slash", ("a",), "a", ("t",), "t/", (), ("t",), CLASH, targets=DISK),
    _row("the same: a bucket holds both", ("a",), "a", ("t",), "t/", ("t/a",), ("t",), targets=BUCKET),
    _row("a file spelt with a slash is no directory", ("a",), "a/", ("x",), "t", (), ("x",), NOT_THERE),
    _row("a nested file comes without its folders", ("d/b/c",), "d/b/c", (), "t/", ("t/c",)),
    # a folder
    _row("a folder's contents land directly in the target", TREE, "d", (), "t", ("t/a", "t/b/c", "t/b/e/f")),
    _row("a slash at the source changes nothing", TREE, "d/", (), "t", ("t/a", "t/b/c", "t/b/e/f")),
    _row("a slash at the target changes nothing", TREE, "d", (), "t/", ("t/a", "t/b/c", "t/b/e/f")),
    _row("nor do both", TREE, "d/", (), "t/", ("t/a", "t/b/c", "t/b/e/f")),
    _row("nor does a target that exists: never nested", ("d/a",), "d", ("t/x",), "t", ("t/a",), ("t/x",)),
    _row("the same with slashes", ("d/a",), "d/", ("t/x",), "t/", ("t/a",), ("t/x",)),
    _row("a deep target is created", ("d/a",), "d", (), "t/u/v", ("t/u/v/a",)),
    _row("files are replaced, merged, never deleted", ("d/a", "d/b/c"), "d", ("t/a", "t/b/x"), "t",
         ("t/a", "t/b/c"), ("t/b/x",)),
    _row("a folder to a file", ("d/a",), "d", ("t",), "t", (), ("t",), CLASH, targets=DISK),
    _row("the same: a bucket holds both", ("d/a",), "d", ("t",), "t", ("t/a",), ("t",), targets=BUCKET),
    _row("a file where a folder is needed", ("d/a/b", "d/c"), "d", ("t/a",), "t", ("t/c",), ("t/a",), CLASH,
         targets=DISK),
    _row("a folder where a file is needed", ("d/a", "d/c"), "d", ("t/a/b",), "t", ("t/c",), ("t/a/b",), CLASH,
         targets=DISK),
    _row("names that only begin alike stay", ("d/a", "d2/b", "d.txt"), "d", (), "t", ("t/a",)),
    _row("a file and a folder of one name: the folder is meant", ("d", "d/a"), "d", (), "t", ("t/a",), sources=BUCKET),
    # nothing
    _row("a missing source", ("a",), "b", ("x",), "t", (), ("x",), NOT_THERE),
    _row("a missing source with a slash", ("a",), "b/", ("x",), "t/", (), ("x",), NOT_THERE),
    _row("an empty folder creates the target", ("d/",), "d", (), "t", ("t/",)),
    _row("an empty folder changes no target", ("d/",), "d", ("t/x",), "t", (), ("t/x",)),
    _row("empty folders inside are kept", ("d/a", "d/e/", "d/f/g/"), "d", (), "t", ("t/a", "t/e/", "t/f/g/")),
    _row("markers of folders with files do no harm", ("d/", "d/b/", "d/b/c"), "d", (), "t", ("t/b/c",), sources=BUCKET),
    # lists of names
    _row("only the names of a list", TREE, "d", (), "t", ("t/b/c",), file_list=("b/c",)),
    _row("a missing name fails, the others arrive", TREE, "d", (), "t", ("t/a",), (), NOT_THERE, file_list=("a", "z")),
    _row("an empty list creates the target", TREE, "d", (), "t", ("t/",), file_list=()),
    # names
    _row("every usual character arrives as it is", tuple("d/" + name for name in AWKWARD), "d", (), "t",
         tuple("t/" + name for name in AWKWARD)),
    _row("hostile names are refused one by one", tuple("d/" + name for name in HOSTILE + ("good",)), "d", ("x",), "t/u",
         ("t/u/good",), ("x",), "MoxCopyException", BUCKET, DISK),
    _row("in a bucket they are names like others", tuple("d/" + name for name in HOSTILE), "d", ("x",), "t/u",
         tuple("t/u/" + name for name in HOSTILE), ("x",), "", BUCKET, BUCKET),
    _row("a file and a folder of one name do not fit on a disk", ("d/a", "d/a/b", "d/c"), "d", (), "t",
         ("t/a", "t/c"), (), CLASH, BUCKET, DISK),
    _row("a bucket holds both", ("d/a", "d/a/b"), "d", (), "t", ("t/a", "t/a/b"), (), "", BUCKET, BUCKET),
    # copy
    _row("copy: a file to a name", ("a",), "a", (), "t/b", ("t/b",), call="copy"),
    _row("copy: a file to a file", ("a",), "a", ("t",), "t", ("t",), call="copy"),
    _row("copy: a file to a name with a slash", ("a",), "a", (), "t/", ("t/a",), call="copy"),
    _row("copy: a file to a folder", ("a",), "a", ("t/x",), "t", (), ("t/x",), CLASH, targets=DISK, call="copy"),
    _row("copy: a bucket holds both", ("a",), "a", ("t/x",), "t", ("t",), ("t/x",), targets=BUCKET, call="copy"),
    _row("copy: a folder", ("d/a",), "d", (), "t", (), (), "MoxFileDirectoryRespException", call="copy"),
    _row("copy: a missing source", ("a",), "b", ("x",), "t", (), ("x",), NOT_THERE, call="copy"),
)  # fmt: skip

HEAD = """\
# What copy and copy_parallel do

<!-- Made by: PYTHONPATH=codes python3 -m tests.contract.copy_scenarios > docs/moxing-copy-scenarios.md -->

Each row is carried out by `tests/contract/test_moxing_copy_scenarios.py` in every direction between disk and bucket,
unless it names some. Names that end in `/` are empty folders, or marker objects. Where moxing's own documentation is
silent, the row says what `moxing_shim` does: what loses nothing.

| no. | what | source | call | target before | target afterwards |
| --- | --- | --- | --- | --- | --- |
"""


def _names(names):
    return ", ".join(f"`{name}`" for name in names) or "-"


def _where(scenario):
    ends = [
        f"{word} a {kinds[0]}"
        for word, kinds in (("from", scenario.sources), ("to", scenario.targets))
        if kinds != BOTH
    ]
    return f" ({' '.join(ends)})" if ends else ""


def _call(scenario):
    names = "" if scenario.file_list is None else f", file_list={list(scenario.file_list)}"
    return f"`{scenario.call}({scenario.src}, {scenario.dst}{names})`"


def _outcome(scenario):
    parts = [_names(scenario.new)] if scenario.new else []
    parts += [_names(scenario.kept) + " as before"] if scenario.kept else []
    parts += [f"raises `{scenario.raises}`"] if scenario.raises else []
    return "; ".join(parts) or "-"


def as_markdown():
    """The whole document."""
    lines = []
    for row in SCENARIOS:
        what = row.what + _where(row)
        cells = (row.number, what, _names(row.source), _call(row), _names(row.before), _outcome(row))
        lines.append(f"| {' | '.join(cells)} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    sys.stdout.buffer.write(as_markdown().encode("utf-8"))
