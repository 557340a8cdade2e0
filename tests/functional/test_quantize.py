"""`modelarts-local quantize` and --export_int8: the same model with 8-bit layers, measured, served, or refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import int8_export
from tests.fixtures_engines import TINY_JOB, FinishedJob, HandlerFactory, run_job

from dataset.preprocessing import Preprocessing
from dataset.records import RecordFile
from staging import OutputFolder

DEADLINE_S = 120
FILES = [
    "config.json",
    "customize_service.py",
    "pred_model-0000.params",
    "pred_model-symbol.json",
    "preprocessing.json",
    "synset.txt",
]


def quantize(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "modelarts_local", "quantize", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def parent(finished_job: FinishedJob, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quantized") / "V0001"
    shutil.copytree(finished_job.model, folder / "model")
    return folder


@pytest.fixture(scope="module")
def measured(parent: Path, packed_data: Path) -> Any:
    done = quantize(str(parent), f"--calibration={packed_data}", "--max-drop=100", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_package_has_the_same_files_and_the_figures_that_were_measured(measured: Any, parent: Path) -> None:
    model = parent / "int8" / "model"
    assert sorted(path.name for path in model.iterdir()) == FILES
    assert measured.pop("package") == str(parent / "int8")
    assert json.loads((parent / "int8" / "quantization.json").read_text()) == measured
    assert measured["validation_images"] == measured["calibration_images"] == 9
    assert json.loads((model / "config.json").read_text())["metrics"] == measured["int8"]["metrics"]


def test_the_accuracy_of_the_float_model_is_the_one_that_the_training_measured(measured: Any, parent: Path) -> None:
    config = json.loads((parent / "model" / "config.json").read_text())
    assert measured["float32"]["metrics"] == pytest.approx(config["metrics"])


def test_the_convolutions_of_the_network_have_8_bits(measured: Any, parent: Path) -> None:
    symbol = json.loads((parent / "int8" / "model" / "pred_model-symbol.json").read_text())
    convolutions = [node["attrs"] for node in symbol["nodes"] if node["op"] == "_sg_mkldnn_conv"]
    assert len(convolutions) > 10
    assert all(attributes["quantized"] in ("true", "True") for attributes in convolutions)


def test_the_model_in_model_stays_as_it_was(measured: Any, parent: Path, finished_job: FinishedJob) -> None:
    assert content_of(parent / "model") == content_of(finished_job.model)


def test_the_handler_serves_it_unchanged_with_nearly_the_same_scores(
    measured: Any, parent: Path, load_handler: HandlerFactory, drawn_images: Path
) -> None:
    service = load_handler.module.CaltechService("caltech", str(parent / "int8" / "model"), {})  # type: ignore[attr-defined]
    requests = [[path.read_bytes()] for path in sorted(drawn_images.glob("*/*.jpg"))[::4]]
    as_float = load_handler().inference_many(requests)
    for ours, theirs in zip(service.inference_many(requests), as_float):
        assert dict(ours["scores"]) == pytest.approx(dict(theirs["scores"]), abs=0.1)
    assert service.inference(requests[0])["predicted_label"] == service.inference_many(requests)[0]["predicted_label"]


def test_where_8_bits_cost_more_than_allowed_nothing_is_written(
    finished_job: FinishedJob, packed_data: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_job.model, tmp_path / "model")
    preprocessing = Preprocessing.from_json(json.loads((finished_job.model / "preprocessing.json").read_text()))
    records = RecordFile(str(packed_data / "Caltech101_val.rec"))
    output = OutputFolder(str(tmp_path), str(tmp_path / "scratch"))
    with pytest.raises(int8_export.AccuracyFell, match="the int8 model is not written: top-1 .* with float32"):
        int8_export.write_int8(output, records, preprocessing, threads=1, max_drop=-101)
    records.close()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_one_sentence_tells_both_accuracies(finished_job: FinishedJob, packed_data: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_job.model, tmp_path / "model")
    done = quantize(str(tmp_path), f"--calibration={packed_data / 'Caltech101_val.rec'}", "--max-drop=100")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'int8'}: top-1 ")
    assert done.stdout.endswith(f"on 9 pictures. Serve it with: modelarts-local serve {tmp_path / 'int8'}\n")


def test_records_of_other_classes_are_refused(parent: Path, packed_data: Path, tmp_path: Path) -> None:
    shutil.copytree(packed_data, tmp_path / "other")
    (tmp_path / "other" / "synset.txt").write_text("one\ntwo\n")
    done = quantize(str(parent), f"--calibration={tmp_path / 'other'}")
    assert done.returncode == 1
    assert "has other classes than the model: 2 for its 3, where the model has 'flower' they have 'one'" in done.stderr


@pytest.mark.parametrize("what", ["folder that is not there", "folder without model/", "model/ itself"])
def test_a_place_without_a_model_is_refused_and_nothing_is_made_there(
    what: str, parent: Path, packed_data: Path, tmp_path: Path
) -> None:
    place = {"folder that is not there": tmp_path / "no", "folder without model/": tmp_path}.get(what, parent / "model")
    done = quantize(str(place), f"--calibration={packed_data}")
    assert done.returncode == 1
    assert str(place) in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_records_file_is_a_sentence(parent: Path, tmp_path: Path) -> None:
    done = quantize(str(parent), f"--calibration={tmp_path}")
    assert done.returncode == 1
    assert "no *val*.rec" in done.stderr and "Traceback" not in done.stderr
    done = quantize(str(parent), f"--calibration={tmp_path / 'no' / 'val.rec'}")
    assert done.returncode == 3
    assert str(tmp_path / "no" / "val.rec") in done.stderr and "Traceback" not in done.stderr


def test_a_training_writes_it_when_it_is_asked_to(packed_data: Path, tmp_path: Path) -> None:
    result = run_job(
        f"--data_url={packed_data}", f"--train_url={tmp_path}", "--num_epochs=1", "--export_int8=1", *TINY_JOB
    )
    assert result.returncode == 0, result.stderr
    # one epoch of a tiny network may lose more than 8 bits are allowed to
    is_written = (tmp_path / "int8" / "model" / "config.json").exists()
    assert ("int8 model exported to" in result.stderr) == is_written
    assert ("the int8 model is not written" in result.stderr) != is_written


@pytest.mark.parity
def test_the_engine_of_2018_refuses_at_once(
    parity_python: str, packed_data: Path, tmp_path: Path, parent: Path
) -> None:
    flags = (f"--data_url={packed_data}", f"--train_url={tmp_path}", "--export_int8=1", *TINY_JOB)
    result = run_job(*flags, python=parity_python)
    assert result.returncode == 1
    assert "--export_int8=1 needs MXNet 1.9.1, and this is 1.2.1" in result.stderr
    assert "Epoch[0]" not in result.stderr
    done = quantize(str(parent), f"--calibration={packed_data}", f"--engine={parity_python}")
    assert done.returncode == 1
    assert "INT8 needs MXNet 1.9.1, and this is 1.2.1" in done.stderr


def test_check_says_that_the_platforms_engine_does_not_load_it(measured: Any, parent: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modelarts_local", "check", str(parent / "int8"), "--json"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    findings = json.loads(done.stdout)["findings"]
    assert [(finding["rule"], finding["severity"]) for finding in findings] == [("M14", "warning")]
    assert "import the float32 package for the engine" in findings[0]["remedy"]


def test_a_model_in_a_bucket_gets_it_there(
    finished_job: FinishedJob, packed_data: Path, bucket: str, s3_client: Any
) -> None:
    for path in finished_job.model.iterdir():
        s3_client.upload_file(str(path), bucket, f"out/V0001/model/{path.name}")
    for name in ("Caltech101_val.rec", "synset.txt"):
        s3_client.upload_file(str(packed_data / name), bucket, f"mxnet_format/{name}")
    done = quantize(f"s3://{bucket}/out/V0001", f"--calibration=s3://{bucket}/mxnet_format/", "--max-drop=100")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"s3://{bucket}/out/V0001/int8: top-1 ")
    keys = {item["Key"] for item in s3_client.list_objects_v2(Bucket=bucket, Prefix="out/V0001/int8/")["Contents"]}
    assert keys == {"out/V0001/int8/quantization.json", *(f"out/V0001/int8/model/{name}" for name in FILES)}
