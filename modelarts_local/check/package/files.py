"""The files of a package as strangers' files: listed and read within bounds, never through a link that leads out."""

from __future__ import annotations

import os
import stat
from typing import Iterator, NamedTuple

from ...package.model_package import MODEL_FOLDER, SERVICE_FILE
from ..findings import printable

MAX_ENTRIES = 20_000  # chosen: more files than any package has, listed in a second
MAX_TEXT_BYTES = 4 * 1024 * 1024  # chosen: above any handler, config.json or list of labels
MAX_CLAUSE = 400  # characters of what a program said

FILE = "file"
FOLDER = "folder"
LINK_OUT = "link that leads out of the folder"
OTHER = "special file"


class Unreadable(ValueError):
    """A file cannot be read as text; the message is a clause that says what it is."""


class Entry(NamedTuple):
    """One thing below a folder. name: its path from there, with slashes; kind: one of those above; size in bytes."""

    name: str
    kind: str
    size: int

    @property
    def last(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    @property
    def is_top(self) -> bool:
        """Whether it lies directly in the folder."""
        return "/" not in self.name


class PackageFiles:
    """What lies under a package's parent and in its model/.

    parent: local folder. shown: what the user calls it, perhaps a URL.
    beside: entries of the parent, model/ left out. entries: those of model/. Each has at most MAX_ENTRIES.
    """

    def __init__(self, parent: str, shown: str) -> None:
        self.parent = os.path.abspath(parent)
        self.shown = shown.rstrip("/") or "/"
        self.model_dir = os.path.join(self.parent, MODEL_FOLDER)
        roots = (os.path.realpath(self.parent), os.path.realpath(self.model_dir))
        self.beside = list(_walk(self.parent, roots, left_out=MODEL_FOLDER))
        self.entries = list(_walk(self.model_dir, roots))
        self._files = {entry.name for entry in self.entries if entry.kind == FILE}

    def place(self, name: str = "") -> str:
        """Return how a message names a file of model/, or model/ itself."""
        path = f"{self.shown.rstrip('/')}/{MODEL_FOLDER}"
        return printable(f"{path}/{name}" if name else path)

    def told(self, text: str) -> str:
        """Return what a program said as a clause: one line, not too long, with the user's name for model/."""
        clause = " ".join(text.replace(self.model_dir, self.place()).split())
        return printable(clause if len(clause) <= MAX_CLAUSE else f"{clause[:MAX_CLAUSE]}...").rstrip(".")

    def top_files(self) -> list[str]:
        """Names of the regular files directly in model/."""
        return [entry.name for entry in self.entries if entry.is_top and entry.kind == FILE]

    def sources(self) -> list[str]:
        """Names of the Python files in model/ and below, the handler first."""
        names = [entry.name for entry in self.entries if entry.kind == FILE and entry.name.endswith(".py")]
        return sorted(names, key=lambda name: (name != SERVICE_FILE, name))

    def holds(self, name: str) -> bool:
        """Tell whether model/ has a regular file of this name."""
        return name in self._files

    def read_text(self, name: str) -> str:
        """Return a file of model/ as text.

        Raises Unreadable for one that is too large, is no UTF-8, or cannot be opened.
        """
        return read_text(os.path.join(self.model_dir, name))


def read_text(path: str) -> str:
    """Return a regular file of at most MAX_TEXT_BYTES as text, or raise Unreadable."""
    try:
        # O_NONBLOCK: a pipe under that name must not make us wait for its writer
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unreadable("it is no regular file")
            content = stream.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror}") from error
    if len(content) > MAX_TEXT_BYTES:
        raise Unreadable(f"it has more than {MAX_TEXT_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 text: byte {error.start} is {content[error.start]:#04x}") from error


def _walk(folder: str, roots: tuple[str, ...], left_out: str = "") -> Iterator[Entry]:
    """Yield what is below `folder`, in the order of names, at most MAX_ENTRIES; follows no link to a folder.

    roots: folders into which links may lead. left_out: name directly in `folder`.
    """
    waiting, count = [""], 0
    while waiting:
        below = waiting.pop(0)
        try:
            with os.scandir(os.path.join(folder, below)) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue  # a folder that we may not read has nothing that we could judge
        for entry in entries:
            if count == MAX_ENTRIES:
                return
            count += 1
            name = f"{below}/{entry.name}" if below else entry.name
            if name == left_out:
                continue
            kind, size = _kind_of(entry, roots)
            yield Entry(name, kind, size)
            if kind == FOLDER and not entry.is_symlink() and entry.name != "__pycache__":
                waiting.append(name)


def _kind_of(entry: os.DirEntry[str], roots: tuple[str, ...]) -> tuple[str, int]:
    try:
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            is_inside = any(os.path.commonpath([root, target]) == root for root in roots)
            if not is_inside or not os.path.exists(target):
                return LINK_OUT, 0
        status = entry.stat()
    except (OSError, ValueError):
        return OTHER, 0
    if stat.S_ISDIR(status.st_mode):
        return FOLDER, 0
    return (FILE, status.st_size) if stat.S_ISREG(status.st_mode) else (OTHER, 0)
