"""Small data folders for the training job, written without packing, so that a test can break each part of them."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Callable

from mxnet_support import recordio
from tests.picture_folders import jpeg

CLASSES = ("cup", "key", "lamp")
PER_CLASS = {"train": 10, "val": 4}
WIDTH, HEIGHT = 48, 40
EDGE = 32  # what the tests train on, pixels


@functools.lru_cache(maxsize=None)
def picture(number: int) -> bytes:
    """A JPEG; another number is another picture."""
    return jpeg(WIDTH, HEIGHT, number)


def label_of(payload: bytes, key: int) -> int:
    """The label of a record that has a sound one, else that which the record had before it was broken."""
    try:
        label = recordio.unpack(payload)[0].label
    except recordio.RecordFormatError:
        label = -1
    return int(label) if label in range(len(CLASSES)) else key % len(CLASSES)


class DataFolder:
    """A folder of 30 training and 12 validation images in three classes, with all that `obs_layout pack` writes but
    a manifest.

    payloads: split -> the content of each record. `write` makes the files anew from them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.payloads: dict[str, list[bytes]] = {}
        turn = 0
        for split, count in PER_CLASS.items():
            self.payloads[split] = []
            for number in range(count * len(CLASSES)):
                turn += 1
                self.payloads[split].append(recordio.pack(number % len(CLASSES), number, picture(turn)))
        folder.mkdir()
        (folder / "synset.txt").write_text("".join(f"{name}\n" for name in CLASSES))
        self.write()

    def path(self, name: str) -> Path:
        """The path of a file by its short name: train.rec, val.idx, synset.txt."""
        return self.folder / (f"Caltech101_{name}" if name.startswith(("train.", "val.")) else name)

    def write(self) -> None:
        """Write .rec, .idx and .lst of both splits."""
        for split, payloads in self.payloads.items():
            with open(self.path(f"{split}.rec"), "wb") as rec, open(self.path(f"{split}.idx"), "w") as idx:
                writer = recordio.IndexedRecordWriter(rec, idx)
                for key, payload in enumerate(payloads):
                    writer.write(key, payload)
            labels = [label_of(payload, key) for key, payload in enumerate(payloads)]
            lines = [f"{key}\t{label}\t{CLASSES[label]}/{key}.jpg\n" for key, label in enumerate(labels)]
            self.path(f"{split}.lst").write_text("".join(lines))

    def starts(self, split: str = "train") -> list[int]:
        """Where each record starts, bytes from the start of the file."""
        return [offset for _, offset in recordio.read_index(self.path(f"{split}.idx"))]

    def edit(self, change: Callable[[bytearray], Any], name: str = "train.rec") -> None:
        """Change the bytes of a file in place."""
        content = bytearray(self.path(name).read_bytes())
        change(content)
        self.path(name).write_bytes(content)

    def overwrite(self, byte_offset: int, content: bytes) -> None:
        """Put other bytes into train.rec."""
        with open(self.path("train.rec"), "r+b") as rec:
            rec.seek(byte_offset)
            rec.write(content)

    def cut(self, byte_offset: int) -> None:
        """Cut train.rec off."""
        os.truncate(self.path("train.rec"), byte_offset)

    def put(self, payload: bytes, number: int = 4) -> None:
        """Put another record into the place of one."""
        self.payloads["train"][number] = payload
        self.write()

    def write_manifest(self, **changes: Any) -> None:
        """Write the manifest of the files as they are now; `changes` replace or add members."""
        splits = {split: {"images": len(payloads)} for split, payloads in self.payloads.items()}
        recs = [self.path(f"{split}.rec") for split in self.payloads]
        files = {
            path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "smallest_edge": HEIGHT}
            for path in recs
        }
        self.path("manifest.json").write_text(json.dumps({"splits": splits, "files": files, **changes}))
