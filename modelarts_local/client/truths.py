"""The true class of each picture: by the folder that holds it, or by a list."""

from __future__ import annotations

import csv
import os
import unicodedata
from typing import Iterator, Sequence

from obs_layout.layout import SYNSET_FILE

from ..errors import CommandLineError, PicturesError
from .pictures import Picture, class_of, read_synset

MAX_LIST_BYTES = 64 << 20  # chosen: a million lines
_HEADINGS = ({"path", "label"}, {"file", "truth"}, {"file", "label"})


def truths_by_folder(pictures: Sequence[Picture]) -> list[Picture]:
    """Return the pictures, each with the name of the folder that holds it as its class: FOLDER/class/picture.jpg."""
    return [
        picture._replace(truth=os.path.basename(os.path.dirname(os.path.abspath(picture.name)))) for picture in pictures
    ]


def truths_by_list(pictures: Sequence[Picture], list_path: str, folder: str | None) -> list[Picture]:
    """Return the pictures with the classes of a list; those that it does not name keep none.

    list_path: lines of `path,label` or `path TAB label`, or an .lst of MXNet, whose numbers synset.txt beside it names.
    folder: what its paths are relative to; they may also be relative to the list's folder, or absolute.

    Raises CommandLineError when the list cannot be read or names none of the pictures, PicturesError for a line that
    is not what it should be.
    """
    labels: dict[str, str] = {}
    first = ""
    for path, label in _rows(list_path):
        first = first or path
        for base in (folder or os.curdir, os.path.dirname(list_path)):
            labels[_same(os.path.join(base, path))] = label
    labelled = [picture._replace(truth=labels.get(_same(picture.name))) for picture in pictures]
    if not any(picture.truth is not None for picture in labelled):
        raise CommandLineError(
            f"--labels is {list_path!r}; it names none of the {len(labelled)} pictures. Its first path is {first!r}, "
            f"the first picture {labelled[0].name!r}; paths count from --dir or from the list's folder."
        )
    return labelled


def _same(path: str) -> str:
    # macOS keeps letters and their accents apart in the names of files
    return unicodedata.normalize("NFC", os.path.abspath(path))


def _rows(list_path: str) -> Iterator[tuple[str, str]]:
    text = _read_list(list_path)
    if list_path.lower().endswith(".lst"):
        yield from _rows_of_lst(list_path, text)
        return
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and set(map(str.lower, cells)) in _HEADINGS):
            continue
        if len(cells) != 2 or not all(cells):
            raise PicturesError(f"{list_path}: line {number}: expected path and label, found {','.join(row)[:80]!r}.")
        yield cells[0], cells[1]


def _rows_of_lst(list_path: str, text: str) -> Iterator[tuple[str, str]]:
    classes = read_synset(list_path, os.path.join(os.path.dirname(list_path), SYNSET_FILE))
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split("\t")
        try:
            _, label, path = cells
            value = float(label)
        except ValueError:
            raise PicturesError(
                f"{list_path}: line {number}: expected number, label and path with tabs between, found {line[:80]!r}."
            ) from None
        yield path, class_of(f"{list_path}: line {number}", value, classes)


def _read_list(list_path: str) -> str:
    try:
        with open(list_path, "rb") as file:
            content = file.read(MAX_LIST_BYTES + 1)
        if len(content) > MAX_LIST_BYTES:
            raise CommandLineError(f"--labels is {list_path!r}; a list above {MAX_LIST_BYTES} bytes is not read.")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CommandLineError(f"--labels is {list_path!r}; it cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise CommandLineError(
            f"--labels is {list_path!r}; it is no text in UTF-8. Pictures come before --labels or after --labels=LIST."
        ) from None
