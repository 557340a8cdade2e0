"""What each of several workers and devices takes, and what is refused."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pytest

from tests.unit.test_training_pictures import Records, jpeg

import arguments
from dataset.batches import EvaluationBatches, TrainingBatches
from dataset.preprocessing import Preprocessing
from errors import DataError
from recipes import RECIPES
from training import cluster
from training.measures import RunningMeasures

SIZE_48 = Preprocessing.for_image_size(48)


def worker(rank: int, size: int) -> cluster.OneWorker:
    one = cluster.OneWorker()
    one.rank, one.size = rank, size
    return one


@pytest.mark.parametrize(("count", "size"), [(12, 2), (7, 3), (2, 4), (0, 2)])
def test_the_parts_of_the_workers_make_up_the_whole_and_are_nearly_alike(count: int, size: int) -> None:
    parts = [list(range(count))[worker(rank, size).part(count)] for rank in range(size)]
    assert sum(parts, []) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_two_workers_see_the_images_of_one() -> None:
    records = Records([jpeg(60, 60 + side) for side in range(5)])

    def epoch(part: Any) -> list[Any]:
        return list(TrainingBatches(records, 5, 3, SIZE_48, RECIPES["tutorial"], 5, 0, 1, part).epoch(1))

    for whole, first, second in zip(epoch(None), *(epoch(worker(rank, 2).part(3)) for rank in (0, 1))):
        assert (len(first.images), len(second.images)) == (1, 2)
        assert np.array_equal(np.concatenate([first.images, second.images]), whole.images)
        assert np.array_equal(np.concatenate([first.targets, second.targets]), whole.targets)


def test_the_workers_parts_of_the_validation_set_hold_each_image_once() -> None:
    records = Records([jpeg(60, 60)] * 3)
    for size in (2, 4):  # with four, one has none
        labels = []
        for rank in range(size):
            for batch in EvaluationBatches(records, 2, SIZE_48, 1, worker(rank, size).part(3)):
                assert len(batch.labels) == 2
                labels += batch.labels[: 2 - batch.padding].tolist()
        assert labels == [records.read(number)[1] for number in range(3)]


def test_measures_of_several_workers_are_those_over_all_their_images() -> None:
    random = np.random.RandomState(0)
    probabilities = random.dirichlet(np.ones(9), 10)
    labels = random.randint(0, 9, 10)
    whole, first, second = RunningMeasures(), RunningMeasures(), RunningMeasures()
    whole.add(probabilities, labels)
    first.add(probabilities[:3], labels[:3])
    second.add(probabilities[3:], labels[3:])
    sent: list[Any] = []
    second.summed(lambda own: sent.append(own) or own)
    assert first.summed(lambda own: own + sent[0]).values() == pytest.approx(whole.values())


def test_numbers_survive_bit_by_bit_and_add_up() -> None:
    numbers = np.array([0.0, 1.0, -3.5, 2.0**-32, -(2.0**29), 123456.7890625])
    assert cluster.from_bits(cluster.to_bits(numbers)).tolist() == numbers.tolist()
    assert cluster.from_bits(cluster.to_bits(numbers) + cluster.to_bits(-2 * numbers)).tolist() == (-numbers).tolist()
    assert set(np.unique(cluster.to_bits(numbers))) <= {-1, 0, 1}
    assert np.isnan(cluster.from_bits(cluster.to_bits(np.array([np.nan, np.inf, 2.0**31])))).all()


@pytest.mark.parametrize(
    ("kv_store", "variables", "sentence"),
    [
        (
            "dist_sync",
            {"DMLC_ROLE": "worker", "DMLC_PS_ROOT_URI": "127.0.0.1"},
            "--kv_store=dist_sync needs several workers, started with MXNet's variables; not set: DMLC_PS_ROOT_PORT, "
            "DMLC_NUM_WORKER, DMLC_NUM_SERVER. `modelarts-local train --nodes=2` starts them so; on one machine leave "
            "the flag out.",
        ),
        (
            "device",
            {"DMLC_ROLE": "worker", "DMLC_NUM_WORKER": "2"},
            "this is one of 2 workers, but --kv_store=device trains on one machine: each would write the same files. "
            "Give --kv_store=dist_sync, or start one worker.",
        ),
    ],
)
def test_the_store_and_the_environment_must_fit(
    kv_store: str, variables: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in cluster.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DataError) as refusal:
        cluster.join(kv_store, 60)
    assert str(refusal.value) == sentence


def test_one_worker_needs_no_parameter_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DMLC_NUM_WORKER", raising=False)
    with cluster.join("device", 60) as team:
        assert (team.rank, team.size, team.is_first) == (0, 1, True)
        assert team.share(b"content") == b"content"
        team.refuse_differences({"lr": 0.1})
        assert team.together(lambda: 7) == 7


@pytest.mark.parametrize(("images", "devices", "each"), [(6, 4, [1, 2, 1, 2]), (8, 2, [4, 4]), (3, 1, [3])])
def test_no_device_is_left_without_images(images: int, devices: int, each: list[int]) -> None:
    from training.devices import shares

    assert shares(images, devices) == each


def test_devices_that_cannot_train_are_refused() -> None:
    from training.devices import choose_contexts, mx, refuse_misfits

    two = [mx.cpu(0), mx.cpu(1)]
    refuse_misfits(two, 4, 2, "float32")
    with pytest.raises(DataError) as refusal:
        refuse_misfits(two, 2, 1, "float32")
    assert str(refusal.value) == (
        "--batch_size=2 leaves 1 images for the 2 devices of a worker; each needs at least one."
    )
    with pytest.raises(DataError) as refusal:
        refuse_misfits(two, 4, 2, "float16")
    assert str(refusal.value) == (
        "--dtype=float16 needs a GPU: MXNet multiplies no float16 matrices on the CPU, on which this would train. "
        "Leave it out."
    )
    with pytest.raises(DataError) as refusal:
        choose_contexts(1, (0, 1000), is_asked_for=False)
    assert "--gpus=0,1000, but MXNet" in str(refusal.value) and "They count from 0." in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"kv_store": "dist_async"},
            "with --kv_store=dist_async changes of weights are sent, which are far below the threshold",
        ),
        (
            {"kv_store": "dist_sync", "dtype": "float16"},
            "MXNet compresses float32 gradients only, and this is --dtype=float16",
        ),
        ({"kv_store": "local"}, "MXNet compresses with --kv_store=device or dist_*, not with local"),
        ({"kv_store": "device"}, "one device of one worker sends no gradients"),
    ],
)
def test_compression_is_refused_where_nothing_is_compressed(options: dict[str, str], problem: str) -> None:
    from training.updates import refuse_what_cannot_be_sent

    flags = {"gradient_compression": "2bit", "dtype": "float32", **options}
    with pytest.raises(DataError) as refusal:
        refuse_what_cannot_be_sent(argparse.Namespace(**flags), 1)
    assert str(refusal.value) == f"--gradient_compression=2bit is of no use here: {problem}. Leave it out."
    refuse_what_cannot_be_sent(argparse.Namespace(**dict(flags, gradient_compression="none")), 1)


def test_changes_of_weights_are_not_sent_in_half_precision() -> None:
    from training.updates import refuse_what_cannot_be_sent

    options = argparse.Namespace(dtype="float16", kv_store="dist_async", gradient_compression="none")
    with pytest.raises(DataError) as refusal:
        refuse_what_cannot_be_sent(options, 1)
    assert str(refusal.value) == (
        "--dtype=float16 does not go with --kv_store=dist_async: the servers would add up changes that float16 cannot "
        "hold. Take --kv_store=dist_sync."
    )


def test_half_precision_is_between_input_and_softmax_and_the_model_is_single(tmp_path: Any) -> None:
    from network import precision, resnet

    mx = precision.mx
    half, single = (resnet.get_symbol(3, 18, 32, dtype=dtype) for dtype in ("float16", "float32"))
    types = dict(zip(half.list_arguments(), half.infer_type(data="float32")[0]))
    assert types["conv0_weight"] == types["fc1_weight"] == np.float16
    assert types["data"] == types["conv0_bn_gamma"] == np.float32
    assert half.infer_type(data="float32")[1] == [np.float32]
    assert half.list_arguments() == single.list_arguments()
    mx.nd.save(str(tmp_path / "half"), {"arg:w": mx.nd.array([1.5], dtype="float16")})
    precision.copy_as_float32(str(tmp_path / "half"), str(tmp_path / "single"))
    (array,) = mx.nd.load(str(tmp_path / "single")).values()
    assert (array.dtype, array.asnumpy().tolist()) == (np.float32, [1.5])


@pytest.mark.parametrize(("text", "numbers"), [("0,2", (0, 2)), (" 3 ", (3,)), ("", ())])
def test_gpus_are_a_list_of_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert arguments.gpu_list(text) == numbers
