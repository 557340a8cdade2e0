"""Copies of a job's log and outputs in a bucket, while it runs and when it has ended however it did."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable, NamedTuple, Sequence

from obs_layout.storage import mox_file

from ..errors import StorageFailed, storage_errors


class Upload(NamedTuple):
    """A file, or a folder with all that is below it, and where it goes: a place with a slash at the end."""

    source: Path
    target: str

    def run(self) -> None:
        """Copy what has changed. Raises StorageFailed."""
        with storage_errors(f"uploading to {self.target} failed", self.target):
            if self.source.is_dir():
                mox_file.copy_parallel(str(self.source), self.target, skip_unchanged=True)
                return
            # a file that grows while it is sent would arrive with another size than was announced
            with tempfile.TemporaryDirectory(dir=self.source.parent, prefix=".upload-") as folder:
                snapshot = os.path.join(folder, self.source.name)
                shutil.copyfile(self.source, snapshot)
                mox_file.copy(snapshot, self.target + self.source.name)

    def state(self) -> list[tuple[str, int, int]]:
        """Return names, sizes and times of what there is to copy; equal states need no second upload."""
        if not self.source.is_dir():
            return [_state_of(self.source)]
        return sorted(_state_of(path) for path in self.source.rglob("*") if path.is_file())


def _state_of(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


class Uploader:
    """Repeats uploads of what has changed in a thread until `stop`.

    interval_s: from the end of one round to the start of the next.
    on_problem: told when an upload begins to fail; the job goes on, as later rounds may succeed.
    """

    def __init__(self, uploads: Sequence[Upload], interval_s: float, on_problem: Callable[[str], None]) -> None:
        self._uploads = list(uploads)
        self._interval_s = interval_s
        self._on_problem = on_problem
        self._failing: set[Upload] = set()
        self._ended = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._thread = threading.Thread(target=self._repeat, name="uploads", daemon=True)
        if self._uploads:
            self._thread.start()

    def stop(self) -> None:
        """Repeat no more; a round that runs is waited for."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> list[StorageFailed]:
        """Do every upload once, beside no other round; returns what failed."""
        with self._one_at_a_time:
            attempts = [(upload, _attempt(upload)) for upload in self._uploads]
        return [failure for _, failure in attempts if failure is not None]

    def _repeat(self) -> None:
        arrived: dict[Upload, Any] = {}
        while not self._ended.wait(self._interval_s):
            for upload in self._uploads:
                with contextlib.suppress(FileNotFoundError):  # a file that went while we looked: the next time
                    state = upload.state()
                    if arrived.get(upload) != state and self._repeat_one(upload):
                        arrived[upload] = state

    def _repeat_one(self, upload: Upload) -> bool:
        with self._one_at_a_time:
            failure = _attempt(upload)
        if failure is None:
            self._failing.discard(upload)
        elif upload not in self._failing:
            self._failing.add(upload)
            self._on_problem(str(failure))
        return failure is None


def _attempt(upload: Upload) -> StorageFailed | None:
    try:
        upload.run()
    except StorageFailed as error:
        return error
    return None
