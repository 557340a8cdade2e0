"""Bad data ends a training job with a sentence, or lets it go on with a warning; nothing else ever happens."""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.data_damage import Change
from tests.data_folders import EDGE, DataFolder
from tests.fixtures_engines import ROOT
from tests.hostile_data import HOSTILE, TABLES, table
from tests.hostile_records import FINE, LEFT_OUT, WARNED, Hostile

from dataset import records
from dataset.batches import EvaluationBatches, TrainingBatches
from dataset.preprocessing import Preprocessing
from errors import JobError
from recipes import RECIPES

BATCH_SIZE = 12
# Python 3.6; prints for each folder whether every image of it becomes a batch
PROGRAM = """
import json, sys
sys.path.insert(0, {codes!r})
from dataset.batches import EvaluationBatches
from errors import DataError
from dataset.preprocessing import Preprocessing
from dataset.records import open_dataset

def is_trained_on(number):
    try:
        with open_dataset({folder!r} + '/%d' % number, {edge}, 2) as dataset:
            return len(list(EvaluationBatches(dataset.train, 30, Preprocessing.for_image_size({edge}), 2))) == 1
    except DataError:
        return False

print(json.dumps([(number, is_trained_on(number)) for number in range({count})]))
"""
DOCUMENT = ROOT / "docs" / "bad-data.md"


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def train(data: DataFolder, skip_bad: bool, during: Change | None = None) -> records.Dataset:
    """Do with the data what a job of one epoch does, short of the network: check it and make all batches."""
    preprocessing = Preprocessing.for_image_size(EDGE)
    with records.open_dataset(str(data.folder), EDGE, 2, skip_bad) as dataset:
        if during is not None:
            during(data)
        count = len(dataset.train)
        recipe, num_classes = RECIPES["tutorial"], len(dataset.class_names)
        batches = TrainingBatches(dataset.train, count, BATCH_SIZE, preprocessing, recipe, num_classes, 0, 2)
        validation = EvaluationBatches(dataset.val, BATCH_SIZE, preprocessing, 2)
        for batch in [*batches.epoch(0), *validation]:
            assert batch.images.shape == (BATCH_SIZE, 3, EDGE, EDGE)
            assert np.isfinite(batch.images).all()
            assert batch.labels.min() >= 0 and batch.labels.max() < len(dataset.class_names)
        return dataset


def outcome_of(
    data: DataFolder, skip_bad: bool, during: Change | None, caplog: pytest.LogCaptureFixture
) -> tuple[str, str]:
    """What a job does with the data, and what it says."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        try:
            train(data, skip_bad, during)
        except JobError as error:
            return f"exit {error.exit_code}", str(error)
    said = [record.getMessage() for record in caplog.records]
    if not said:
        return FINE, ""
    return (LEFT_OUT if "bad and left out" in said[0] else WARNED), "\n".join(said)


each_hostile = pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.found.replace(" ", "-"))


@each_hostile
def test_bad_data_is_refused_or_warned_of_in_a_sentence(
    hostile: Hostile, data: DataFolder, caplog: pytest.LogCaptureFixture
) -> None:
    hostile.make(data)
    outcome, said = outcome_of(data, False, hostile.during, caplog)
    assert outcome == hostile.outcome, said
    assert hostile.says in said
    assert len(caplog.records) == (hostile.outcome == WARNED)


@each_hostile
def test_a_few_bad_records_are_left_out_on_request_and_all_else_stays_as_it_is(
    hostile: Hostile, data: DataFolder, caplog: pytest.LogCaptureFixture
) -> None:
    hostile.make(data)
    outcome, said = outcome_of(data, True, hostile.during, caplog)
    assert outcome == (hostile.skipping or hostile.outcome), said


def test_there_are_more_than_forty_kinds_of_bad_data() -> None:
    assert len({hostile.found for hostile in HOSTILE}) == len(HOSTILE) > 40


@pytest.mark.parametrize("heading", TABLES)
def test_the_document_shows_the_table(heading: str) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    _, _, part = document.partition(f"## {heading}\n")
    shown = [line for line in part.partition("\n## ")[0].splitlines() if line.startswith("|")]
    assert shown == list(table(heading))


def test_the_document_has_no_other_tables_of_bad_data() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document.count("| what is wrong |") == len(TABLES)


@pytest.mark.parity
def test_the_platforms_engine_sees_the_same_in_images(tmp_path: Path, parity_python: str) -> None:
    expected = []
    for number, hostile in enumerate(TABLES["The images"]):
        data = DataFolder(tmp_path / str(number))
        hostile.make(data)
        expected.append((number, hostile.outcome == FINE))
    program = PROGRAM.format(codes=str(ROOT / "codes"), folder=str(tmp_path), count=len(expected), edge=EDGE)
    result = subprocess.run(
        [parity_python, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert [tuple(line) for line in json.loads(result.stdout)] == expected, result.stderr
