"""Push a local folder to the bucket and pull it back, moving only what changed. Nothing is ever deleted.

Equal sizes do not prove that a file and an object are the same, and an object that was uploaded in parts has
no digest. So a push keeps a record beside the objects (TRANSFER_RECORD_FILE): the size and sha256 of all that
it brought there. An object is unchanged when it has the recorded size and the local file the recorded sha256.
What is not on record is copied. An object that something else replaced by one of the same size goes
unnoticed; `--all` copies it.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterator, Mapping, NamedTuple

from obs_layout.errors import DataError, StorageError
from obs_layout.layout import MANIFEST_FILE, TRANSFER_RECORD_FILE
from obs_layout.manifest import FileDigest, digest_file
from obs_layout.progress import OnProgress
from obs_layout.storage import MoxFileException, mox_file

SIZES_AT_ONCE = 16  # chosen: each asks the storage for the size of one object
# Chosen: what an interrupted push has to copy again, at most, unless one file is larger.
BATCH_BYTES = 64 << 20
_IGNORED_FOLDERS = {"__pycache__"}

TransferRecord = Dict[str, FileDigest]  # by name below the folder


class PlanItem(NamedTuple):
    """What happens to one file.

    action: 'copy' or 'skip'. name: below both places. why: 'new', 'changed', 'unchanged' or 'all'.
    """

    action: str
    name: str
    size_bytes: int
    why: str


class TwoSides(NamedTuple):
    """A local folder and the place in the bucket it corresponds to, as they are now.

    url: s3:// or obs://, or a local folder that stands for a bucket; without a slash at the end.
    local: the files below the folder by name, '/' between folders; hidden ones are left out.
    remote_bytes: sizes of the objects by name, likewise. record: what the pushes so far brought there.
    """

    folder: Path
    url: str
    local: dict[str, FileDigest]
    remote_bytes: dict[str, int]
    record: TransferRecord


def look(folder: Path, url: str) -> TwoSides:
    """Read the state of both sides; either may be missing. Raises StorageError when the storage refuses."""
    url = url.rstrip("/")
    try:
        return TwoSides(folder, url, _list_local(folder), _list_remote(url), _read_record(url))
    except MoxFileException as error:
        raise StorageError(str(error)) from error


def plan_push(sides: TwoSides, copy_all: bool = False) -> list[PlanItem]:
    """Return what a push has to do, one item for each local file. Pure; after a push it copies nothing."""
    sizes = {name: digest.size_bytes for name, digest in sides.local.items()}
    there = sides.remote_bytes
    return [_plan_file(sides, name, sizes[name], name in there, copy_all) for name in _in_order(sizes)]


def plan_pull(sides: TwoSides, copy_all: bool = False) -> list[PlanItem]:
    """Return what a pull has to do, one item for each object. Pure."""
    sizes = sides.remote_bytes
    return [_plan_file(sides, name, sizes[name], name in sides.local, copy_all) for name in _in_order(sizes)]


def _in_order(names: Mapping[str, int]) -> list[str]:
    # The manifest goes last, so that whoever finds it finds all that it lists.
    return sorted(names, key=lambda name: (_is_manifest(name), name))


def _is_manifest(name: str) -> bool:
    return name.rpartition("/")[2] == MANIFEST_FILE


def _plan_file(sides: TwoSides, name: str, size_bytes: int, is_there: bool, copy_all: bool) -> PlanItem:
    if not is_there:
        return PlanItem("copy", name, size_bytes, "new")
    if copy_all:
        return PlanItem("copy", name, size_bytes, "all")
    local = sides.local[name]
    if sides.record.get(name) == local and sides.remote_bytes[name] == local.size_bytes:
        return PlanItem("skip", name, size_bytes, "unchanged")
    return PlanItem("copy", name, size_bytes, "changed")


def push(sides: TwoSides, plan: list[PlanItem], on_progress: OnProgress | None = None) -> None:
    """Copy the planned files to the bucket, check that each arrived whole, and keep the record there.

    on_progress: called with (bytes copied, bytes to copy) after each file.
    Raises StorageError when files fail. What earlier batches copied is on record, so the next push goes on
    there.
    """
    record = dict(sides.record)

    def push_batch(names: list[str], report: OnProgress) -> None:
        # Struck off before they are overwritten: should this be interrupted, nobody knows what is there.
        if [name for name in names if record.pop(name, None)]:
            _write_record(sides.url, record)
        _copy(str(sides.folder), sides.url, names, report)
        for name, size_bytes in _remote_sizes(sides.url, names).items():
            expected = sides.local[name]
            if size_bytes != expected.size_bytes:
                raise StorageError(
                    f"{sides.url}/{name}: {size_bytes} of {expected.size_bytes} bytes arrived. Push again."
                )
            record[name] = expected
        _write_record(sides.url, record)

    _run_batches(plan, push_batch, on_progress)


def pull(sides: TwoSides, plan: list[PlanItem], on_progress: OnProgress | None = None) -> None:
    """Copy the planned objects into the local folder, which is created. Raises StorageError when objects
    fail."""

    def pull_batch(names: list[str], report: OnProgress) -> None:
        _copy(sides.url, str(sides.folder), names, report)

    _run_batches(plan, pull_batch, on_progress)


def _run_batches(
    plan: list[PlanItem],
    run_batch: Callable[[list[str], OnProgress], None],
    on_progress: OnProgress | None,
) -> None:
    total_bytes = sum(item.size_bytes for item in plan if item.action == "copy")
    earlier_bytes = 0

    def report(batch_bytes: int, _: int) -> None:
        if on_progress is not None:
            on_progress(earlier_bytes + batch_bytes, total_bytes)

    for batch in _batches(plan):
        run_batch([item.name for item in batch], report)
        earlier_bytes += sum(item.size_bytes for item in batch)


def _batches(plan: list[PlanItem]) -> Iterator[list[PlanItem]]:
    """Cut the files to copy into batches of BATCH_BYTES or one larger file; each manifest makes its own."""
    batch: list[PlanItem] = []
    batch_bytes = 0
    for item in plan:
        if item.action != "copy":
            continue
        if batch and (batch_bytes + item.size_bytes > BATCH_BYTES or _is_manifest(item.name)):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += item.size_bytes
    if batch:
        yield batch


def _copy(source: str, target: str, names: list[str], report: OnProgress) -> None:
    try:
        mox_file.copy_parallel(
            source, target, file_list=names, progress=lambda _done, _total, done_bytes: report(done_bytes, 0)
        )
    except MoxFileException as error:
        raise StorageError(f"{error}. Run the same command again to go on.") from error
    except ValueError as error:
        raise DataError(f"{error}.") from error


def names_to_push(folder: Path) -> list[str]:
    """Return the names, below the folder, of the files that a push looks at; hidden ones are left out."""
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    names = [path.relative_to(folder).as_posix() for path in paths]
    return [name for name in names if _is_part_of_the_data(name)]


def _list_local(folder: Path) -> dict[str, FileDigest]:
    return {name: digest_file(folder / name) for name in names_to_push(folder)}


def _list_remote(url: str) -> dict[str, int]:
    if not mox_file.is_directory(url):
        return {}
    names = mox_file.list_directory(url, recursive=True, skip_dir=True)
    return _remote_sizes(url, [name for name in names if _is_part_of_the_data(name)])


def _remote_sizes(url: str, names: list[str]) -> dict[str, int]:
    with ThreadPoolExecutor(SIZES_AT_ONCE) as pool:
        return dict(zip(names, pool.map(lambda name: int(mox_file.get_size(f"{url}/{name}")), names)))


def _is_part_of_the_data(name: str) -> bool:
    # '.' and '..' in an object's name are no hidden folders; the copy refuses them, and says so.
    parts = [part for part in name.split("/") if part not in (".", "..")]
    return not any(part.startswith(".") or part in _IGNORED_FOLDERS for part in parts)


def _read_record(url: str) -> TransferRecord:
    """Return what the record says; one that is missing or cannot be understood only means that more is
    copied."""
    try:
        content = mox_file.read(f"{url}/{TRANSFER_RECORD_FILE}", binary=True)
        files = json.loads(content)["files"]
        return {name: FileDigest(**fields) for name, fields in files.items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _write_record(url: str, record: TransferRecord) -> None:
    files = {name: record[name]._asdict() for name in sorted(record)}
    content = json.dumps({"files": files}, indent=1).encode("ascii")
    try:
        mox_file.write(f"{url}/{TRANSFER_RECORD_FILE}", content, binary=True)
    except MoxFileException as error:
        raise StorageError(f"{error}. Run the same command again to go on.") from error
