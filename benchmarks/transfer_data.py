"""What is transferred: trees of files, given or made, and whether they arrived."""

from __future__ import annotations

import filecmp
import os
import random
import shutil
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Sequence

from benchmarks.failures import BenchmarkFailed

# The sizes of Caltech-101 packed at 256 pixels, about
TRAIN_REC_BYTES, VAL_REC_BYTES = 255_000_000, 65_000_000
SMALL_FILES, SMALL_FILE_BYTES, SMALL_FILES_PER_FOLDER = 20_000, 1024, 1000
WRITE_BYTES = 1024 * 1024
COMPARED_FILES = 50  # of each download, byte by byte, chosen anew each time
NAMES_SHOWN = 5


class DataSet(NamedTuple):
    """A folder to be transferred. sizes: bytes of every file by its name relative to the folder."""

    name: str
    folder: Path
    sizes: Mapping[str, int]
    origin: str  # given, or made: for the output

    def facts(self) -> dict[str, Any]:
        """What the output says about it: number of files, bytes of all, origin."""
        return {"files": len(self.sizes), "bytes": sum(self.sizes.values()), "origin": self.origin}


def make_data_set(name: str, given: Path | None, folder: Path, scale: float = 1.0) -> DataSet:
    """The data set "rec", "images" or "small": the files of `given`, a folder or an archive of one, else made ones.

    folder: where made files and those of an archive go. scale: share of the usual size that is made.
    Raises BenchmarkFailed when there is nothing to transfer.
    """
    if given is None:
        MAKERS[name](folder, scale)
        return DataSet(name, folder, sizes_below(folder), "random bytes, made for this run")
    if given.is_file():
        try:
            shutil.unpack_archive(str(given), str(folder))
        except (shutil.ReadError, OSError, ValueError) as error:
            raise BenchmarkFailed(f"{given} is neither a folder nor an archive that opens: {error}") from error
    else:
        folder = given.resolve()
    data_set = DataSet(name, folder, sizes_below(folder), str(given))
    if not data_set.sizes:
        raise BenchmarkFailed(f"there is no file in {given}; give the folder that holds the files.")
    return data_set


def _make_rec(folder: Path, scale: float) -> None:
    _write_random(folder / "Caltech101_train.rec", int(TRAIN_REC_BYTES * scale))
    _write_random(folder / "Caltech101_val.rec", int(VAL_REC_BYTES * scale))


def _make_small(folder: Path, scale: float) -> None:
    for number in range(int(SMALL_FILES * scale)):
        name = f"{number // SMALL_FILES_PER_FOLDER:03}/{number:06}.bin"
        _write_random(folder / name, SMALL_FILE_BYTES)


MAKERS = {"rec": _make_rec, "small": _make_small}


def _write_random(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        for begin in range(0, size_bytes, WRITE_BYTES):
            stream.write(os.urandom(min(WRITE_BYTES, size_bytes - begin)))


def sizes_below(folder: Path) -> dict[str, int]:
    """Bytes of every file below `folder`, by its name relative to it."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def fault_of_sizes(wanted: Mapping[str, int], found: Mapping[str, int]) -> str | None:
    """What is wrong with the files that arrived, or None: files that are missing, too many, of another size."""
    faults = []
    for what, names in (
        ("missing", wanted.keys() - found.keys()),
        ("not asked for", found.keys() - wanted.keys()),
        ("of another size", {name for name in wanted.keys() & found.keys() if wanted[name] != found[name]}),
    ):
        if names:
            shown = ", ".join(sorted(names)[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")
            faults.append(f"{len(names):,} of {len(wanted):,} files {what}: {shown}")
    return "; ".join(faults) or None


def fault_of_download(data_set: DataSet, folder: Path) -> str | None:
    """What is wrong with a copy of the data set in `folder`, or None. The content of a sample is compared."""
    fault = fault_of_sizes(data_set.sizes, sizes_below(folder))
    if fault is not None:
        return fault
    names: Sequence[str] = sorted(data_set.sizes)
    sample = random.sample(names, min(COMPARED_FILES, len(names)))
    _, different, unread = filecmp.cmpfiles(data_set.folder, folder, sample, shallow=False)
    if different or unread:
        shown = ", ".join(sorted(different + unread)[:NAMES_SHOWN])
        return f"{len(different + unread)} of {len(sample)} compared files have another content: {shown}"
    return None
