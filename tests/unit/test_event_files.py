"""Event files, read by TensorBoard's own reader."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Callable

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tests.training_history import history_of

import event_files
from errors import StorageError

IMAGES_PER_EPOCH = 600


class Output:
    """An output folder whose bucket can be away. published: names in the order they were copied."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.published: list[tuple[str, str]] = []
        self.is_away = False

    def make_folder(self, name: str) -> str:
        (self.path / name).mkdir(exist_ok=True)
        return str(self.path / name)

    def list_folder(self, name: str) -> list[str]:
        return sorted(path.name for path in (self.path / name).iterdir())

    def publish(self, folder: str, names: tuple[str, ...]) -> str:
        if self.is_away:
            raise StorageError("writing s3://bucket/out failed: no answer")
        self.published += [(folder, name) for name in names]
        return folder


class Clock:
    """A clock that a test moves."""

    now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


def run(output: Output, epochs: range, clock: Clock) -> None:
    """Train in one process: the observer is called after each of `epochs`, which count from 1."""
    observer = event_files.EpochEvents(output, IMAGES_PER_EPOCH, clock)
    for num_epochs in epochs:
        clock.now_s += 2
        observer(history_of(num_epochs))


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], list[tuple[int, float]]]:
    def scalars(tag: str) -> list[tuple[int, float]]:
        accumulator = EventAccumulator(str(tmp_path / "tensorboard"))
        accumulator.Reload()
        return [(event.step, event.value) for event in accumulator.Scalars(tag)]

    return scalars


def test_tensorboard_reads_every_measure_of_every_epoch(output: Output, read: Any, tmp_path: Path) -> None:
    run(output, range(1, 4), Clock())
    assert read("accuracy/train") == [(1, pytest.approx(0.1)), (2, pytest.approx(0.2)), (3, pytest.approx(0.3))]
    assert read("cross-entropy/validation") == [(1, 4.0), (2, 2.0), (3, pytest.approx(4 / 3))]
    assert read("learning_rate")[0] == (1, pytest.approx(0.1))
    assert read("speed/images_per_second") == [(1, 300.0), (2, 300.0), (3, 300.0)]
    accumulator = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert set(accumulator.Tags()["scalars"]) == {
        *(f"{measure}/{part}" for measure in ("accuracy", "cross-entropy", "top_k_accuracy_5")
          for part in ("train", "validation")),
        "learning_rate",
        "speed/seconds_per_epoch",
        "speed/images_per_second",
    }  # fmt: skip


def test_after_a_resume_a_second_file_goes_on_without_a_step_twice(output: Output, read: Any) -> None:
    clock = Clock()
    run(output, range(1, 4), clock)
    run(output, range(4, 6), clock)
    assert len(output.list_folder("tensorboard")) == 2
    assert [step for step, _ in read("accuracy/train")] == [1, 2, 3, 4, 5]


def test_epochs_behind_the_checkpoint_of_a_resume_count_once(output: Output, read: Any) -> None:
    clock = Clock()
    run(output, range(1, 5), clock)
    run(output, range(3, 6), clock)  # the last checkpoint was that of epoch 2
    assert [step for step, _ in read("accuracy/train")] == [1, 2, 3, 4, 5]


def test_a_training_that_starts_anew_replaces_the_curves_of_the_one_before(output: Output, read: Any) -> None:
    clock = Clock()
    run(output, range(1, 5), clock)
    run(output, range(1, 3), clock)
    assert [step for step, _ in read("accuracy/train")] == [1, 2]


def test_a_resume_of_a_run_without_events_tells_its_epochs_too(output: Output, read: Any) -> None:
    run(output, range(3, 5), Clock())
    assert [step for step, _ in read("accuracy/train")] == [1, 2, 3, 4]


def test_the_file_is_published_after_each_epoch(output: Output) -> None:
    run(output, range(1, 4), Clock())
    (name,) = output.list_folder("tensorboard")
    assert output.published == [("tensorboard", name)] * 3
    assert "tfevents" in name


def test_a_bucket_that_does_not_answer_is_a_warning(
    output: Output, read: Any, caplog: pytest.LogCaptureFixture
) -> None:
    output.is_away = True
    with caplog.at_level(logging.WARNING):
        run(output, range(1, 3), Clock())
    assert caplog.messages[0] == (
        "the events of epoch 1 stay on this machine, the training goes on: "
        "writing s3://bucket/out failed: no answer"
    )  # fmt: skip
    assert [step for step, _ in read("accuracy/train")] == [1, 2]


def test_the_checksum_is_crc32c() -> None:
    assert event_files.crc32c(b"123456789") == 0xE3069283  # the check value of the CRC catalogue
    assert event_files.crc32c(b"") == 0


def test_tensorboard_notices_a_byte_that_was_changed(output: Output, tmp_path: Path) -> None:
    run(output, range(1, 2), Clock())
    (path,) = (tmp_path / "tensorboard").iterdir()
    whole = len(list(EventFileLoader(str(path)).Load()))
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert len(list(EventFileLoader(str(path)).Load())) == whole - 1


def test_long_texts_and_large_steps_are_encoded(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(event_files.record(event_files.event(1.5, 3_000_000, [("a/" + "b" * 300, 0.5)])))
    (event,) = EventFileLoader(str(path)).Load()
    assert (event.wall_time, event.step) == (1.5, 3_000_000)
    assert event.summary.value[0].tag == "a/" + "b" * 300
