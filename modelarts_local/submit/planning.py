"""`--dry-run`: every request as it would go out, and what would be uploaded; nothing is sent, and no key is needed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Mapping

from obs_layout.transfer import names_to_push

from ..package.model_package import CONFIG_FILE
from . import calls
from .calls import JOB, MODEL, SERVICE, Call
from .cleaning import requests_of
from .settings import DEPLOY, IMPORT, PREDICT, TRAIN, Platform, SubmitSettings, is_url
from .state import State
from .uploading import PACKAGE_FOLDER, sources

_ID = {JOB: "{job_id}", MODEL: "{model_id}", SERVICE: "{service_id}"}
_MODEL_TEMPLATE = Path("model_template") / CONFIG_FILE


def planned_uploads(settings: SubmitSettings) -> list[dict[str, Any]]:
    """Return what would be uploaded where, unless it is there unchanged. Raises CommandLineError."""
    planned = []
    for _, folder, url in sources(settings):
        sizes = [os.path.getsize(folder / name) for name in names_to_push(folder)]
        planned.append({"from": str(folder), "to": url, "files": len(sizes), "bytes": sum(sizes)})
    return planned


def planned_calls(settings: SubmitSettings, platform: Platform, keeps_service: bool) -> list[Call]:
    """Return the requests in their order; ids that the platform gives stand in braces.

    Those that ask for a state are repeated until it is reached.
    """
    label = f"{settings.name}-xxxxxxxx"
    planned: list[Call] = []
    if TRAIN in settings.steps:
        planned += [
            calls.create_job(platform, settings, label),
            calls.job_details(platform, _ID[JOB]),
            calls.job_log(platform, _ID[JOB]),
        ]
    if IMPORT in settings.steps:
        config = calls.config_of_image(_expected_config(settings), settings.serve_image)
        package_url = f"{settings.output_url(label)}{PACKAGE_FOLDER}/"
        planned += [
            calls.import_model(platform, settings, label, package_url, config),
            calls.model_details(platform, _ID[MODEL]),
        ]
    if DEPLOY in settings.steps:
        planned += [
            calls.deploy_service(platform, settings, label, _ID[MODEL], _expected_variables(settings)),
            calls.service_details(platform, _ID[SERVICE]),
        ]
    if PREDICT in settings.steps and not keeps_service:
        planned += [
            calls.stop_service(platform, _ID[SERVICE]),
            calls.service_details(platform, _ID[SERVICE]),
            calls.delete(platform, SERVICE, _ID[SERVICE]),
        ]
    return planned


def show_plan(settings: SubmitSettings, platform: Platform, keeps_service: bool, is_json: bool) -> int:
    """Print the plan and return the exit code."""
    uploads, planned = planned_uploads(settings), planned_calls(settings, platform, keeps_service)
    if is_json:
        requests = [as_json(platform, call) for call in planned]
        print(json.dumps({"dry_run": True, "uploads": uploads, "requests": requests}, indent=2, ensure_ascii=False))
        return 0
    for item in uploads:
        files = f"{item['files']:,} file{'s' * (item['files'] != 1)}"
        print(f"upload {files}, {item['bytes']:,} bytes, of {item['from']} to {item['to']}")
    for call in planned:
        print_call(platform, call)
    if PREDICT in settings.steps:
        print(f"POST the access_address of the service, with {settings.picture} as the field images")
    print("nothing was sent")
    return 0


def show_cleanup(state: State, is_json: bool) -> int:
    """Print the requests with which what is left would be stopped and deleted; returns the exit code."""
    planned = requests_of(state.platform, state)
    if is_json:
        requests = [as_json(state.platform, call) for call in planned]
        print(json.dumps({"dry_run": True, "requests": requests}, indent=2, ensure_ascii=False))
        return 0
    for call in planned:
        print_call(state.platform, call)
    print("nothing was sent")
    return 0


def print_call(platform: Platform, call: Call) -> None:
    """Print a request: method, URL, body."""
    print(f"{call.method} {platform.endpoint}{call.path}")
    if call.body is not None:
        print("\n".join(f"    {line}" for line in json.dumps(call.body, indent=2, ensure_ascii=False).splitlines()))


def as_json(platform: Platform, call: Call) -> dict[str, Any]:
    """Return a request as programs are told it."""
    return {"method": call.method, "url": f"{platform.endpoint}{call.path}", "body": call.body}


def _expected_config(settings: SubmitSettings) -> Mapping[str, Any]:
    """Return the config.json that the job starts from; that of the job has its metrics, too."""
    path = Path(settings.codes) / _MODEL_TEMPLATE
    if is_url(settings.codes) or not path.is_file():
        return {"model_algorithm": "{model_algorithm}"}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _expected_variables(settings: SubmitSettings) -> Mapping[str, str]:
    size = dict(settings.parameters).get("image_size", "224")
    variables = calls.deployment_variables((0, 0), 0)
    shape, output = f"0,3,{size},{size}", "0,{classes}"
    return dict(zip(variables, (*list(variables.values())[:1], shape, output)))
