"""Run the commands pack, verify, push, pull and layout."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, Callable, Sequence

from obs_layout.arguments import build_parser
from obs_layout.buckets import bucket_is_missing, create_bucket
from obs_layout.errors import DataError, ObsLayoutError, StorageError
from obs_layout.finding_lines import SHOWN_OF_A_KIND, finding_lines, size_remedy
from obs_layout.layout import bucket_tree
from obs_layout.pack import PackSettings, pack
from obs_layout.progress import Progress
from obs_layout.storage import parse_url
from obs_layout.transfer import PlanItem, look, plan_pull, plan_push, pull, push
from obs_layout.verify import Verification, verify_folder

EXIT_DONE, EXIT_DATA, EXIT_BUG, EXIT_INTERRUPTED = 0, 1, 4, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 1 the images, records or folders are at fault, 2 wrong command line (raised by argparse as
    SystemExit), 3 storage, 4 a bug in obs_layout, 130 interrupted.
    """
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    run: dict[str, Callable[[argparse.Namespace], int]] = {
        "pack": _pack,
        "verify": _verify,
        "push": _push,
        "pull": _pull,
        "layout": _layout,
    }
    try:
        return run[arguments.command](arguments)
    except ObsLayoutError as error:
        return _fail(str(error), error.exit_code)
    except OSError as error:
        return _fail(str(error), EXIT_DATA)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing unfinished stands under a final name.", EXIT_INTERRUPTED)
    except Exception:
        traceback.print_exc()
        return _fail("this is a bug in obs_layout; report it with the lines above.", EXIT_BUG)


def _fail(message: str, exit_code: int) -> int:
    print(f"obs_layout: {message}", file=sys.stderr)
    return exit_code


def _pack(arguments: argparse.Namespace) -> int:
    settings = PackSettings(**{field: getattr(arguments, field) for field in PackSettings._fields})
    with Progress("packing", "images") as progress:
        manifest = pack(arguments.images, arguments.out, settings, progress)
    summary: dict[str, Any] = {
        "out": str(arguments.out),
        "images": manifest["images"],
        "classes": manifest["classes"],
        **{split: facts["images"] for split, facts in manifest["splits"].items()},
        "bytes": sum(facts["bytes"] for facts in manifest["files"].values()),
        "passed_through": manifest["passed_through"],
        "ignored": len(manifest["ignored"]),
        "unreadable": len(manifest["unreadable"]),
    }
    if arguments.json:
        print(json.dumps(summary, indent=2))
    else:
        print(
            "packed {images:,} images of {classes} classes into {out}: {train:,} for training, {val:,} for"
            " validation, {bytes:,} bytes; {ignored} files ignored, {unreadable} unreadable".format(**summary)
        )
    return EXIT_DONE


def _verify(arguments: argparse.Namespace) -> int:
    if parse_url(arguments.place).is_local:
        checked = _verify_local(Path(arguments.place), arguments)
    else:
        with tempfile.TemporaryDirectory(prefix="obs_layout-") as folder:
            _pull_into(Path(folder), arguments.place)
            checked = _verify_local(Path(folder), arguments)
    if arguments.json:
        findings = [finding._asdict() for finding in checked.findings]
        print(json.dumps({"images": checked.images, "findings": findings}, indent=2))
    else:
        for line in finding_lines(checked.findings, None if arguments.all else SHOWN_OF_A_KIND):
            print(line)
        for line in size_remedy(checked.smallest_edge, arguments.image_size):
            print(line)
        result = f"{len(checked.findings)} findings" if checked.findings else "all good"
        print(f"verified {checked.images:,} images in {arguments.place}: {result}")
    return EXIT_DATA if checked.findings else EXIT_DONE


def _verify_local(folder: Path, arguments: argparse.Namespace) -> Verification:
    with Progress("verifying", "bytes") as progress:
        return verify_folder(folder, arguments.image_size, arguments.workers, progress)


def _push(arguments: argparse.Namespace) -> int:
    if not arguments.local.is_dir():
        raise DataError(f"{arguments.local}: there is no such folder to push.")
    _find_bucket(arguments.url, arguments)
    sides = look(arguments.local, arguments.url)
    plan = plan_push(sides, arguments.all)
    if not plan:
        raise DataError(f"{arguments.local}: there is nothing to push, the folder has no files.")
    if not arguments.dry_run:
        with Progress("pushing", "bytes") as progress:
            push(sides, plan, progress)
    _print_plan(plan, arguments)
    return EXIT_DONE


def _find_bucket(url: str, arguments: argparse.Namespace) -> None:
    """Create the bucket where that is wanted; raise StorageError where it is neither there nor to be created."""
    place = parse_url(url)
    if place.is_local or not bucket_is_missing(place.bucket):
        return
    if not arguments.create_bucket:
        raise StorageError(f"{_no_bucket(url)}, or create it: push with --create-bucket.")
    if not arguments.dry_run:
        create_bucket(place.bucket)
    print(f"{'would create' if arguments.dry_run else 'created'} the bucket {place.bucket}", file=sys.stderr)


def _no_bucket(url: str) -> str:
    return f"{url}: the storage has no bucket {parse_url(url).bucket}. Check its name, S3_ENDPOINT and S3_REGION"


def _pull(arguments: argparse.Namespace) -> int:
    plan = _pull_into(arguments.local, arguments.url, arguments.all, arguments.dry_run)
    _print_plan(plan, arguments)
    return EXIT_DONE


def _pull_into(folder: Path, url: str, copy_all: bool = False, dry_run: bool = False) -> list[PlanItem]:
    sides = look(folder, url)
    plan = plan_pull(sides, copy_all)
    if not plan:
        place = parse_url(url)
        if not place.is_local and bucket_is_missing(place.bucket):
            raise StorageError(f"{_no_bucket(url)}.")
        raise DataError(f"{url}: there is nothing to pull, no object lies below it. See `obs_layout layout`.")
    if not dry_run:
        with Progress("pulling", "bytes") as progress:
            pull(sides, plan, progress)
    return plan


def _print_plan(plan: list[PlanItem], arguments: argparse.Namespace) -> None:
    if arguments.json:
        files = [item._asdict() for item in plan]
        print(json.dumps({"dry_run": arguments.dry_run, "files": files}, indent=2))
        return
    copies = [item for item in plan if item.action == "copy"]
    for item in plan if arguments.verbose or arguments.dry_run else copies:
        print(f"{item.action}  {item.size_bytes:>13,}  {item.name}  ({item.why})")
    verb = "would copy" if arguments.dry_run else "copied"
    copied_bytes = sum(item.size_bytes for item in copies)
    unchanged = len(plan) - len(copies)
    rest = f"; {unchanged:,} files unchanged" if unchanged else ""
    print(f"{verb} {len(copies):,} of {len(plan):,} files, {copied_bytes:,} bytes{rest}")


def _layout(arguments: argparse.Namespace) -> int:
    print(bucket_tree(arguments.bucket))
    return EXIT_DONE
