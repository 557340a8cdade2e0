"""Bad data ends a training job with a sentence, or lets it go on with a warning; nothing else ever happens."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import records
from batches import EvaluationBatches, TrainingBatches
from errors import JobError
from preprocessing import Preprocessing
from recipes import RECIPES
from tests.data_folders import CLASSES, EDGE, PER_CLASS, DataFolder
from tests.fixtures_engines import ROOT
from tests.hostile_data import FINE, HOSTILE, LEFT_OUT, TABLES, WARNED, Change, Hostile, table

BATCH_SIZE = 12
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
        augmentation = RECIPES["tutorial"].augmentation
        batches = TrainingBatches(dataset.train, count, BATCH_SIZE, preprocessing, augmentation, 0, 2)
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


def test_the_document_shows_the_table() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    for heading in TABLES:
        assert "\n".join([f"## {heading}\n", *table(heading)]) in document.replace("\n\n| what", "\n\n| what")
