"""Jobs that have ended, or run, as folders with a job.json; nothing of them was ever started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelarts_local.job import records


def put(jobs: Path, number: int, status: str = "COMPLETED", **members: Any) -> records.Job:
    """Write the folder of a job that ran in minute `number`, with 1,000 bytes of log."""
    folder = jobs / f"job{number}"
    (folder / "work" / "cache").mkdir(parents=True)
    (folder / "train.0").write_bytes(b"x" * 1000)
    (folder / "work" / "cache" / "part").touch()
    out = f"{jobs.parent}/out/"
    record = {"id": folder.name, "name": "train", "version": f"V{number:04}", "train_url": out}
    record.update({"output": f"{out}V{number:04}/", "created": f"2020-03-01T12:{number:02}:00.000Z"}, **members)
    job = records.Job(folder, record)
    job.move_to(status, str(members.get("reason", "")))
    return job


def left(jobs: Path) -> list[str]:
    return sorted(path.name for path in jobs.iterdir() if path.name != ".lock")
