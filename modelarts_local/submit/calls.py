"""Every request that `submit` makes, built from what is asked for; nothing is sent here (contract 5.2 to 5.4).

All are plain REST. The platform's own SDK, huaweicloudsdkmodelarts, knows those of training only: it has neither the
import of models nor version 1 of the services (contract 5.5). With it there would be two clients, which sign, repeat
and fail in two ways, 1,300 more files to install, and no body to show before it is sent. The tests send the same
training requests through it and compare.
"""

from __future__ import annotations

import json
from typing import Any, Mapping, NamedTuple, Sequence
from urllib.parse import quote

from ..package.signature import INPUT_SHAPE_VARIABLE, NAME_VARIABLE, OUTPUT_SHAPE_VARIABLE
from ..platform_rules import DEPLOY_LIMIT_S, INPUT_NAME
from .settings import Platform, SubmitSettings, bucket_path

JOB, MODEL, SERVICE = "training job", "model", "service"
# The platform's own folders (contract 1.10); they are named, so that nothing hangs on its defaults
CODES_ON_NODE = "/home/ma-user/modelarts/user-job-dir"
DATA_ON_NODE = "/home/ma-user/modelarts/inputs/data_url_0"
OUTPUT_ON_NODE = "/home/ma-user/modelarts/outputs/train_url_0"
FIRST_TASK = "worker-0"
MODEL_VERSION = "0.0.1"  # what the console proposes first (contract 2.2); each submission has a model of its own
_HEALTH = {"protocol": "http", "url": "/health", "initial_delay_seconds": "30", "timeout_seconds": "5"}


class Call(NamedTuple):
    """One request. path: with the query, after the endpoint. what: the clause that says what it is for.

    is_creating: sent once more after an answer that got lost, it would make a second one.
    """

    method: str
    path: str
    what: str
    body: Mapping[str, Any] | None = None
    is_creating: bool = False


def create_job(platform: Platform, settings: SubmitSettings, label: str) -> Call:
    """Start the training: a v2 job on an image of the user's, since the platform has no MXNet any more (contract 8)."""
    code_name = settings.codes_url.rstrip("/").rpartition("/")[2]
    # No shell runs it, and the platform puts --data_url, --train_url and the parameters behind it
    command = settings.command or f"python3 {CODES_ON_NODE}/{code_name}/{settings.boot_file}"
    resource: dict[str, Any] = {"flavor_id": settings.train_flavor, "node_count": settings.nodes}
    if settings.pool_id:
        resource["pool_id"] = settings.pool_id
    body = {
        "kind": "job",
        "metadata": {"name": label, "description": "made by modelarts-local submit", "workspace_id": "0"},
        "algorithm": {
            "engine": {"image_url": settings.train_image},
            "code_dir": bucket_path(settings.codes_url),
            "command": command,
            "parameters": [{"name": name, "value": value} for name, value in settings.parameters],
            "inputs": [_channel("data_url", DATA_ON_NODE, settings.data_url)],
            "outputs": [_channel("train_url", OUTPUT_ON_NODE, settings.output_url(label))],
        },
        "spec": {
            "resource": resource,
            "log_export_path": {"obs_url": bucket_path(settings.logs_url)},
            # whatever becomes of this computer, the job does not cost for longer
            "auto_stop": {"time_unit": "HOURS", "duration": settings.job_hours},
        },
    }
    return Call("POST", _jobs(platform), "create the training job", body, is_creating=True)


def _channel(name: str, local_dir: str, url: str) -> dict[str, Any]:
    return {"name": name, "local_dir": local_dir, "remote": {"obs": {"obs_url": bucket_path(url)}}}


def job_details(platform: Platform, job_id: str) -> Call:
    """Ask for the state of a job."""
    return Call("GET", _jobs(platform, job_id), "ask for the training job")


def job_log(platform: Platform, job_id: str) -> Call:
    """Ask for the end of a job's log, at most 5 MB."""
    return Call("GET", f"{_jobs(platform, job_id)}/tasks/{FIRST_TASK}/logs/preview", "read the log")


def stop_job(platform: Platform, job_id: str) -> Call:
    """End a job that waits or runs."""
    body = {"action_type": "terminate"}
    return Call("POST", f"{_jobs(platform, job_id)}/actions", "stop the training job", body)


def import_model(
    platform: Platform, settings: SubmitSettings, label: str, package_url: str, config: Mapping[str, Any]
) -> Call:
    """Import a package, whose model/config.json `config` is, as a model of an image of the user's."""
    bucket, _, key = package_url[len("s3://") :].partition("/")
    body = {
        "model_name": label,
        "model_version": MODEL_VERSION,
        "model_type": "Image",
        "source_location": f"https://{bucket}.{platform.obs_host}/{quote(key.rstrip('/'))}",
        "model_algorithm": config["model_algorithm"],
        "initial_config": json.dumps(config, ensure_ascii=False),
        "install_type": ["real-time"],
        "description": "made by modelarts-local submit",
        "workspace_id": "0",
    }
    return Call("POST", _models(platform), "import the model", body, is_creating=True)


def config_of_image(config: Mapping[str, Any], swr_location: str) -> dict[str, Any]:
    """Return config.json of an MXNet package as one whose model runs in an image (contract 2.3).

    An image brings its own runtime and packages, so these go: the platform refuses dependencies beside it. To an engine
    of its own the platform speaks https; what listens in an image is ours, and speaks http.
    """
    kept = {name: value for name, value in config.items() if name not in ("runtime", "dependencies")}
    apis = [{**api, "protocol": "http"} for api in config.get("apis") or () if isinstance(api, dict)]
    return {**kept, "apis": apis, "model_type": "Image", "swr_location": swr_location, "health": _HEALTH}


def model_details(platform: Platform, model_id: str) -> Call:
    """Ask for the state of a model."""
    return Call("GET", _models(platform, model_id), "ask for the model")


def deploy_service(
    platform: Platform, settings: SubmitSettings, label: str, model_id: str, variables: Mapping[str, str]
) -> Call:
    """Deploy a model. variables: what its handler finds in the environment."""
    config = {
        "model_id": model_id,
        "weight": 100,
        "specification": settings.serve_flavor,
        "instance_count": 1,
        "envs": {**variables, **dict(settings.serve_variables)},
        "deploy_timeout_in_seconds": DEPLOY_LIMIT_S,
    }
    body = {
        "service_name": label,
        "infer_type": "real-time",
        "description": "made by modelarts-local submit",
        "workspace_id": "0",
        # whatever becomes of this computer, the service does not cost for longer
        "schedule": [{"type": "stop", "time_unit": "HOURS", "duration": settings.service_hours}],
        "config": [config],
    }
    return Call("POST", _services(platform), "deploy the service", body, is_creating=True)


def deployment_variables(image_size: Sequence[int], classes: int) -> dict[str, str]:
    """Return the three variables that an MXNet image service is deployed with (contract 3.2). image_size: h, w."""
    height, width = image_size
    return {
        NAME_VARIABLE: INPUT_NAME,
        INPUT_SHAPE_VARIABLE: f"0,3,{height},{width}",
        OUTPUT_SHAPE_VARIABLE: f"0,{classes}",
    }


def service_details(platform: Platform, service_id: str) -> Call:
    """Ask for the state of a service."""
    return Call("GET", _services(platform, service_id), "ask for the service")


def stop_service(platform: Platform, service_id: str) -> Call:
    """Take a service off its machine; it stays and could be started again."""
    return Call("PUT", _services(platform, service_id), "stop the service", {"status": "stopped"})


def details(platform: Platform, kind: str, thing_id: str) -> Call:
    """Ask for the state of a JOB, MODEL or SERVICE."""
    return {JOB: job_details, MODEL: model_details, SERVICE: service_details}[kind](platform, thing_id)


def delete(platform: Platform, kind: str, thing_id: str) -> Call:
    """Delete a JOB, MODEL or SERVICE."""
    path = {JOB: _jobs, MODEL: _models, SERVICE: _services}[kind](platform, thing_id)
    return Call("DELETE", path, f"delete the {kind}")


def find(platform: Platform, kind: str, label: str) -> Call:
    """Ask for all of a kind whose names hold `label`."""
    if kind == JOB:
        path = f"/v2/{platform.project_id}/training-job-searches"
        body = {"offset": 0, "limit": 50, "filters": [{"key": "name", "operator": "like", "value": [label]}]}
        return Call("POST", path, "look for the training job", body)
    path = f"{_models(platform)}?model_name=" if kind == MODEL else f"{_services(platform)}?service_name="
    return Call("GET", f"{path}{quote(label)}", f"look for the {kind}")


def found_ids(kind: str, label: str, answer: Mapping[str, Any]) -> list[str]:
    """Return the ids in an answer to `find` of what has exactly that name."""
    if kind == JOB:
        found: list[Any] = [item.get("metadata") for item in objects_in(answer, "items")]
        name, number = "name", "id"
    else:
        found = objects_in(answer, f"{kind}s")
        name, number = f"{kind}_name", f"{kind}_id"
    return [str(each[number]) for each in found if isinstance(each, dict) and each.get(name) == label]


def objects_in(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in a list of an answer; none where it is no list."""
    items = answer.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def id_in(kind: str, answer: Mapping[str, Any]) -> str:
    """Return the id in the answer to the request that created a JOB, MODEL or SERVICE; empty when it holds none."""
    if kind == JOB:
        metadata = answer.get("metadata")
        return str(metadata.get("id") or "") if isinstance(metadata, dict) else ""
    return str(answer.get(f"{kind}_id") or "")


def _jobs(platform: Platform, *parts: str) -> str:
    return "/".join(("", "v2", platform.project_id, "training-jobs", *parts))


def _models(platform: Platform, *parts: str) -> str:
    return "/".join(("", "v1", platform.project_id, "models", *parts))


def _services(platform: Platform, *parts: str) -> str:
    return "/".join(("", "v1", platform.project_id, "services", *parts))
