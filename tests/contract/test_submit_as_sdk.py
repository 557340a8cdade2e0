"""`submit` asks for training jobs in the same words as the platform's own SDK, huaweicloudsdkmodelarts."""

from __future__ import annotations

import importlib
import json
import os
import re
from typing import Any, Callable, Mapping

import pytest

from modelarts_local.submit import calls
from modelarts_local.submit.calls import JOB, Call
from modelarts_local.submit.settings import Platform, SubmitSettings
from tests.platform_stub import ACCESS_KEY, PROJECT, SECRET_KEY
from tests.scripted_server import Answer, Request, ScriptedServer

LABEL, JOB_ID = "trial-0a1b2c3d", "425b7087-83de-49ed-9e40-5bb642be956f"
SETTINGS = SubmitSettings(
    name="trial",
    codes="s3://b/run/codes/",
    boot_file="train_caltech.py",
    data="s3://b/mxnet_format/",
    root="s3://b/run/",
    parameters=(("num_epochs", "8"), ("recipe", "modern,mixup=0.2")),
    train_image="org/mxnet-train:1",
    train_flavor="modelarts.vm.cpu.8u",
    serve_image="",
    serve_flavor="",
    serve_variables=(),
    picture="",
    last_step="train",
    nodes=2,
    job_hours=3,
    service_hours=1,
    pool_id="pool-1",
    command="",
)


def part_of_sdk(name: str) -> Any:
    """A module of the SDK; CI fails where a user's machine without it skips."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("huaweicloudsdkmodelarts is not installed; `make venv` installs it")
        pytest.skip("huaweicloudsdkmodelarts is not installed")


def as_model(type_name: str, value: Any) -> Any:
    """The SDK's object for a part of a body; a field that its class does not have is a TypeError."""
    listed = re.fullmatch(r"list\[(\w+)\]", type_name)
    if listed:
        return [as_model(listed.group(1), item) for item in value]
    model = getattr(part_of_sdk("huaweicloudsdkmodelarts.v1"), type_name, None)
    if model is None:
        return value
    return model(**{name: as_model(model.openapi_types[name], part) for name, part in value.items()})


@pytest.fixture
def sent_by_sdk(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that has the SDK's client do something and returns the request that came."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    sdk = part_of_sdk("huaweicloudsdkmodelarts.v1")
    keys = part_of_sdk("huaweicloudsdkcore.auth.credentials").BasicCredentials(ACCESS_KEY, SECRET_KEY, PROJECT)

    def send(act: Callable[[Any], Any]) -> Request:
        server = ScriptedServer(lambda request: Answer(200, b"{}", {"Content-Type": "application/json"}))
        with server.running():
            client = sdk.ModelArtsClient.new_builder().with_credentials(keys).with_endpoint(server.url).build()
            act(client)
        return server.requests[0]

    return send


def assert_alike(ours: Call, theirs: Request) -> None:
    body: Mapping[str, Any] | None = json.loads(theirs.body) if theirs.body else None
    assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, body)


@pytest.fixture
def platform() -> Platform:
    return Platform(
        "https://modelarts.cn-north-4.myhuaweicloud.com", "cn-north-4", PROJECT, "obs.cn-north-4.example.com"
    )


def test_both_create_a_training_job_alike(sent_by_sdk: Any, platform: Platform) -> None:
    sdk = part_of_sdk("huaweicloudsdkmodelarts.v1")
    ours = calls.create_job(platform, SETTINGS, LABEL)
    request = sdk.CreateTrainingJobRequest(body=as_model("Job", ours.body))
    assert_alike(ours, sent_by_sdk(lambda client: client.create_training_job(request)))


def test_a_field_that_the_sdk_does_not_have_is_found(platform: Platform) -> None:
    body = dict(calls.create_job(platform, SETTINGS, LABEL).body or {})
    with pytest.raises((TypeError, KeyError)):
        as_model("Job", {**body, "spec": {"resources": {}}})


@pytest.mark.parametrize(
    ("ours", "class_name", "method", "arguments"),
    [
        (calls.job_details, "ShowTrainingJobDetailsRequest", "show_training_job_details", {}),
        (calls.job_log, "ShowTrainingJobLogsPreviewRequest", "show_training_job_logs_preview", {"task_id": "worker-0"}),
        (calls.stop_job, "StopTrainingJobRequest", "stop_training_job", {"body": {"action_type": "terminate"}}),
        (lambda where, job: calls.delete(where, JOB, job), "DeleteTrainingJobRequest", "delete_training_job", {}),
    ],
)
def test_both_ask_for_stop_and_delete_a_training_job_alike(
    ours: Any, class_name: str, method: str, arguments: Any, sent_by_sdk: Any, platform: Platform
) -> None:
    request = getattr(part_of_sdk("huaweicloudsdkmodelarts.v1"), class_name)(training_job_id=JOB_ID, **arguments)
    assert_alike(ours(platform, JOB_ID), sent_by_sdk(lambda client: getattr(client, method)(request)))


def test_both_look_for_a_training_job_alike(sent_by_sdk: Any, platform: Platform) -> None:
    ours = calls.find(platform, JOB, LABEL)
    request = part_of_sdk("huaweicloudsdkmodelarts.v1").ListTrainingJobsRequest(body=as_model("JobSearches", ours.body))
    assert_alike(ours, sent_by_sdk(lambda client: client.list_training_jobs(request)))
