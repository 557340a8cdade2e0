"""The names of the places in the bucket. Every other module takes them from here."""

from __future__ import annotations

from typing import NamedTuple

DATA_FOLDER = "mxnet_format"
CODES_FOLDER = "codes"
OUTPUT_FOLDER = "output"
MODEL_FOLDER = "model"
CHECKPOINTS_FOLDER = "checkpoints"
REPORT_FOLDER = "report"
LOGS_FOLDER = "logs"
FIRST_VERSION = "V0001"

SYNSET_FILE = "synset.txt"
MANIFEST_FILE = "manifest.json"
TRANSFER_RECORD_FILE = ".obs_layout.json"
DATA_SET_NAME = "Caltech101"
SPLITS = ("train", "val")
FILE_NAME_RULE = "letters, digits, '-' and '_'"


class SplitFiles(NamedTuple):
    """The three files of one split: records, index (key, byte offset), list (key, label, path of the
    image)."""

    rec: str
    idx: str
    lst: str


def is_file_name(text: str) -> bool:
    """Tell whether the text can be the first part of the file names; the rule is FILE_NAME_RULE."""
    return bool(text) and all(char.isalnum() or char in "_-" for char in text)


def split_files(name: str, split: str) -> SplitFiles:
    """Return the file names of one split, as the training job looks for them: Caltech101_train.rec and so
    on."""
    return SplitFiles(*(f"{name}_{split}.{suffix}" for suffix in ("rec", "idx", "lst")))


def packed_files(name: str) -> tuple[str, ...]:
    """Return the names of all files that `pack` writes, the manifest last."""
    records = [file for split in SPLITS for file in split_files(name, split)]
    return (*records, SYNSET_FILE, MANIFEST_FILE)


def bucket_tree(bucket: str) -> str:
    """Draw the bucket: each place, what writes it and what reads it."""
    train, val = (split_files(DATA_SET_NAME, split).rec for split in SPLITS)
    rows = [
        (f"{bucket}/", ""),
        (f"├── {DATA_FOLDER}/", "--data_url: obs_layout pack + push -> training job"),
        (f"│   ├── {train} .idx .lst", "records for training"),
        (f"│   ├── {val} .idx .lst", "records for validation"),
        (f"│   ├── {SYNSET_FILE}", "class names, one a line, in label order"),
        (f"│   └── {MANIFEST_FILE}", "counts, sha256 and settings; obs_layout verify -> compares"),
        (
            f"├── {CODES_FOLDER}/",
            "the program: obs_layout push -> platform, which copies it to the job",
        ),
        (f"├── {OUTPUT_FOLDER}/", "--train_url: training job -> you"),
        (f"│   └── {FIRST_VERSION}/", "one folder for each run, numbered by the platform"),
        (f"│       ├── {MODEL_FOLDER}/", "symbol, parameters, handler: training job -> model import"),
        (f"│       ├── {CHECKPOINTS_FOLDER}/", "one for each epoch: training job -> the job that resumes"),
        (f"│       └── {REPORT_FOLDER}/", "history, confusion matrix, accuracy by class: training job -> you"),
        (f"└── {LOGS_FOLDER}/", "job logs: platform -> you"),
    ]
    width = max(len(place) for place, _ in rows) + 2
    return "\n".join(f"{place:{width}}{role}".rstrip() for place, role in rows)
