"""`modelarts-local predict`: send pictures to a service and show what it answers, and how right it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from typing import Iterator, NamedTuple, Sequence
from urllib.parse import urlsplit

from obs_layout.progress import OnProgress, Progress

from ..errors import CommandLineError, ServiceUnreachable
from . import pictures as sources
from .authentication import FixedHeader, GivenSecrets, choose_authentication
from .html_page import results_page
from .pictures import Picture
from .prediction import as_line, json_line
from .report import csv_text, results_table, summary_lines
from .results import Result, Summary, summarise
from .sending import Sending, is_loopback, predictions
from .truths import truths_by_folder, truths_by_list

BY_FOLDER = ""  # --labels without a list

logger = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """What is sent, one of the first four, and how it is shown. labels: a list, or BY_FOLDER; None for neither."""

    images: Sequence[str] = ()
    folder: str | None = None
    rec: str | None = None
    data: str | None = None
    labels: str | None = None
    is_json: bool = False
    only_wrong: bool = False
    csv: str | None = None
    html: str | None = None

    @property
    def has_table(self) -> bool:
        """Tell whether a table and a summary are shown instead of a line for each picture."""
        return not (self.images and self.labels is None)


def predict(wanted: Wanted, sending: Sending) -> int:
    """Send the pictures and print what the service makes of them.

    Returns 0 when all were answered, 1 when one was not.

    Raises CommandLineError for a wrong flag or file, PicturesError for damaged records or labels, ServiceUnreachable
    when nothing answers; what was answered before is shown all the same.
    """
    _check_url(sending)
    for path in (wanted.csv, wanted.html):
        if path is not None and not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            raise CommandLineError(f"{path!r} cannot be written: its folder is not there.")
    pictures = _find_pictures(wanted)
    started_s = time.monotonic()
    results: list[Result] = []
    lost: ServiceUnreachable | None = None
    try:
        asyncio.run(_collect(pictures, sending, wanted, results))
    except ServiceUnreachable as error:
        if not results:
            raise
        lost = error
    summary = summarise(results, len(pictures), time.monotonic() - started_s)
    _show(wanted, results, summary, sending.url)
    if summary.answered < summary.pictures:
        # standard output may go to a file, which nobody looks into when nothing seems amiss
        print(
            f"not answered: {summary.pictures - summary.answered:,} of {summary.pictures:,} pictures", file=sys.stderr
        )
    if lost is not None:
        raise lost
    return 0 if summary.answered == summary.pictures else 1


def prepare_sending(
    url: str, method: str, given: GivenSecrets, connections: int, retries: int, is_insecure: bool
) -> Sending:
    """Return how to send, with the proof that the flags or else the environment hold."""
    return Sending(url, choose_authentication(method, given, os.environ), connections, retries, is_insecure)


def _check_url(sending: Sending) -> None:
    parts = urlsplit(sending.url)
    if parts.username or parts.password:
        raise CommandLineError("--url holds a name or a password; a service of the platform takes --token or the like.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandLineError(f"--url is {sending.url!r}; give the service's address, such as http://127.0.0.1:8080/.")
    is_readable = parts.scheme == "http" and isinstance(sending.auth, FixedHeader) and not is_loopback(sending.url)
    if is_readable and not sending.is_insecure:
        raise CommandLineError(
            f"--url is {sending.url!r}; over http:// everybody on the way could read the secret. Use https://, or "
            "--insecure to send it all the same."
        )


def _find_pictures(wanted: Wanted) -> list[Picture]:
    if wanted.rec is not None:
        return sources.pictures_of_records(wanted.rec)
    if wanted.data is not None:
        return sources.pictures_of_data_set(wanted.data)
    found = sources.pictures_of_files(wanted.images) if wanted.folder is None else sources.pictures_below(wanted.folder)
    if wanted.labels is None:
        return found
    if wanted.labels == BY_FOLDER:
        return truths_by_folder(found)
    return truths_by_list(found, wanted.labels, wanted.folder)


async def _collect(pictures: Sequence[Picture], sending: Sending, wanted: Wanted, results: list[Result]) -> None:
    """Fill `results` in the order of the pictures; print a line for each where that is wanted."""
    with _progress(wanted) as progress:
        async for prediction in predictions(pictures, sending):
            result = Result(pictures[len(results)], prediction)
            results.append(result)
            if wanted.is_json:
                print(json_line(result.as_json()), flush=True)
            elif not wanted.has_table:
                print(as_line(prediction), flush=True)
            progress(len(results), len(pictures))


def _show(wanted: Wanted, results: Sequence[Result], summary: Summary, url: str) -> None:
    if wanted.has_table and wanted.is_json:
        print(json_line({"summary": summary.as_json()}))
    elif wanted.has_table:
        rows = [result for result in results if not wanted.only_wrong or not result.is_right]
        if rows:
            print("\n".join(results_table(rows, wanted.folder or "")), end="\n\n")
        print("\n".join(summary_lines(summary, results)))
    elif summary.not_sent:
        logger.error("%d more pictures are not sent, they would be refused alike", summary.not_sent)
    if wanted.csv is not None:
        _write(wanted.csv, csv_text(results))
    if wanted.html is not None:
        _write(wanted.html, results_page(results, summary, url, wanted.folder or ""))


def _write(path: str, text: str) -> None:
    """Write a file that is there whole or not at all; raises CommandLineError when it cannot be written."""
    part = f"{path}.part"
    try:
        with open(part, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise CommandLineError(f"{path!r} cannot be written: {error.strerror}.") from error
    print(f"wrote {path}", file=sys.stderr)


@contextlib.contextmanager
def _progress(wanted: Wanted) -> Iterator[OnProgress]:
    # lines of results on the same terminal are progress enough, and a line that is redrawn would tear them
    if not wanted.has_table or (wanted.is_json and sys.stdout.isatty()):
        yield lambda done, total: None
    else:
        with Progress("asking", "pictures") as progress:
            yield progress
