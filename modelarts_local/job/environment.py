"""The variables that a program finds on the platform: DLS_*, BATCH_* in v1, MA_*, VC_* in v2 (contract 1.4, 1.10)."""

from __future__ import annotations

import json
import os
from typing import Mapping, NamedTuple

from .layout import JobLayout
from .settings import JobSettings

HOST = "127.0.0.1"
# What a job of either kind is told and never inherits from the shell it was started in
_PLATFORM_PREFIXES = ("DLS_", "BATCH_", "MA_", "VC_", "DMLC_")
_KEY_TWINS = (
    ("AWS_ACCESS_KEY_ID", "S3_ACCESS_KEY_ID"),
    ("AWS_SECRET_ACCESS_KEY", "S3_SECRET_ACCESS_KEY"),
)
_MODELARTS_TOKENS = ("MODELARTS_TOKEN", "MODELARTS_APP_CODE")


class NodePlace(NamedTuple):
    """One node among all: its number, and host:port of every node in order."""

    number: int
    hosts: tuple[str, ...]


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a job takes over from this process: all but the platform's own variables and tokens.

    The keys of the storage go by two names there (contract 1.4); the missing twin is added.
    """
    taken = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_PLATFORM_PREFIXES) and name not in _MODELARTS_TOKENS
    }
    for first, second in _KEY_TWINS:
        for name, twin in ((first, second), (second, first)):
            if taken.get(name) and not taken.get(twin):
                taken[twin] = taken[name]
    return taken


def python_path(layout: JobLayout, shim: str, inherited_path: str | None) -> str:
    """Return PYTHONPATH: user-job-dir first (contract 1.2), then pip's packages and what `import moxing` finds."""
    own = [str(layout.job_dir), str(layout.packages), shim]
    return os.pathsep.join(own + ([inherited_path] if inherited_path else []))


def moxing_entry(layout: JobLayout, ours: str) -> str:
    """Return the folder on whose account `import moxing` works: that of the job's own moxing_shim, if it has one.

    On the platform MoXing is part of the image. A job that brings moxing_shim must not get two of them.
    ours: that of this installation.
    """
    own = layout.code / "moxing_shim" / "path_entry"
    return str(own) if (own / "moxing.py").is_file() else ours


def platform_variables(
    settings: JobSettings, layout: JobLayout, job_id: str, train_place: str, node: NodePlace
) -> dict[str, str]:
    """Return the variables that the platform sets for one node. train_place: the version folder in v1."""
    if settings.contract == "v1":
        return _v1(settings, layout, job_id, train_place, node)
    return {**_v2(settings, layout, job_id, node), **dict(settings.variables)}


def _v1(settings: JobSettings, layout: JobLayout, job_id: str, train_place: str, node: NodePlace) -> dict[str, str]:
    if len(node.hosts) == 1:
        hosts = {f"BATCH_{settings.name}.0_HOSTS": node.hosts[0]}
    else:
        hosts = {f"BATCH_CUSTOM{index}_HOSTS": host for index, host in enumerate(node.hosts)}
        hosts.update(BATCH_WORKER_HOSTS=",".join(node.hosts), BATCH_TASKGROUP_NAME="worker")
    return {
        "DLS_TASK_INDEX": str(node.number),
        "DLS_TASK_NUMBER": str(len(node.hosts)),
        "DLS_APP_URL": settings.code_url,
        "DLS_DATA_URL": settings.data_url,
        "DLS_TRAIN_URL": train_place,
        "DLS_JOB_ID": job_id,
        "DLS_USER_JOB_DIR": str(layout.job_dir),
        "DLS_LOCAL_CACHE_PATH": str(layout.cache),
        "BATCH_JOB_ID": job_id,
        "BATCH_TASK_CURRENT_HOST_IP": HOST,
        "BATCH_TASK_CURRENT_INSTANCE": f"{job_id}-{node.number}",
        "BATCH_CURRENT_HOST": node.hosts[node.number],
        "PYTHONUNBUFFERED": "1",
        **hosts,
    }


def _v2(settings: JobSettings, layout: JobLayout, job_id: str, node: NodePlace) -> dict[str, str]:
    # No pip mirror and no gateway are there at home, hence no MA_PIP_URL, MA_PIP_HOST and MA_APIGW_ENDPOINT. The
    # platform has S3_VERIFY_SSL=0 for its own network; from home the way leads through others', and it stays as it is.
    inputs = [
        {
            "name": "data_url",
            "parameter": {"label": "data_url", "value": str(layout.inputs)},
            "data_source": {"obs": {"obs_url": settings.data_url}},
        }
    ]
    return {
        "MA_HOME": str(layout.work),
        "MA_MOUNT_PATH": str(layout.mount),
        "MA_JOB_DIR": str(layout.job_dir),
        "MA_LOG_DIR": str(layout.mount / "log"),
        "WORKSPACE": str(layout.job_dir),
        "MA_NUM_HOSTS": str(len(node.hosts)),
        "MA_NUM_GPUS": str(settings.gpus),
        "MA_TASK_NAME": "worker",
        "MA_VJ_NAME": f"ma-job-{job_id}",
        "MA_CURRENT_IP": HOST,
        "VC_TASK_INDEX": str(node.number),
        "VC_WORKER_NUM": str(len(node.hosts)),
        "VC_WORKER_HOSTS": ",".join(host.partition(":")[0] for host in node.hosts),
        "MA_INPUTS": json.dumps({"inputs": inputs}),
        "PYTHONUNBUFFERED": "1",
    }


def dmlc_variables(role: str, port: int, num_workers: int, num_servers: int) -> dict[str, str]:
    """Return what MXNet's parameter server needs to know in each process of a distributed job.

    role: "scheduler", "server" or "worker". port: the scheduler's, on this computer and reachable from no other.
    That the platform sets these is not established (contract 9).
    """
    return {
        "DMLC_ROLE": role,
        "DMLC_PS_ROOT_URI": HOST,
        "DMLC_PS_ROOT_PORT": str(port),
        "DMLC_NODE_HOST": HOST,
        "DMLC_NUM_WORKER": str(num_workers),
        "DMLC_NUM_SERVER": str(num_servers),
    }
