"""Everything that can be wrong with the data of a training job, and what the job has to say.

docs/bad-data.md shows this table; `PYTHONPATH=.:codes python3 -m tests.hostile_data` prints its parts.
"""

from __future__ import annotations

from typing import Iterator

from tests.data_damage import (
    as_folder,
    as_pipe,
    both,
    cut_in_record,
    emptied,
    file_for_folder,
    image,
    lines,
    linked,
    loop_for_folder,
    manifest,
    no_folder,
    nothing,
    only_val_copied,
    packed_then,
    relabelled,
    removed,
    renamed_with_newline,
    shared,
    shortened,
    then_packed,
    without_names,
    written,
    zeros_from,
)
from tests.data_folders import picture
from tests.hostile_records import FINE, RECORDS, REFUSED, UNREADABLE, WARNED, Hostile

NOT_READ = "It must be UTF-8 text"
TABLES: dict[str, list[Hostile]] = {
    "The folder": [
        Hostile("the folder is not there", no_folder, REFUSED, "is not a folder. Give the folder that holds the .rec"),
        Hostile("the folder is a file", file_for_folder, REFUSED, "is not a folder but a file. Give the folder"),
        Hostile(
            "the folder is a link to itself", loop_for_folder, REFUSED, "is not a folder but a link that leads nowhere."
        ),
        Hostile("the folder is empty", emptied, REFUSED, "no *train*.rec in"),
        Hostile("there is no validation file", removed("val.rec"), REFUSED, "no *val*.rec in"),
        Hostile(
            "there are two training files",
            written("old_train.rec", b""),
            REFUSED,
            "2 files match *train*.rec in",
        ),
        Hostile("a `.rec` is a folder", as_folder("train.rec"), REFUSED, "train.rec is a folder and not a file."),
        Hostile("a `.rec` is a dead link", linked("val.rec", "gone"), REFUSED, "is a link that leads nowhere and not"),
        Hostile(
            "a `.rec` is a named pipe", as_pipe("val.rec"), REFUSED, "val.rec is something special and not a file."
        ),
        Hostile("a `.rec` cannot be read", linked("train.rec", "/proc/self/mem"), UNREADABLE, "train.rec cannot be re"),
        Hostile("the name of a `.rec` has a line break in it", renamed_with_newline, FINE),
        Hostile(
            "the name of the only `.rec` has a line break in it",
            both(renamed_with_newline, removed("val.rec")),
            REFUSED,
            "files found: 'my\\ntrain.rec'.",
        ),
        Hostile("`synset.txt` is a folder", as_folder("synset.txt"), REFUSED, "synset.txt is a folder and not a file."),
        Hostile("`manifest.json` is a folder", as_folder("manifest.json"), REFUSED, "manifest.json is a folder and"),
    ],
    **RECORDS,
    "The names of the classes": [
        Hostile("`synset.txt` starts with a BOM", lines("synset.txt", lambda old: [b"\xef\xbb\xbf", *old]), FINE),
        Hostile("the lines of `synset.txt` end as on Windows", written("synset.txt", b"cup\r\nkey\r\nlamp\r\n"), FINE),
        Hostile("empty lines follow the names", lines("synset.txt", lambda old: [*old, b"\n \n"]), FINE),
        Hostile(
            "an empty line stands between the names",
            written("synset.txt", b"cup\n\nkey\nlamp\n"),
            REFUSED,
            "line 2 is empty, so it is open which labels the lines below it have",
        ),
        Hostile(
            "`synset.txt` is empty",
            written("synset.txt", b"\n"),
            REFUSED,
            "synset.txt is empty; it must name the classes",
        ),
        Hostile(
            "two classes have one name",
            written("synset.txt", b"cup\nkey\ncup\n"),
            REFUSED,
            "2 classes are called 'cup' (labels 0, 2), so the answers of the service could not be told apart.",
        ),
        Hostile("`synset.txt` is not UTF-8", written("synset.txt", b"caf\xe9\nkey\nlamp\n"), REFUSED, NOT_READ),
        Hostile(
            "`synset.txt` has a million lines",
            written("synset.txt", b"".join(b"%d\n" % number for number in range(10**6))),
            REFUSED,
            "1000000 classes are named, at most 100000 can be learned.",
        ),
        Hostile(
            "`synset.txt` has the names in another order than the `.lst`",
            both(removed("val.lst"), written("synset.txt", b"cup\nlamp\nkey\n")),
            WARNED,
            "label 1 is named 'lamp' by synset.txt, but its images come from the folder 'key' by Caltech101_train.lst, "
            "and so with 2 of 3 classes: the model would answer with wrong names.",
        ),
        Hostile(
            "`synset.txt` has names of another kind than the `.lst`",
            written("synset.txt", b"n01 cup\nn02 key\nn03 lamp\n"),
            FINE,
        ),
        Hostile(
            "`synset.txt` names fewer classes than there are labels",
            written("synset.txt", b"cup\nkey\n"),
            REFUSED,
            "its label is 2.0, expected a whole number from 0 to 1.",
        ),
        Hostile("there is no `synset.txt`, but `.lst` files with folders", removed("synset.txt"), FINE),
        Hostile(
            "there is neither `synset.txt` nor a `.lst`",
            without_names,
            WARNED,
            "neither synset.txt nor a .lst file: the classes are call",
        ),
        Hostile(
            "a `.lst` that is needed is a named pipe",
            both(removed("synset.txt"), as_pipe("val.lst")),
            REFUSED,
            "val.lst is something special and not a file.",
        ),
        Hostile(
            "a `.lst` that is needed has an infinite label",
            both(removed("synset.txt"), written("train.lst", b"0\tinf\tcup/a.jpg\n")),
            REFUSED,
            NOT_READ,
        ),
        Hostile(
            "a `.lst` that is needed has a label below 0",
            both(removed("synset.txt"), written("train.lst", b"0\t-1\tcup/a.jpg\n")),
            REFUSED,
            "the label -1 is below 0",
        ),
        Hostile(
            "a `.lst` that is needed has a label of 3 billion",
            both(removed("synset.txt"), written("train.lst", b"0\t3e9\tcup/a.jpg\n")),
            REFUSED,
            "3000000001 classes are named, at most 100000 can be learned.",
        ),
    ],
    "Training and validation": [
        Hostile(
            "a class has no training image",
            relabelled(lambda number: number % 2),
            WARNED,
            "1 of 3 classes have no training image and cannot be learned: 'lamp'; their 4 validation images will count",
        ),
        Hostile(
            "classes are named that no image has",
            written("synset.txt", b"cup\nkey\nlamp\n1\n2\n3\n4\n5\n6\n"),
            WARNED,
            "6 of 9 classes have no training image and cannot be learned: '1', '2', '3', '4', '5' and 1 more. Add",
        ),
        Hostile(
            "a class has a single training image",
            relabelled(lambda number: 2 if number == 4 else number % 2),
            WARNED,
            "1 of 3 classes have a single training image, too little to learn from: 'lamp'.",
        ),
        Hostile(
            "all training images are of one class",
            relabelled(lambda number: 1),
            REFUSED,
            "all 30 images are of the class 'key' (label 1). A network learns to tell classes apart and needs at least",
        ),
        Hostile("there are fewer training images than `--batch_size`", shortened("train", 6), FINE),
        Hostile("there is one validation image", shortened("val", 1), FINE),
        Hostile(
            "one file is both", only_val_copied, WARNED, "are the same file: the accuracy will be that of learning"
        ),
        Hostile("some images are in both", shared(3), WARNED, "3 of 12 validation images are training images too"),
    ],
    "The files beside them": [
        Hostile("there is no `.idx`", removed("train.idx", "val.idx"), FINE),
        Hostile(
            "the `.idx` has another number of lines",
            lines("train.idx", lambda old: old[1:]),
            WARNED,
            "it holds 30 records, but other files list another number: Caltech101_train.idx 29.",
        ),
        Hostile(
            "the `.idx` is that of another file",
            lines("val.idx", lambda old: [b"%d\t%d\n" % (number, 7 * number) for number in range(12)]),
            WARNED,
            "its .idx file does not point at its records",
        ),
        Hostile(
            "the `.idx` is garbage", written("val.idx", b"\xff\n" * 12), WARNED, "its .idx file does not point at its"
        ),
        Hostile(
            "the `.lst` has another number of lines",
            lines("train.lst", lambda old: old + old[:10]),
            WARNED,
            "it holds 30 records, but other files list another number: Caltech101_train.lst 40.",
        ),
        Hostile(
            "the `.lst` has other labels",
            lines("train.lst", lambda old: [line.replace(b"\t0\t", b"\t1\t") for line in old]),
            WARNED,
            "10 of 30 images have another label in Caltech101_train.lst, so one of the two is wrong",
        ),
        Hostile("the `.lst` is garbage", written("train.lst", b"\xff\tx\ta/b\n" * 30), FINE),
        Hostile(
            "`manifest.json` counts otherwise",
            manifest(splits={"train": {"images": 31}, "val": {"images": 12}}),
            WARNED,
            "it holds 30 records, but other files list another number: manifest.json 31.",
        ),
        Hostile(
            "`manifest.json` is not JSON", written("manifest.json", b"{"), WARNED, "every record is checked instead"
        ),
        Hostile(
            "`manifest.json` is JSON without end",
            written("manifest.json", b"[" * 10**5),
            WARNED,
            "every record is checked inst",
        ),
        Hostile(
            "`manifest.json` is a list", written("manifest.json", b"[]"), WARNED, "every record is checked instead"
        ),
        Hostile(
            "`manifest.json` has its files in a list", manifest(files=[]), WARNED, "every record is checked instead"
        ),
        Hostile(
            "`manifest.json` has numbers where texts should be",
            manifest(
                splits={"train": 7, "val": []},
                files={"Caltech101_train.rec": 7, "Caltech101_val.rec": {"smallest_edge": "x"}},
            ),
            FINE,
        ),
        Hostile(
            "a file has changed since `manifest.json` was written",
            packed_then(image(picture(98))),
            WARNED,
            "it has changed since it was packed, by the sha256 in manifest.json.",
        ),
        Hostile(
            "`manifest.json` vouches for a record without label",
            then_packed(lambda data: data.put(b"abc")),
            REFUSED,
            "changed after it was packed or checked: at byte",
        ),
        Hostile(
            "`manifest.json` vouches for an empty file",
            then_packed(shortened("val", 0)),
            REFUSED,
            "changed after it was packed or checked: it holds no records.",
        ),
        Hostile(
            "`manifest.json` vouches for an image that does not decode",
            then_packed(image(picture(99)[:-200])),
            REFUSED,
            "record 4 is not a readable image (image file is truncated",
        ),
    ],
    "During the training": [
        Hostile(
            "the `.rec` becomes shorter",
            nothing,
            REFUSED,
            "changed after it was packed or checked: at byte",
            during=cut_in_record(20, 9),
        ),
        Hostile(
            "records of the `.rec` are overwritten",
            nothing,
            REFUSED,
            "changed after it was packed or checked: at byte",
            during=zeros_from(4, 3),
        ),
        Hostile(
            "an image in the `.rec` is overwritten",
            nothing,
            REFUSED,
            "record 4 is not a readable image",
            during=lambda data: data.overwrite(data.starts()[4] + 40, bytes(200)),
        ),
    ],
}
HOSTILE = [hostile for table in TABLES.values() for hostile in table]


def table(heading: str) -> Iterator[str]:
    """The lines of one part in docs/bad-data.md."""
    yield "| what is wrong | what the job does | with `--skip_bad_records=1` |"
    yield "| --- | --- | --- |"
    for hostile in TABLES[heading]:
        yield f"| {hostile.found} | {hostile.outcome} | {hostile.skipping or 'the same'} |"


if __name__ == "__main__":
    for name in TABLES:
        print(f"\n## {name}\n", *table(name), sep="\n")
