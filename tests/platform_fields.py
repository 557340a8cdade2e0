"""What the platform's API takes in each body, field by field, and what of a body breaks it (contract 1.6, 2.2, 5).

Written from the contract's tables and not from the code that makes the bodies.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator, Mapping, NamedTuple

Rule = Callable[[Any], bool]


class Field(NamedTuple):
    """One field. inner: those of an object, or of each object of a list. rule: what its value has to be."""

    kind: type
    is_mandatory: bool = False
    rule: Rule | None = None
    inner: Mapping[str, Field] | None = None


def problems_of(body: Any, fields: Mapping[str, Field], place: str = "") -> Iterator[str]:
    """Yield what a body has that the platform does not take, and what it lacks."""
    if not isinstance(body, dict):
        yield f"{place or 'body'}: no object"
        return
    for name in sorted(set(body) - set(fields)):
        yield f"{place}{name}: no such field"
    for name, field in fields.items():
        where = f"{place}{name}"
        if name not in body:
            if field.is_mandatory:
                yield f"{where}: missing"
            continue
        value = body[name]
        if not isinstance(value, field.kind) or isinstance(value, bool) != (field.kind is bool):
            yield f"{where}: {value!r} is no {field.kind.__name__}"
        elif field.rule is not None and not field.rule(value):
            yield f"{where}: {value!r} breaks the rule"
        elif field.inner is not None:
            for item in value if isinstance(value, list) else [value]:
                yield from problems_of(item, field.inner, f"{where}.")


def _matches(pattern: str) -> Rule:
    return lambda value: re.fullmatch(pattern, value) is not None


def _at_most(length: int) -> Rule:
    return lambda value: len(value) <= length


def _one_of(*values: Any) -> Rule:
    return lambda value: value in values


def _between(low: int, high: int) -> Rule:
    return lambda value: low <= value <= high


_bucket_folder = _matches(r"/[a-z0-9.-]{3,63}/(?:[^/\s]+/)*")  # a leading slash, no scheme, a slash at the end
_description = _matches(r"[^&!'\"<>=]{0,100}")
_texts: Rule = lambda value: all(isinstance(text, str) for pair in value.items() for text in pair)  # noqa: E731
_obs = {"obs": Field(dict, True, inner={"obs_url": Field(str, True, _bucket_folder)})}
_channel = {
    "name": Field(str, True, _matches(r"[0-9A-Za-z_-]{1,64}")),
    "local_dir": Field(str, False, _matches(r"/home/ma-user/.+")),
    "remote": Field(dict, True, inner=_obs),
}

TRAINING_JOB = {
    "kind": Field(str, True, _one_of("job")),
    "metadata": Field(
        dict,
        True,
        inner={
            "name": Field(str, True, _matches(r"[0-9A-Za-z_-]{1,64}")),
            "description": Field(str, False, _at_most(256)),
            "workspace_id": Field(str),
            "annotations": Field(dict),
        },
    ),
    "algorithm": Field(
        dict,
        True,
        inner={
            # one of three ways to name an engine; there is none of MXNet, so it is an image, which needs a command
            "engine": Field(dict, True, inner={"image_url": Field(str, True, _matches(r"[\w./-]+:[\w.-]+"))}),
            "command": Field(str, True, lambda value: value.strip() != "" and "\n" not in value),
            "code_dir": Field(str, False, _bucket_folder),
            "boot_file": Field(str),
            "parameters": Field(list, inner={"name": Field(str, True), "value": Field(str, True)}),
            "inputs": Field(list, inner=_channel),
            "outputs": Field(list, inner=_channel),
            "environments": Field(dict, False, lambda value: len(value) <= 100 and "$" not in json.dumps(value)),
            "local_code_dir": Field(str, False, _matches(r"/home/.+")),
            "working_dir": Field(str),
        },
    ),
    "spec": Field(
        dict,
        True,
        inner={
            "resource": Field(
                dict,
                True,
                inner={
                    "flavor_id": Field(str, True, _matches(r"\S+")),
                    "node_count": Field(int, True, lambda value: value >= 1),
                    "pool_id": Field(str),
                },
            ),
            "log_export_path": Field(dict, inner={"obs_url": Field(str, True, _bucket_folder)}),
            "volumes": Field(list),
            "auto_stop": Field(
                dict,
                inner={"time_unit": Field(str, True, _one_of("HOURS")), "duration": Field(int, True, lambda h: h >= 1)},
            ),
        },
    ),
}
JOB_ACTION = {"action_type": Field(str, True, _one_of("terminate"))}
JOB_SEARCH = {
    "offset": Field(int, False, lambda value: value >= 0),
    "limit": Field(int, False, _between(1, 50)),
    "filters": Field(
        list,
        inner={
            "key": Field(str, True),
            "operator": Field(str, True, _one_of("between", "like", "in", "not")),
            "value": Field(list, True),
        },
    ),
}
MODEL = {
    "model_name": Field(str, True, _matches(r"[A-Za-z][0-9A-Za-z_-]{0,47}")),
    "model_version": Field(str, True, _matches(r"(?:0|[1-9]\d?)\.(?:0|[1-9]\d?)\.(?:0|[1-9]\d?)")),
    "source_location": Field(str, True, _matches(r"https://[a-z0-9.-]+\.obs\.[a-z0-9-]+\.myhuaweicloud\.com/\S+[^/]")),
    "model_type": Field(str, True, _one_of("Image")),
    "initial_config": Field(str, True, lambda text: not list(problems_of(json.loads(text), CONFIG))),
    "model_algorithm": Field(str, False, _matches(r"[A-Za-z][^&!'\"<>=\\]{0,35}")),
    "install_type": Field(list, False, lambda value: set(value) <= {"real-time", "batch"}),
    "description": Field(str, False, _description),
    "workspace_id": Field(str),
}
CONFIG = {
    "model_algorithm": Field(str, True, _matches(r"[A-Za-z][^&!'\"<>=\\]{0,35}")),
    "model_type": Field(str, True, _one_of("Image")),
    "swr_location": Field(str, True, _matches(r"[\w./-]+:[\w.-]+")),
    "metrics": Field(dict),
    # neither runtime nor dependencies: those of other types, and refused beside an image
    "apis": Field(list, False, lambda value: all(api["url"] == "/" and api["protocol"] == "http" for api in value)),
    "health": Field(
        dict,
        True,
        inner={
            "protocol": Field(str, False, _one_of("http")),
            "url": Field(str, True, _matches(r"/\S+")),
            "initial_delay_seconds": Field(str, False, _matches(r"\d+")),
            "timeout_seconds": Field(str, False, _matches(r"\d+")),
        },
    ),
}
SERVICE = {
    "service_name": Field(str, True, _matches(r"[A-Za-z][0-9A-Za-z_-]{0,47}")),
    "infer_type": Field(str, True, _one_of("real-time")),
    "description": Field(str, False, _at_most(100)),
    "workspace_id": Field(str),
    "schedule": Field(
        list,
        inner={
            "type": Field(str, True, _one_of("stop")),
            "time_unit": Field(str, True, _one_of("DAYS", "HOURS", "MINUTES")),
            "duration": Field(int, True, lambda value: value >= 1),
        },
    ),
    "config": Field(
        list,
        True,
        lambda value: sum(item.get("weight", 0) for item in value) == 100,
        inner={
            "model_id": Field(str, True),
            "weight": Field(int, True),
            "specification": Field(str, True, _matches(r"\S+")),
            "instance_count": Field(int, True, _between(1, 128)),
            "envs": Field(dict, False, lambda value: _texts(value) and " " not in "".join(value.values())),
            "deploy_timeout_in_seconds": Field(int, False, _between(3 * 60, 120 * 60)),
        },
    ),
}
SERVICE_CHANGE = {"status": Field(str, True, _one_of("running", "stopped"))}
