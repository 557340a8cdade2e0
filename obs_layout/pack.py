"""Pack a folder or an archive of images into the records that the training job reads.

    list_images -> normalise on all cores -> spool -> stratified_split -> .rec .idx .lst, synset.txt,
    manifest.json

The result depends on the images, the settings and the versions of this package and Pillow, on nothing else:
not on the number of workers, nor on whether a folder or an archive of it was given.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, Iterator, NamedTuple, Sequence

import PIL

import obs_layout
from obs_layout.errors import DataError
from obs_layout.image_sources import ImageListing, ImageRef, list_images, printable
from obs_layout.images import NormalisedImage, NormaliseSettings, UnreadableImage, normalise
from obs_layout.layout import MANIFEST_FILE, SPLITS, SYNSET_FILE, SplitFiles, packed_files, split_files
from obs_layout.manifest import FORMAT_VERSION, Manifest, digest_file, write_manifest
from obs_layout.parallel import map_in_order
from obs_layout.progress import OnProgress
from obs_layout.split import stratified_split
from obs_layout.storage import recordio

log = logging.getLogger(__name__)

_WORK_FOLDER_PREFIX = ".pack-"
_SHOWN_UNREADABLE = 5


class PackSettings(NamedTuple):
    """What decides the content of the packed files, and the number of processes, which does not.

    name: first part of the file names. train_ratio: between 0 and 1. seed: of split and order. resize: short
    edge in pixels, 0 keeps sizes. quality: of the JPEGs. pass_through: keep the bytes of JPEGs that are fit
    for training.
    max_bad_percent: of unreadable images; 100 allows all but the last. workers: processes.
    """

    name: str = "Caltech101"
    train_ratio: float = 0.8
    seed: int = 0
    resize: int = 256
    quality: int = 95
    pass_through: bool = False
    max_bad_percent: float = 1.0
    workers: int = 1


class Unreadable(NamedTuple):
    """An image that was left out. reason: a clause such as 'it does not decode: ...'."""

    path: str
    reason: str


class _Packable(NamedTuple):
    """One normalised image; its JPEG lies in the spool file at byte_offset.

    number: counted over the whole data set, as im2rec does, so that it means one image whichever split it is
    in.
    """

    number: int
    class_name: str
    path: str
    byte_offset: int
    size_bytes: int
    short_edge: int
    passed_through: bool


def pack(source: Path, out: Path, settings: PackSettings, on_progress: OnProgress | None = None) -> Manifest:
    """Write the records of all images into the folder `out` and return their manifest.

    source: folder or archive, see image_sources.list_images. out: is created; it may hold an earlier pack of
    the same name, whose files are replaced one by one once all new ones are complete, the manifest last.
    on_progress: called with (images done, images in all).

    Raises DataError when the source has no images, when more than settings.max_bad_percent of them are
    unreadable, or when `out` holds anything else; then `out` is as it was.
    """
    _refuse_foreign_files(out, settings.name)
    with _work_folder(out) as work:
        manifest = _pack_into(work, source, settings, on_progress)
        for name in packed_files(settings.name):
            os.replace(work / name, out / name)
    return manifest


def _refuse_foreign_files(out: Path, name: str) -> None:
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: it is a file. Name a folder for the packed files.")
    found = sorted(entry.name for entry in out.iterdir()) if out.exists() else []
    for entry in found:
        if entry.startswith(_WORK_FOLDER_PREFIX):
            log.warning("%s: left over from an interrupted pack, unless one is running; delete it.", out / entry)
    foreign = [entry for entry in found if not entry.startswith(".") and entry not in packed_files(name)]
    if foreign:
        raise DataError(
            f"{out}: it is not empty and not an earlier pack of {name}; it holds {printable(foreign[0])!r}."
            " Nothing was touched. Name a new folder."
        )


@contextlib.contextmanager
def _work_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder inside `out`, where a rename is all that is left to do; leave no trace of
    it."""
    was_there = out.exists()
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=_WORK_FOLDER_PREFIX, dir=out))
    try:
        yield work
    except BaseException:
        shutil.rmtree(work)
        if not was_there:
            out.rmdir()
        raise
    shutil.rmtree(work)


def _pack_into(work: Path, source: Path, settings: PackSettings, on_progress: OnProgress | None) -> Manifest:
    listing = list_images(source, work / "members.spool")
    with open(work / "images.spool", "w+b") as spool:
        packable, unreadable = _normalise_all(listing.images, spool, settings, on_progress)
        _refuse_bad_images(source, len(listing.images), unreadable, settings.max_bad_percent)
        class_names = sorted({image.class_name for image in packable})
        chosen = _divide(source, packable, settings)
        for split, images in chosen.items():
            _write_split(work, split_files(settings.name, split), images, class_names, spool)
    (work / SYNSET_FILE).write_bytes("".join(f"{name}\n" for name in class_names).encode())
    manifest = _describe(work, settings, class_names, chosen, listing, unreadable)
    write_manifest(work, manifest)
    for name in packed_files(settings.name):
        _sync_to_disk(work / name)
    return manifest


def _divide(source: Path, packable: Sequence[_Packable], settings: PackSettings) -> dict[str, list[_Packable]]:
    by_class: dict[str, list[str]] = {}
    for image in packable:
        by_class.setdefault(image.class_name, []).append(image.path)
    sides = stratified_split(by_class, settings.train_ratio, settings.seed)
    if not sides.val:
        raise DataError(f"{source}: no class has a second image, so none is left for validation. Add images.")
    by_path = {image.path: image for image in packable}
    return {split: [by_path[path] for path in paths] for split, paths in zip(SPLITS, sides)}


def _normalise_all(
    images: Sequence[ImageRef], spool: BinaryIO, settings: PackSettings, on_progress: OnProgress | None
) -> tuple[list[_Packable], list[Unreadable]]:
    normalise_one = functools.partial(
        _normalise_ref, settings=NormaliseSettings(settings.resize, settings.quality, settings.pass_through)
    )
    packable: list[_Packable] = []
    unreadable: list[Unreadable] = []
    with contextlib.closing(map_in_order(normalise_one, images, settings.workers)) as results:
        for done, (image, result) in enumerate(zip(images, results), start=1):
            if isinstance(result, Unreadable):
                unreadable.append(result)
            else:
                packable.append(_keep(spool, len(packable), image, result))
            if on_progress is not None:
                on_progress(done, len(images))
    return packable, unreadable


def _keep(spool: BinaryIO, number: int, image: ImageRef, result: NormalisedImage) -> _Packable:
    """Append the JPEG to the spool file; returns where it lies and what is needed of the image later."""
    byte_offset = spool.tell()
    size_bytes = spool.write(result.jpeg)
    return _Packable(
        number,
        image.class_name,
        image.path,
        byte_offset,
        size_bytes,
        result.short_edge,
        result.passed_through,
    )


def _normalise_ref(image: ImageRef, settings: NormaliseSettings) -> NormalisedImage | Unreadable:
    """Runs in a worker process: read one image and normalise it."""
    name = printable(image.path)
    if image.fault is not None:
        return Unreadable(name, image.fault)
    try:
        return normalise(image.read(), settings)
    except UnreadableImage as error:
        return Unreadable(name, str(error))
    except OSError as error:
        return Unreadable(name, f"it cannot be read ({error.strerror})")


def _refuse_bad_images(source: Path, listed: int, unreadable: Sequence[Unreadable], max_bad_percent: float) -> None:
    if not unreadable:
        return
    bad_percent = 100 * len(unreadable) / listed
    first = unreadable[0]
    for path, reason in unreadable[:_SHOWN_UNREADABLE]:
        log.warning("left out: %s: %s", path, reason)
    if len(unreadable) > _SHOWN_UNREADABLE:
        log.warning("and %d more", len(unreadable) - _SHOWN_UNREADABLE)
    if bad_percent > max_bad_percent or len(unreadable) == listed:
        raise DataError(
            f"{source}: {len(unreadable)} of {listed} files ({bad_percent:.1f} %) are no usable images, and"
            f" {max_bad_percent:g} % are tolerated. The first is {first.path}: {first.reason}."
            " Repair or remove them, or raise --max-bad-percent."
        )


def _write_split(
    work: Path, files: SplitFiles, images: Sequence[_Packable], class_names: Sequence[str], spool: BinaryIO
) -> None:
    labels = {name: label for label, name in enumerate(class_names)}
    with contextlib.ExitStack() as opened:
        rec = opened.enter_context(open(work / files.rec, "wb"))
        idx = opened.enter_context(open(work / files.idx, "w", encoding="ascii", newline="\n"))
        lst = opened.enter_context(open(work / files.lst, "w", encoding="utf-8", newline="\n"))
        writer = recordio.IndexedRecordWriter(rec, idx)
        for image in images:
            label = labels[image.class_name]
            spool.seek(image.byte_offset)
            jpeg = spool.read(image.size_bytes)
            writer.write(image.number, recordio.pack(label, image.number, jpeg))
            lst.write(f"{image.number}\t{label:f}\t{image.path}\n")  # as MXNet's im2rec prints it


def _describe(
    work: Path,
    settings: PackSettings,
    class_names: Sequence[str],
    chosen: dict[str, list[_Packable]],
    listing: ImageListing,
    unreadable: Sequence[Unreadable],
) -> Manifest:
    everything = [image for images in chosen.values() for image in images]
    files = {name: _file_facts(work / name) for name in packed_files(settings.name) if name != MANIFEST_FILE}
    splits = {}
    for split, images in chosen.items():
        counts = collections.Counter(image.class_name for image in images)
        splits[split] = {"images": len(images), "per_class": {name: counts[name] for name in class_names}}
        rec_facts = files[split_files(settings.name, split).rec]
        rec_facts["smallest_edge"] = min(image.short_edge for image in images)
    settings_that_matter = ("train_ratio", "seed", "resize", "quality", "pass_through")
    return {
        "format_version": FORMAT_VERSION,
        "name": settings.name,
        "images": len(everything),
        "classes": len(class_names),
        "passed_through": sum(image.passed_through for image in everything),
        "settings": {name: getattr(settings, name) for name in settings_that_matter},
        "versions": {"obs_layout": obs_layout.__version__, "Pillow": PIL.__version__},
        "splits": splits,
        "files": files,
        "ignored": sorted(listing.ignored),
        "unreadable": [item._asdict() for item in unreadable],
    }


def _file_facts(path: Path) -> Manifest:
    digest = digest_file(path)
    return {"bytes": digest.size_bytes, "sha256": digest.sha256}


def _sync_to_disk(path: Path) -> None:
    # A rename may reach the disk before the content it stands for; then a power cut leaves an empty file.
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())
