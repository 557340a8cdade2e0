"""`submit` from a folder to a prediction, against a stub of the platform that checks signatures and bodies."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.fixtures_engines import ROOT
from tests.platform_stub import PROJECT, SECRET_KEY, refusal
from tests.submissions import Bundle, keys_in

JOBS, MODELS, SERVICES = f"/v2/{PROJECT}/training-jobs", f"/v1/{PROJECT}/models", f"/v1/{PROJECT}/services"


def label_of(bundle: Bundle, kind: str) -> str:
    return next(thing["label"] for thing in bundle.state["made"] if thing["kind"] == kind)


def test_a_bundle_is_uploaded_trained_imported_deployed_asked_and_stopped(bundle: Bundle, s3_client: Any) -> None:
    done = bundle.submit("--param=num_epochs=8")
    assert done.code == 0, done.out + done.err
    made = [re.sub("[0-9a-f-]{36}", "ID", path) for path in bundle.stub.paths("POST")]
    assert made == [JOBS, MODELS, SERVICES, "/v1/infers/ID"]
    assert len(bundle.stub.paths("PUT")) == 1 and len(bundle.stub.paths("DELETE")) == 1
    assert bundle.stub.of_kind("service") == []
    assert "run/codes/train_caltech.py" in keys_in(s3_client, bundle.bucket)
    assert "run/mxnet_format/Caltech101_train.rec" in keys_in(s3_client, bundle.bucket)
    told = re.sub(r"trial-[0-9a-f]{8}", "LABEL", re.sub("[0-9a-f-]{36}", "ID", done.out))
    for line in (
        "2/5 train",
        "from now on it costs money: 1 x modelarts.vm.cpu.8u, until the job ends, for 12 h at most",
        "training job LABEL: Running",
        "  | epoch 1",
        "  | Training completed.",
        "model LABEL: published",
        "from now on it costs money: 1 x modelarts.vm.cpu.2u, until the service is stopped, for 1 h at most",
        f"{bundle.folder}/cat.jpg: cat 0.90 (cat 0.900, dog 0.100)",
        "service LABEL: deleted",
    ):
        assert line in told.splitlines()
    assert told.splitlines()[-4:] == [
        "nothing of this submission runs",
        "left, and does not run: training job LABEL, model LABEL",
        "  delete it with: modelarts-local submit cleanup trial",
        f"stored, which costs by its size: s3://{bundle.bucket}/run/ (nothing there is deleted)",
    ]


def test_the_job_is_told_where_everything_lies(bundle: Bundle) -> None:
    assert bundle.submit("--param=num_epochs=8", "--nodes=2", "--job-hours=3", "--until=train").code == 0
    body = bundle.stub.bodies("POST", "training-jobs$")[0]
    algorithm, label = body["algorithm"], label_of(bundle, "training job")
    assert body["metadata"]["name"] == label
    assert algorithm["engine"] == {"image_url": "org/mxnet-train:1"}
    assert algorithm["code_dir"] == f"/{bundle.bucket}/run/codes/"
    assert algorithm["command"] == "python3 /home/ma-user/modelarts/user-job-dir/codes/train_caltech.py"
    assert algorithm["parameters"] == [{"name": "num_epochs", "value": "8"}]
    assert algorithm["inputs"][0]["remote"] == {"obs": {"obs_url": f"/{bundle.bucket}/run/mxnet_format/"}}
    assert algorithm["outputs"][0]["remote"] == {"obs": {"obs_url": f"/{bundle.bucket}/run/output/{label}/"}}
    assert body["spec"]["resource"] == {"flavor_id": "modelarts.vm.cpu.8u", "node_count": 2}
    assert body["spec"]["auto_stop"] == {"time_unit": "HOURS", "duration": 3}


def test_the_model_is_imported_as_that_of_an_image_and_the_jobs_own_package_stays(
    bundle: Bundle, s3_client: Any
) -> None:
    assert bundle.submit("--keep").code == 0
    output = f"run/output/{label_of(bundle, 'training job')}"

    def config_in(folder: str) -> Any:
        key = f"{output}/{folder}model/config.json"
        return json.loads(s3_client.get_object(Bucket=bundle.bucket, Key=key)["Body"].read())

    imported, body = config_in("image/"), bundle.stub.bodies("POST", "models$")[0]
    assert imported == json.loads(body["initial_config"])
    assert (imported["model_type"], imported["swr_location"]) == ("Image", "swr.example.com/org/mxnet-serve:1")
    assert imported["apis"] == [{**api, "protocol": "http"} for api in config_in("")["apis"]]
    assert not {"runtime", "dependencies"} & set(imported)
    assert config_in("")["model_type"] == "MXNet"
    place = f"https://{bundle.bucket}.obs.cn-north-4.myhuaweicloud.com/{output}/image"
    assert body["source_location"] == place
    names = {key.rpartition("/")[2] for key in keys_in(s3_client, bundle.bucket, f"{output}/image/")}
    assert names >= {"pred_model-0000.params", "pred_model-symbol.json", "synset.txt", "config.json"}


def test_the_service_is_deployed_with_the_variables_of_the_handler_and_stops_itself(bundle: Bundle) -> None:
    done = bundle.submit("--keep", "--service-hours=2", "--serve-env=LOG_LEVEL=info")
    body = bundle.stub.bodies("POST", "services$")[0]
    assert body["config"][0]["envs"] == {
        "input_data_name": "images",
        "input_data_shape": "0,3,96,96",
        "output_data_shape": "0,3",
        "LOG_LEVEL": "info",
    }
    assert body["schedule"] == [{"type": "stop", "time_unit": "HOURS", "duration": 2}]
    assert done.code == 0 and len(bundle.stub.of_kind("service")) == 1
    assert "RUNS AND COSTS MONEY until it is stopped:" in done.out.splitlines()[-5:]
    assert "the platform itself stops it after 2 h" in done.out


def test_the_same_command_goes_on_where_it_ended_and_makes_nothing_twice(bundle: Bundle) -> None:
    assert bundle.submit("--until=train").code == 0
    done = bundle.submit("--until=import")
    assert done.code == 0 and "is there already: Completed" in done.out
    assert bundle.submit().code == 0
    assert [path for path in bundle.stub.paths("POST") if "infers" not in path] == [JOBS, MODELS, SERVICES]


def test_a_second_submission_of_that_name_uploads_only_what_changed(bundle: Bundle) -> None:
    assert bundle.submit("--until=upload").code == 0
    (bundle.folder / "codes" / "more.py").write_text("")
    done = bundle.submit("--until=upload")
    assert f"uploaded 1 of 2 files of {bundle.folder}/codes" in done.out
    assert f"uploaded 0 of 2 files of {bundle.folder}/mxnet_format" in done.out
    assert "nothing of this submission runs" in done.out


def test_our_own_codes_pass_what_is_checked_before_they_are_uploaded(bundle: Bundle, s3_client: Any) -> None:
    done = bundle.submit(f"--codes={ROOT / 'codes'}", "--until=upload", "--param=num_epochs=8")
    assert done.code == 0, done.err
    uploaded = keys_in(s3_client, bundle.bucket, "run/codes/")
    assert {f"run/codes/{name}" for name in ("train_caltech.py", "moxing_shim/file.py")} <= set(uploaded)


def test_other_settings_do_not_go_on_with_what_was_made_with_the_first(bundle: Bundle) -> None:
    assert bundle.submit("--until=train").code == 0
    done = bundle.submit("--train-flavor=modelarts.vm.gpu.p4", "--param=num_epochs=9")
    assert done.code == 2
    assert "what is left of trial was made with another --param, --train-flavor. Give that again to go on" in done.err
    assert "modelarts-local submit cleanup trial" in done.err


def test_dry_run_prints_the_requests_that_are_sent_later_and_sends_nothing(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUAWEICLOUD_SDK_SK")
    planned = json.loads(bundle.submit("--dry-run", "--json").out)
    assert bundle.stub.server.requests == [] and not bundle.state_path.exists()
    assert [item["files"] for item in planned["uploads"]] == [1, 2]
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", SECRET_KEY)
    assert bundle.submit().code == 0
    sent = [(request.method, request.path.split("?")[0]) for request in bundle.stub.server.requests]
    sent = [(method, re.sub("[0-9a-f-]{36}", "ID", path)) for method, path in dict.fromkeys(sent)]
    expected = [(each["method"], each["url"][len(bundle.stub.server.url) :]) for each in planned["requests"]]
    expected = [(method, re.sub(r"\{\w+_id\}", "ID", path)) for method, path in expected]
    assert list(dict.fromkeys(expected)) == [pair for pair in dict.fromkeys(sent) if "infers" not in pair[1]]
    for pattern in ("training-jobs", "services"):
        body = next(each["body"] for each in planned["requests"] if each["url"].endswith(pattern) and each["body"])
        assert set(body) == set(bundle.stub.bodies("POST", f"{pattern}$")[0])


def test_dry_run_prints_method_url_and_body(bundle: Bundle) -> None:
    done = bundle.submit("--dry-run", "--until=train", "--param=num_epochs=8")
    lines = done.out.splitlines()
    assert lines[0].startswith("upload 1 file, ") and lines[0].endswith(f" to s3://{bundle.bucket}/run/codes/")
    assert f"POST {bundle.stub.server.url}{JOBS}" in lines
    assert '"name": "num_epochs",' in map(str.strip, lines)
    assert lines[-1] == "nothing was sent"


@pytest.mark.parametrize("flags", [["--dry-run"], []])
def test_a_parameter_that_the_code_does_not_know_is_told_before_anything_is_paid_for(
    flags: list[str], bundle: Bundle
) -> None:
    done = bundle.submit(*flags, "--until=train", "--param=num_epoch=8")
    said = done.err if flags else done.out
    told = [line for line in said.splitlines() if "warning: " in line]
    assert "no --num_epoch among the job's flags. Set num_epochs instead of num_epoch" in told[-1]


def test_json_is_one_object_and_the_bill_goes_to_standard_error(bundle: Bundle) -> None:
    done = bundle.submit("--json", "--keep")
    told = json.loads(done.out)
    assert (told["name"], told["costs"], told["cleanup"]) == ("trial", True, "modelarts-local submit cleanup trial")
    assert [(thing["kind"], thing["runs"]) for thing in told["made"]] == [
        ("training job", False),
        ("model", False),
        ("service", True),
    ]
    assert told["prediction"]["answer"]["predicted_label"] == "cat"
    assert "RUNS AND COSTS MONEY until it is stopped:" in done.err


def test_no_key_is_told_or_kept(bundle: Bundle) -> None:
    done = bundle.submit("--json", "--keep")
    assert SECRET_KEY not in done.out + done.err + bundle.state_path.read_text()
    assert "AKTESTONLY" not in done.out + done.err + bundle.state_path.read_text()


def test_temporary_keys_go_with_their_token(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUAWEICLOUD_SDK_SECURITY_TOKEN", "temporary")
    assert bundle.submit().code == 0
    requests = bundle.stub.server.requests
    assert {request.headers["X-Security-Token"] for request in requests} == {"temporary"}
    assert all("x-security-token" in request.headers["Authorization"] for request in requests)


def test_code_and_data_that_lie_in_the_bucket_are_used_as_they_are(bundle: Bundle) -> None:
    places = (f"--codes=obs://{bundle.bucket}/mine/prog", f"--data=s3://{bundle.bucket}/mine/data/")
    done = bundle.submit(*places, "--until=train")
    assert done.code == 0 and "uploaded" not in done.out
    algorithm = bundle.stub.bodies("POST", "training-jobs$")[0]["algorithm"]
    assert algorithm["code_dir"] == f"/{bundle.bucket}/mine/prog/"
    assert algorithm["command"].endswith("/user-job-dir/prog/train_caltech.py")
    assert algorithm["inputs"][0]["remote"] == {"obs": {"obs_url": f"/{bundle.bucket}/mine/data/"}}


def test_the_image_to_serve_in_may_be_built_after_the_training_and_named_then(bundle: Bundle) -> None:
    assert bundle.submit("--serve-image=", "--serve-flavor=", "--image=", "--until=train").code == 0
    done = bundle.submit("--serve-image=org/built-from-it:2")
    assert done.code == 0, done.err
    assert (
        json.loads(bundle.stub.bodies("POST", "models$")[0]["initial_config"])["swr_location"] == "org/built-from-it:2"
    )
    assert len(bundle.stub.bodies("POST", "training-jobs$")) == 1
    assert "org/built-from-it:2 serves the model that it holds; that of this training is in s3://" in done.out


def test_a_service_that_the_gateway_does_not_know_yet_is_asked_again(bundle: Bundle) -> None:
    bundle.stub.predictions.insert(0, refusal(404, "ModelArts.4503", "backend not found"))
    done = bundle.submit()
    assert done.code == 0 and len([path for path in bundle.stub.paths("POST") if "infers" in path]) == 2
