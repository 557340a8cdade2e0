"""`rm` and `prune`: jobs that have ended go, each with its folder and, where it is asked for, its version folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence

from obs_layout.storage import mox_file

from ..errors import CommandLineError, storage_errors
from . import names, places, records, states
from .layout import JobLayout

_SHOWN = 8


class How(NamedTuple):
    """How to remove. is_dry_run: only tell. needs_yes: a terminal without --yes, so that it is told and refused."""

    is_dry_run: bool = False
    needs_yes: bool = False
    as_json: bool = False

    @property
    def only_tells(self) -> bool:
        """Whether nothing is removed."""
        return self.is_dry_run or self.needs_yes


class Removal(NamedTuple):
    """A job to remove. output: the folder of its results that goes with it, None where they stay."""

    job: records.Job
    output: str | None = None

    def run(self) -> None:
        """Remove it; what was interrupted can be repeated, as job.json goes last. Raises StorageFailed."""
        if self.output is not None:
            _remove_output(self.output)
        with storage_errors(f"removing {self.job.folder} failed", str(self.job.folder)):
            for path in list(self.job.folder.iterdir()):
                if path.name != records.RECORD_FILE:
                    _remove_entry(path)
            (self.job.folder / records.RECORD_FILE).unlink()
            self.job.folder.rmdir()

    def as_json(self) -> dict[str, Any]:
        """Return what is told of it to programs."""
        known = {name: self.job.record.get(name) for name in ("id", "name", "version")}
        told = {"status": self.job.status, "folder": str(self.job.folder), "bytes": bytes_below(self.job.folder)}
        return {**known, **told, "output": self.output}


def remove_jobs(jobs_folder: Path, wanted: Sequence[str], with_output: bool, how: How) -> int:
    """Remove the jobs of these names, all or none. Raises CommandLineError for one that is not to be removed."""
    with _undisturbed(jobs_folder):
        jobs = list({job.id: job for job in (_the_job(jobs_folder, name) for name in wanted)}.values())
        for job in jobs:
            _refuse(job)
        everyone = records.all_jobs(jobs_folder)
        outputs = [_own_output(job, jobs, everyone) if with_output else unsent_results(job) for job in jobs]
        return _remove([Removal(job, output) for job, output in zip(jobs, outputs)], how)


def prune_jobs(jobs_folder: Path, keep: int, how: How) -> int:
    """Remove the jobs that have ended but those that `prunable` spares; the results of all stay."""
    with _undisturbed(jobs_folder):
        return _remove([Removal(job) for job in prunable(records.all_jobs(jobs_folder), keep)], how)


def prunable(jobs: Sequence[records.Job], keep: int) -> list[records.Job]:
    """Return those of `jobs`, the newest first, that `prune` removes.

    Not the newest `keep` ones that have ended, nor the newest that completed, nor one that has the only copy of its
    results. Jobs that run are neither removed nor counted.
    """
    ended = [job for job in jobs if not job.is_running and is_ours(job)]
    good = next((job for job in ended if job.status == states.COMPLETED), None)
    return [job for job in ended[keep:] if job is not good and unsent_results(job) is None]


def is_ours(job: records.Job) -> bool:
    """Tell whether a job's folder is one that `train` made: no link, and called as its job.json says."""
    return not job.folder.is_symlink() and job.folder.name == job.id


def unsent_results(job: records.Job) -> str | None:
    """Return the folder in a v2 job's own with results that did not arrive where they should; None where all did."""
    outputs = str(JobLayout(job.folder, "v2", "").outputs)
    return outputs if outputs in str(job.record["reason"]) else None  # which job_run wrote there


def bytes_below(folder: Path) -> int:
    """Return the size of all files below a folder; links count as such and are not followed."""
    sizes = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                sizes += os.lstat(os.path.join(parent, name)).st_size
    return sizes


def _remove(removals: Sequence[Removal], how: How) -> int:
    told = [removal.as_json() for removal in removals]  # now, as its size is gone later
    verb = "would remove" if how.only_tells else "removed"
    for removal, row in zip(removals, told):
        if not how.only_tells:
            removal.run()
        if not how.as_json:
            print(_as_text(row, verb))
    if how.as_json:
        print(json.dumps({"dry_run": how.only_tells, "jobs": told}, indent=2))
    else:
        results = "; their results stay" if told and not any(row["output"] for row in told) else ""
        count = f"{len(told)} job{'s' * (len(told) != 1)}"
        print(f"{verb} {count}, {sum(row['bytes'] for row in told):,} bytes{results}")
    if how.needs_yes and told and not how.is_dry_run:
        raise CommandLineError("nothing was removed. Give --yes to remove what is listed.")
    return 0


def _as_text(row: dict[str, Any], verb: str) -> str:
    line = f"{verb}  {row['bytes']:>13,}  {row['id']}  {row['name']}  {row['status']}  {row['folder']}"
    return line if row["output"] is None else f"{line}\n{verb}  its results  {row['output']}"


@contextlib.contextmanager
def _undisturbed(jobs_folder: Path) -> Iterator[None]:
    """Let no job start meanwhile, which could go on in a version folder that is being removed."""
    if not jobs_folder.is_dir():
        yield
        return
    with records.locked(jobs_folder):
        yield


def _the_job(jobs_folder: Path, name: str) -> records.Job:
    job = records.find_job(jobs_folder, name)
    same = [other.id for other in records.all_jobs(jobs_folder) if other.record["name"] == name]
    # show and logs take the newest of a name; what cannot be undone must not guess
    if job.id != name and len(same) > 1:
        more = f" and {len(same) - _SHOWN} more" if len(same) > _SHOWN else ""
        raise CommandLineError(
            f"{len(same)} jobs are called {name!r}: {', '.join(same[:_SHOWN])}{more}. Name the one to remove by its "
            "id; nothing was removed."
        )
    return job


def _refuse(job: records.Job) -> None:
    told = f"the job {job.record['name']} ({job.id})"
    if not is_ours(job):
        raise CommandLineError(
            f"{told} lies in {job.folder}, which is no folder that train made. Look at it, and delete it by hand; "
            "nothing was removed."
        )
    if job.is_running:
        raise CommandLineError(
            f"{told} is {job.status}; nothing was removed. End it first: modelarts-local stop {job.id}."
        )


def _own_output(job: records.Job, removed: Sequence[records.Job], jobs: Sequence[records.Job]) -> str:
    """Return the version folder that the job alone has written. Raises CommandLineError where there is none."""
    record = job.record
    output, train_url, version = (str(record.get(name) or "") for name in ("output", "train_url", "version"))
    told = f"--with-output: the job {record['name']} ({job.id})"
    is_place = train_url.endswith("/") and (places.is_url(train_url) or os.path.isabs(train_url))
    if not is_place or not names.is_version(version) or output != f"{train_url}{version}/":
        raise CommandLineError(
            f"{told} has no version folder of its own, as v2 jobs have none. Leave the flag out; nothing was removed."
        )
    if not places.is_url(output) and os.path.islink(output.rstrip("/")):
        raise CommandLineError(f"{told} has a link in place of its version folder, {output}. Nothing was removed.")
    stay = {other.id for other in jobs} - {other.id for other in removed}
    sharing = [other.id for other in jobs if other.id in stay and other.record.get("output") == output]
    if sharing:
        raise CommandLineError(
            f"{told} shares {output} with {', '.join(sharing[:_SHOWN])}, which stays. Name that, too, or leave the "
            "flag out; nothing was removed."
        )
    return output


def _remove_output(output: str) -> None:
    with storage_errors(f"removing {output} failed", output):
        if not places.is_url(output):
            if os.path.isdir(output):
                shutil.rmtree(output)
        elif mox_file.is_directory(output):
            mox_file.remove(output, recursive=True)


def _remove_entry(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)  # which removes links and follows none
    else:
        path.unlink()
