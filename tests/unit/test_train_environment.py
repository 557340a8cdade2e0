"""The variables that a program finds."""

from __future__ import annotations

import json
from pathlib import Path

from modelarts_local.job import environment
from modelarts_local.job.layout import JobLayout
from tests.training_jobs import Places

PLACES = Places(Path("/nowhere"))
URLS = ("--code-dir=s3://b/codes", "--data-url=s3://b/data", "--train-url=s3://b/out")


def variables(contract: str, *hosts: str, number: int = 0, flags: tuple[str, ...] = ()) -> dict[str, str]:
    wanted = PLACES.settings(*URLS, "--name=caltech", f"--contract={contract}", *flags)
    layout = JobLayout(Path("/jobs/j"), contract, "codes")
    node = environment.NodePlace(number, hosts or ("127.0.0.1:6666",))
    return environment.platform_variables(wanted, layout, "job0123abcd", "s3://b/out/V0001/", node)


def test_a_v1_job_finds_dls_and_batch_as_on_modelarts() -> None:
    assert variables("v1") == {
        "DLS_TASK_INDEX": "0",
        "DLS_TASK_NUMBER": "1",
        "DLS_APP_URL": "s3://b/codes/",
        "DLS_DATA_URL": "s3://b/data/",
        "DLS_TRAIN_URL": "s3://b/out/V0001/",
        "DLS_JOB_ID": "job0123abcd",
        "DLS_USER_JOB_DIR": "/jobs/j/work/user-job-dir",
        "DLS_LOCAL_CACHE_PATH": "/jobs/j/work/cache",
        "BATCH_JOB_ID": "job0123abcd",
        "BATCH_TASK_CURRENT_HOST_IP": "127.0.0.1",
        "BATCH_TASK_CURRENT_INSTANCE": "job0123abcd-0",
        "BATCH_CURRENT_HOST": "127.0.0.1:6666",
        "BATCH_caltech.0_HOSTS": "127.0.0.1:6666",
        "PYTHONUNBUFFERED": "1",
    }


def test_a_node_of_a_distributed_v1_job_finds_all_hosts() -> None:
    found = variables("v1", "127.0.0.1:1", "127.0.0.1:2", number=1)
    assert (found["DLS_TASK_INDEX"], found["DLS_TASK_NUMBER"]) == ("1", "2")
    assert (found["BATCH_CUSTOM0_HOSTS"], found["BATCH_CUSTOM1_HOSTS"]) == ("127.0.0.1:1", "127.0.0.1:2")
    assert found["BATCH_WORKER_HOSTS"] == "127.0.0.1:1,127.0.0.1:2"
    assert found["BATCH_CURRENT_HOST"] == "127.0.0.1:2"
    assert "BATCH_caltech.0_HOSTS" not in found


def test_a_v2_job_finds_ma_and_vc_and_its_own_variables() -> None:
    found = variables("v2", flags=("--env=PS_VERBOSE=2", "--gpus=1"))
    inputs = json.loads(found.pop("MA_INPUTS"))
    assert found == {
        "MA_HOME": "/jobs/j/work",
        "MA_MOUNT_PATH": "/jobs/j/work/modelarts",
        "MA_JOB_DIR": "/jobs/j/work/modelarts/user-job-dir",
        "MA_LOG_DIR": "/jobs/j/work/modelarts/log",
        "WORKSPACE": "/jobs/j/work/modelarts/user-job-dir",
        "MA_NUM_HOSTS": "1",
        "MA_NUM_GPUS": "1",
        "MA_TASK_NAME": "worker",
        "MA_VJ_NAME": "ma-job-job0123abcd",
        "MA_CURRENT_IP": "127.0.0.1",
        "VC_TASK_INDEX": "0",
        "VC_WORKER_NUM": "1",
        "VC_WORKER_HOSTS": "127.0.0.1",
        "PYTHONUNBUFFERED": "1",
        "PS_VERBOSE": "2",
    }
    assert inputs == {
        "inputs": [
            {
                "name": "data_url",
                "parameter": {"label": "data_url", "value": "/jobs/j/work/modelarts/inputs/data_url_0"},
                "data_source": {"obs": {"obs_url": "s3://b/data/"}},
            }
        ]
    }


def test_keys_go_by_both_names_and_tokens_and_variables_of_other_jobs_stay_behind() -> None:
    found = environment.inherited(
        {
            "AWS_ACCESS_KEY_ID": "a",
            "S3_SECRET_ACCESS_KEY": "s",
            "HOME": "/h",
            "MODELARTS_TOKEN": "t",
            "MA_INPUTS": "{}",
            "DLS_TASK_INDEX": "7",
            "DMLC_ROLE": "server",
        }
    )
    assert found == {
        "AWS_ACCESS_KEY_ID": "a",
        "S3_ACCESS_KEY_ID": "a",
        "S3_SECRET_ACCESS_KEY": "s",
        "AWS_SECRET_ACCESS_KEY": "s",
        "HOME": "/h",
    }


def test_user_job_dir_comes_first_on_the_module_search_path() -> None:
    layout = JobLayout(Path("/jobs/j"), "v1", "codes")
    own = "/jobs/j/work/user-job-dir:/jobs/j/work/pip-packages:/shim"
    assert environment.python_path(layout, "/shim", None) == own
    assert environment.python_path(layout, "/shim", "/mine") == f"{own}:/mine"


def test_a_job_that_brings_moxing_shim_gets_its_own(tmp_path: Path) -> None:
    layout = JobLayout(tmp_path, "v1", "codes")
    assert environment.moxing_entry(layout, "/ours") == "/ours"
    entry = layout.code / "moxing_shim" / "path_entry"
    entry.mkdir(parents=True)
    (entry / "moxing.py").touch()
    assert environment.moxing_entry(layout, "/ours") == str(entry)


def test_a_worker_is_told_where_the_parameter_server_is() -> None:
    assert environment.dmlc_variables("worker", 9000, 2, 1) == {
        "DMLC_ROLE": "worker",
        "DMLC_PS_ROOT_URI": "127.0.0.1",
        "DMLC_PS_ROOT_PORT": "9000",
        "DMLC_NODE_HOST": "127.0.0.1",
        "DMLC_NUM_WORKER": "2",
        "DMLC_NUM_SERVER": "1",
    }
