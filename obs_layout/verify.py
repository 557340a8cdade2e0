"""Verify a packed folder: every record decodes, all files agree with each other and with the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, NamedTuple

from obs_layout.layout import MANIFEST_FILE, SPLITS, SYNSET_FILE, SplitFiles, split_files
from obs_layout.manifest import Manifest, digest_file, read_manifest
from obs_layout.progress import OnProgress
from obs_layout.storage import record_check, recordio


class Finding(NamedTuple):
    """One thing that is wrong. file: its name in the folder. sentence: what, where, what was expected."""

    file: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}: {self.sentence}"


class Verification(NamedTuple):
    """images: records read. findings: empty means that the data set is good.

    smallest_edge: the shortest edge of all images, pixels; None when no image could be opened.
    """

    images: int
    findings: list[Finding]
    smallest_edge: int | None


def verify_folder(
    folder: Path, image_size: int | None = None, workers: int = 2, on_progress: OnProgress | None = None
) -> Verification:
    """Check a folder that `pack` wrote, file by file and record by record.

    image_size: pixels, the crop of the training, which every image must hold; None takes the size it was
    packed with.
    workers: decoding threads. on_progress: called with (bytes, bytes) of all .rec files.

    Raises DataError when the folder or its manifest is missing or unusable, since then nothing says what to
    expect. All else becomes a Finding.
    """
    manifest = read_manifest(folder)
    findings = list(_compare_digests(folder, manifest["files"]))
    class_names, synset_findings = _read_synset(folder / SYNSET_FILE)
    findings += synset_findings
    edge = manifest["settings"].get("resize") if image_size is None else image_size
    names = {split: split_files(manifest["name"], split) for split in SPLITS}
    rec_bytes = {split: _size_bytes(folder / files.rec) for split, files in names.items()}
    images = done_bytes = 0
    smallest_edges = []
    for split, files in names.items():
        progress = _shifted(on_progress, done_bytes, sum(rec_bytes.values()))
        expected = manifest["splits"].get(split)
        count, smallest_edge, split_findings = _check_split(
            folder,
            files,
            class_names,
            expected if isinstance(expected, dict) else {},
            edge or None,
            workers,
            progress,
        )
        images += count
        smallest_edges += [] if smallest_edge is None else [smallest_edge]
        findings += split_findings
        done_bytes += rec_bytes[split]
    if on_progress is not None:
        on_progress(done_bytes, done_bytes)
    return Verification(images, findings, min(smallest_edges, default=None))


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _shifted(on_progress: OnProgress | None, start_bytes: int, total_bytes: int) -> OnProgress | None:
    if on_progress is None:
        return None
    report = on_progress
    return lambda done_bytes, _: report(start_bytes + done_bytes, total_bytes)


def _compare_digests(folder: Path, files: dict[str, Any]) -> Iterator[Finding]:
    for name, facts in files.items():
        if not isinstance(facts, dict) or Path(name).name != name:
            yield Finding(MANIFEST_FILE, f"its entry for {name!r} is not a file with bytes and sha256.")
        elif not (folder / name).is_file():
            yield Finding(name, "the manifest lists it, but it is not there.")
        else:
            found = digest_file(folder / name)
            if found.size_bytes != facts.get("bytes"):
                yield Finding(name, f"it has {found.size_bytes} bytes, the manifest says {facts.get('bytes')}.")
            elif found.sha256 != facts.get("sha256"):
                yield Finding(name, "its sha256 is not the one in the manifest; the content changed after packing.")


def _read_synset(path: Path) -> tuple[list[str], list[Finding]]:
    try:
        class_names = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        return [], [Finding(path.name, f"it cannot be read ({error.strerror}), so no label has a name.")]
    except UnicodeDecodeError as error:
        return [], [Finding(path.name, f"it is not UTF-8 text ({error.reason} at byte {error.start}).")]
    findings = []
    if not all(class_names):
        findings.append(Finding(path.name, f"line {class_names.index('') + 1} is empty, expected a class name."))
    if len(set(class_names)) != len(class_names):
        twice = next(name for name in class_names if class_names.count(name) > 1)
        findings.append(Finding(path.name, f"the class {twice!r} stands in it more than once."))
    return class_names, findings


def _check_split(
    folder: Path,
    files: SplitFiles,
    class_names: list[str],
    expected: Manifest,
    edge: int | None,
    workers: int,
    on_progress: OnProgress | None,
) -> tuple[int, int | None, list[Finding]]:
    """Check the three files of a split against each other and the manifest.

    Returns (records, the shortest edge of all images in pixels or None, findings).
    """
    if not (folder / files.rec).is_file():
        return 0, None, []  # said already while comparing with the manifest
    checked = record_check.check_records(
        str(folder / files.rec), len(class_names) or None, edge, workers=workers, on_progress=on_progress
    )
    findings = [Finding(files.rec, str(finding)) for finding in checked.findings]
    findings += _compare_counts(files.rec, checked, class_names, expected)
    # The lists say which record is which; among broken records there is nothing to hold them against.
    if not checked.findings:
        findings += _compare_lists(folder, files, class_names)
    return checked.count, checked.smallest_edge, findings


def _compare_counts(
    rec_name: str, checked: record_check.RecordCheck, class_names: list[str], expected: Manifest
) -> Iterator[Finding]:
    if checked.count != expected.get("images"):
        yield Finding(rec_name, f"it holds {checked.count} records, the manifest says {expected.get('images')}.")
        return
    per_class = expected.get("per_class")
    if not isinstance(per_class, dict):
        yield Finding(MANIFEST_FILE, f"it has no numbers per class for {rec_name}.")
        return
    for label, name in enumerate(class_names):
        found = checked.class_counts.get(label, 0)
        if found != per_class.get(name):
            yield Finding(rec_name, f"it holds {found} images of {name!r}, the manifest says {per_class.get(name)}.")


def _compare_lists(folder: Path, files: SplitFiles, class_names: list[str]) -> Iterator[Finding]:
    in_idx: list[tuple[Any, ...]] = []
    in_lst: list[tuple[Any, ...]] = []
    with recordio.RecordReader(folder / files.rec) as reader:
        for record in reader:
            header = recordio.unpack(record.payload)[0]
            label = int(header.label[0] if isinstance(header.label, tuple) else header.label)
            in_idx.append((header.id, record.byte_offset))
            in_lst.append((header.id, label, class_names[label] if label < len(class_names) else ""))
    for name, read, expected, columns in (
        (files.idx, recordio.read_index, in_idx, "(key, byte offset)"),
        (files.lst, _read_lst, in_lst, "(key, label, class)"),
    ):
        try:
            yield from _first_difference(name, read(folder / name), expected, columns)
        except OSError:
            continue  # a missing file was reported while comparing with the manifest
        except ValueError as error:
            yield Finding(name, str(error))


def _first_difference(
    name: str, found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]], columns: str
) -> Iterator[Finding]:
    for line_number, (line, record) in enumerate(zip(found, expected), start=1):
        if line != record:
            yield Finding(name, f"line {line_number} says {columns} {line}, the record says {record}.")
            return
    if len(found) != len(expected):
        yield Finding(name, f"it has {len(found)} lines for {len(expected)} records.")


def _read_lst(path: Path) -> list[tuple[int, int, str]]:
    """Return (key, label, class folder) of each line 'key TAB label TAB class/name'."""
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line_number, line in enumerate(lines, start=1):
            try:
                key, label, image_path = line.rstrip("\n").split("\t")
                rows.append((int(key), int(float(label)), image_path.partition("/")[0]))
            except (ValueError, OverflowError):
                raise ValueError(
                    f"line {line_number}: expected 'key TAB label TAB path', found {line[:60]!r}."
                ) from None
    return rows
