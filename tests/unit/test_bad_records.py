"""What is left out with --skip_bad_records=1: how many, which, and how that changes what the training is."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from mxnet_support import recordio
from tests.data_folders import EDGE, DataFolder, picture

from dataset import records
from errors import DataError


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def opened(data: DataFolder, skip_bad: int = 1) -> records.Dataset:
    with records.open_dataset(str(data.folder), EDGE, 2, skip_bad) as dataset:
        return dataset


def damage(data: DataFolder, *numbers: int) -> None:
    for number in numbers:
        data.payloads["train"][number] = recordio.pack(0, number, b"")
    data.write()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_the_good_records_keep_their_order_labels_and_images(data: DataFolder) -> None:
    before = opened(data)
    damage(data, 4, 20)
    after = opened(data)
    kept = [number for number in range(30) if number not in (4, 20)]
    with records.open_dataset(str(data.folder), EDGE, 2, 1) as dataset:
        assert [dataset.train.read(number)[0] for number in range(28)] == [picture(number + 1) for number in kept]
    assert after.train.labels == [before.train.labels[number] for number in kept]
    assert (len(after.train), after.train.num_records, len(after.val)) == (28, 30, 12)


def test_one_warning_says_how_many_which_and_why(data: DataFolder, caplog: pytest.LogCaptureFixture) -> None:
    damage(data, 4)
    opened(data)
    assert warnings(caplog) == [
        f"{data.path('train.rec')}: 1 of 30 records (3.33 %) are bad and left out (--skip_bad_records=1):\n"
        f"  record 4 at byte {data.starts()[4]}: its image is damaged or no JPEG, PNG, BMP; it starts with nothing."
    ]


def test_only_the_first_five_of_many_are_named_each_once(data: DataFolder, caplog: pytest.LogCaptureFixture) -> None:
    data.payloads["train"] *= 3
    for number in range(7):
        data.payloads["train"][10 * number] = recordio.pack(-1, number, b"")  # two things are wrong with each
    data.write()
    opened(data)
    message, about_doubles = warnings(caplog)[0], warnings(caplog)[1:]
    assert "7 of 90 records (7.78 %) are bad" in message and about_doubles == []
    assert [line.split(" at ")[0] for line in message.splitlines()[1:]] == [
        *(f"  record {number}" for number in (0, 10, 20, 30, 40)),
        "  and 2 more",
    ]


def test_more_than_a_tenth_is_refused(data: DataFolder) -> None:
    damage(data, 1, 2, 3)
    assert len(opened(data).train) == 27
    damage(data, 4)
    sentence = (
        r"4 of 30 records \(13.33 %\) are bad, more than the 10 % that --skip_bad_records leaves out:\n  record 1 "
    )
    with pytest.raises(DataError, match=sentence):
        opened(data)


def test_each_file_is_measured_by_itself(data: DataFolder) -> None:
    for number in (1, 2):
        data.payloads["val"][number] = recordio.pack(0, number, b"")
    data.write()
    with pytest.raises(DataError, match=r"val.rec: 2 of 12 records \(16.67 %\) are bad"):
        opened(data)


def test_the_index_tells_how_many_records_a_damaged_stretch_held(
    data: DataFolder, caplog: pytest.LogCaptureFixture
) -> None:
    starts = data.starts()
    data.overwrite(starts[4], bytes(starts[7] - starts[4]))
    opened(data)
    data.path("train.idx").unlink()
    data.path("train.lst").unlink()
    opened(data)
    shares = [message.split(": ")[1].split(" (")[0] for message in warnings(caplog)]
    assert shares == ["3 of 30 records", "1 of 28 records"]


def test_bytes_behind_the_last_record_are_told_of_and_change_nothing(
    data: DataFolder, caplog: pytest.LogCaptureFixture
) -> None:
    before = opened(data)
    data.edit(lambda content: content.extend(b"more"))
    after = opened(data)
    assert (len(after.train), after.train.labels) == (30, before.train.labels)
    (message,) = warnings(caplog)
    assert "4 bytes are left, a record starts with 8" in message


def test_a_file_without_a_single_good_record_is_refused(data: DataFolder) -> None:
    damage(data, *range(30))
    with pytest.raises(DataError, match=r"30 of 30 records \(100.00 %\) are bad, more than the 10 %"):
        opened(data)


def test_without_bad_records_the_training_is_the_same_with_and_without_the_flag(data: DataFolder) -> None:
    assert opened(data, 1).sha256 == opened(data, 0).sha256


def test_the_same_file_trained_with_other_pictures_left_out_is_another_training(data: DataFolder) -> None:
    file = data.path("train.rec")
    starts = data.starts()
    choices = [records.RecordFile(str(file), "00", starts[:20], 30), records.RecordFile(str(file), "00", starts, 30)]
    choices.append(records.RecordFile(str(file), "00", starts[1:21], 30))
    for choice in choices:
        choice.close()
    assert len({choice.sha256 for choice in choices}) == 3
    assert choices[1].sha256 == "00"


def test_a_file_that_is_as_packed_is_not_looked_at_again(data: DataFolder, caplog: pytest.LogCaptureFixture) -> None:
    data.write_manifest()
    with caplog.at_level(logging.INFO):
        opened(data)
    assert "checking every record" not in caplog.text
