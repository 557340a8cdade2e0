"""The training job as a program, on local folders."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from obs_layout.pack import PackSettings, pack
from tests.fixtures_engines import CODES, KINDS_USED, ROOT, TINY_JOB, FinishedJob, run_job


def params(path: Path) -> Any:
    """Read a .params file: {name: numpy array}."""
    from mxnet_support import engine

    mx = engine.import_mxnet()
    return {name: array.asnumpy() for name, array in mx.nd.load(str(path)).items()}


def test_the_model_folder_is_what_the_import_asks_for(finished_job: FinishedJob) -> None:
    names = {path.name for path in finished_job.model.iterdir()}
    assert names == {
        "pred_model-symbol.json",
        "pred_model-0000.params",
        "customize_service.py",
        "config.json",
        "synset.txt",
        "preprocessing.json",
    }


def test_the_labels_are_those_of_the_data(finished_job: FinishedJob) -> None:
    assert (finished_job.model / "synset.txt").read_text().split() == list(KINDS_USED)


def test_the_metrics_in_the_config_are_those_measured_on_the_validation_set(
    finished_job: FinishedJob,
) -> None:
    config = json.loads((finished_job.model / "config.json").read_text())
    report = json.loads((finished_job.folder / "report" / "metrics.json").read_text())
    assert config["metrics"] == report["metrics"]
    assert sum(map(sum, report["confusion_matrix"])) == 9
    hits = sum(row[i] for i, row in enumerate(report["confusion_matrix"]))
    assert config["metrics"]["accuracy"] == pytest.approx(hits / 9)
    logged = re.findall(r"Validation-accuracy=([\d.]+)", finished_job.log)
    assert max(map(float, logged)) == pytest.approx(config["metrics"]["accuracy"], abs=1e-6)


def test_the_config_names_the_runtime_and_declares_what_the_service_answers(
    finished_job: FinishedJob,
) -> None:
    config = json.loads((finished_job.model / "config.json").read_text())
    assert (config["model_type"], config["runtime"]) == ("MXNet", "python3.6")
    (api,) = config["apis"]
    assert (api["url"], api["method"], api["request"]["Content-type"]) == ("/", "post", "multipart/form-data")
    assert api["request"]["data"]["properties"] == {"images": {"type": "file"}}
    assert set(api["response"]["data"]["required"]) == set(api["response"]["data"]["properties"])


def test_the_log_has_the_tutorials_lines_for_each_epoch(finished_job: FinishedJob) -> None:
    for epoch in range(2):
        for line in (
            "Train-accuracy",
            "Validation-accuracy",
            "Validation-cross-entropy",
            "Validation-top_k_accuracy_5",
            "Time cost",
        ):
            assert len(re.findall(rf"Epoch\[{epoch}\] {line}=[\d.]+", finished_job.log)) == 1
        assert (
            len(re.findall(rf"Epoch\[{epoch}\] Batch \[\d+\]\tSpeed: [\d.]+ samples/sec\taccuracy=", finished_job.log))
            == 3
        )


def test_each_epoch_tells_how_long_the_rest_will_take(finished_job: FinishedJob) -> None:
    assert re.findall(r"epoch (\d) of 2 done, eta_s=(\d+)", finished_job.log)[1] == ("2", "0")


def test_mxnets_own_log_parser_reads_the_log(finished_job: FinishedJob, tmp_path: Path) -> None:
    import mxnet

    log = tmp_path / "job.log"
    log.write_text(finished_job.log)
    parser = Path(mxnet.__file__).parent / "tools" / "parse_log.py"
    table = subprocess.run(
        [sys.executable, "-W", "ignore", str(parser), str(log)], check=True, text=True, capture_output=True
    ).stdout.splitlines()
    assert table[0] == "| epoch | train-accuracy | val-accuracy | time |"
    assert [line.split("|")[1].strip() for line in table[2:]] == ["1", "2"]


def test_the_history_has_one_line_an_epoch(finished_job: FinishedJob) -> None:
    with open(finished_job.folder / "report" / "history.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"lr", "train-accuracy", "validation-cross-entropy"} <= set(rows[0])


def test_the_page_shows_the_epochs_and_mistakes_of_the_job(finished_job: FinishedJob) -> None:
    page = (finished_job.folder / "report" / "index.html").read_text(encoding="utf-8")
    metrics = json.loads((finished_job.folder / "report" / "metrics.json").read_text())
    wrong = 9 - sum(row["correct"] for row in metrics["classes"])
    assert page.count('<img src="data:image/jpeg;base64,') == wrong
    assert f"{9 - wrong} of 9 right" in page
    assert len(re.findall(r'<tr><th scope="row">\d</th>', page)) == 2
    assert "cpu(0)" in page
    assert sorted(path.name for path in (finished_job.folder / "report").iterdir()) == [
        "confusion.png",
        "curves.png",
        "history.csv",
        "index.html",
        "metrics.json",
    ]
    assert f"report: {finished_job.folder}/report/index.html" in finished_job.log


def test_tensorboard_sees_what_the_history_has(finished_job: FinishedJob) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with open(finished_job.folder / "report" / "history.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    accumulator = EventAccumulator(str(finished_job.folder / "tensorboard")).Reload()
    for tag, column in (("accuracy/validation", "validation-accuracy"), ("learning_rate", "lr")):
        events = [(event.step, event.value) for event in accumulator.Scalars(tag)]
        assert events == [(1 + int(row["epoch"]), pytest.approx(float(row[column]))) for row in rows]


def test_a_checkpoint_is_readable_by_mxnet_itself(finished_job: FinishedJob) -> None:
    from mxnet_support import engine

    mx = engine.import_mxnet()
    symbol, arg_params, aux_params = mx.model.load_checkpoint(str(finished_job.folder / "checkpoints" / "resnet"), 2)
    assert set(symbol.list_auxiliary_states()) == set(aux_params)
    assert arg_params["fc1_weight"].shape == (3, 512)


def test_a_torn_checkpoint_is_passed_over_for_the_one_before(
    finished_job: FinishedJob, packed_data: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_job.folder / "checkpoints", tmp_path / "checkpoints")
    torn = tmp_path / "checkpoints" / "resnet-0002.params"
    torn.write_bytes(torn.read_bytes()[:-100])
    result = run_job(f"--data_url={packed_data}", f"--train_url={tmp_path}", "--num_epochs=2", *TINY_JOB)
    assert "resnet-0002.json is damaged or incomplete, the one before it is tried" in result.stderr
    assert "going on after 1 epochs" in result.stderr
    assert result.returncode == 0


def test_a_checkpoint_of_another_training_is_refused_by_the_name_of_the_flag(
    finished_job: FinishedJob, packed_data: Path
) -> None:
    result = run_job(
        f"--data_url={packed_data}", f"--train_url={finished_job.folder}", *TINY_JOB, "--lr=0.02", "--seed=1"
    )
    assert result.returncode == 1
    assert (
        "--train_url holds checkpoints of another training: lr was 0.01 and is 0.02, seed was 0 and is 1."
        in result.stderr
    )
    assert "Traceback" not in result.stderr


def test_checkpoints_of_other_data_are_refused(finished_job: FinishedJob, drawn_images: Path, tmp_path: Path) -> None:
    pack(drawn_images, tmp_path / "other", PackSettings(resize=64, workers=1, seed=1))
    result = run_job(f"--data_url={tmp_path / 'other'}", f"--train_url={finished_job.folder}", *TINY_JOB)
    assert result.returncode == 1
    assert "--train_url holds checkpoints of another training: data_sha256 was" in result.stderr


def test_without_a_sound_checkpoint_nothing_is_replaced(packed_data: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    marker = tmp_path / "checkpoints" / "resnet-0002.json"
    marker.write_text(json.dumps({"sha256": {"../../escaped.py": "00"}}))
    result = run_job(f"--data_url={packed_data}", f"--train_url={tmp_path}", *TINY_JOB)
    assert result.returncode == 1
    assert "it names the file '../../escaped.py'" in result.stderr
    assert "none of the 1 checkpoints in --train_url is sound. --resume=never starts anew" in result.stderr
    assert marker.exists()


def test_fewer_epochs_than_there_are_train_nothing_and_say_so(
    finished_job: FinishedJob, packed_data: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_job.folder / "checkpoints", tmp_path / "checkpoints")
    result = run_job(f"--data_url={packed_data}", f"--train_url={tmp_path}", "--num_epochs=1", *TINY_JOB)
    assert result.returncode == 0
    assert "--train_url holds a training of 2 epochs already; --num_epochs=1 adds none" in result.stderr
    assert re.search(r"best epoch is [12] of 2", result.stderr)


def test_only_the_newest_checkpoints_and_the_best_weights_are_kept(packed_data: Path, tmp_path: Path) -> None:
    flags = [f"--data_url={packed_data}", f"--train_url={tmp_path}", *TINY_JOB]
    assert run_job(*flags, "--num_epochs=4").returncode == 0
    assert run_job(*flags, "--num_epochs=1", "--resume=never", "--seed=5").returncode == 0
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == [
        "best-0001.params",
        "resnet-0001.json",
        "resnet-0001.params",
        "resnet-0001.states",
        "resnet-symbol.json",
    ]


def test_codes_alone_in_an_empty_folder_under_another_name_trains(packed_data: Path, tmp_path: Path) -> None:
    program = tmp_path / "elsewhere" / "my job"
    shutil.copytree(CODES, program, ignore=shutil.ignore_patterns("__pycache__"))
    # relative paths and slashes at their ends, no project on PYTHONPATH, isolated from this checkout's installation
    os.symlink(packed_data, tmp_path / "data")
    result = run_job(
        "--data_url=data/",
        "--train_url=out/",
        "--num_epochs=1",
        *TINY_JOB,
        cwd=tmp_path,
        boot_file=program / "train_caltech.py",
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "model" / "config.json").exists()
    assert str(ROOT / "codes") not in result.stderr


def test_a_gpu_that_is_not_there_is_a_warning(packed_data: Path, tmp_path: Path) -> None:
    result = run_job(
        f"--data_url={packed_data}",
        f"--train_url={tmp_path}",
        "--num_epochs=1",
        *TINY_JOB,
        "--num_gpus=1",
        "--export_model=0",
    )
    assert result.returncode == 0
    assert "training on the CPU. Pass --num_gpus=0 to say so." in result.stderr
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        (["--data_url=/nowhere", "--train_url={out}"], 1, "--data_url: /nowhere is not a folder."),
        (["--data_url={data}", "--train_url={data}/"], 1, "--train_url is the same folder as --data_url"),
        (
            ["--data_url={data}", "--train_url={out}", "--image_size=48", "--num_classes=5"],
            1,
            "--num_classes=5, but the data has 3 classes. Leave the flag out",
        ),
        (["--data_url={data}", "--train_url={out}", "--image_size=100"], 1, "choose a smaller --image_size"),
        (["--data_url={data}", "--train_url=/proc/no"], 3, "making --train_url /proc/no failed"),
        (
            ["--data_url={data}", "--train_url=S3://b/out"],
            1,
            "only s3:// and obs:// URLs and local paths are understood",
        ),
        (["--data_url={data}"], 2, "the following arguments are required: --train_url"),
    ],
)
def test_a_users_mistake_ends_with_a_sentence_and_its_exit_code(
    flags: list[str], code: int, sentence: str, packed_data: Path, tmp_path: Path
) -> None:
    result = run_job(*[flag.format(data=packed_data, out=tmp_path / "out") for flag in flags])
    assert (result.returncode, sentence in result.stderr, "Traceback" in result.stderr) == (
        code,
        True,
        False,
    ), result.stderr


def test_a_diverging_training_stops_with_advice(packed_data: Path, tmp_path: Path) -> None:
    result = run_job(f"--data_url={packed_data}", f"--train_url={tmp_path}", "--num_epochs=3", *TINY_JOB, "--lr=1e30")
    assert result.returncode == 1
    assert "in epoch 1 of 3: the training has diverged. Choose a smaller --lr (it is 1e+30).\n" in result.stderr
