"""The custom images, built by their Dockerfiles as folders: a job trains in one, and a service answers in the other."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import image_roots
from tests.fixtures_engines import KINDS_USED, ROOT, TINY_JOB
from tests.image_roots import Image

pytestmark = pytest.mark.images

MODELARTS = "home/ma-user/modelarts"
INPUT, OUTPUT = f"{MODELARTS}/inputs/data_url_0", f"{MODELARTS}/outputs/train_url_0"
# What the platform tells a v2 job of one node (contract 1.10)
JOB = {
    "MA_HOME": "/home/ma-user",
    "MA_MOUNT_PATH": f"/{MODELARTS}",
    "MA_JOB_DIR": f"/{MODELARTS}/user-job-dir",
    "MA_NUM_HOSTS": "1",
    "MA_NUM_GPUS": "0",
    "MA_TASK_NAME": "worker",
    "MA_VJ_NAME": "ma-job-1",
    "MA_CURRENT_IP": "127.0.0.1",
    "VC_TASK_INDEX": "0",
    "VC_WORKER_NUM": "1",
    "VC_WORKER_HOSTS": "ma-job-1-worker-0.ma-job-1",
}
ASK_TIMEOUT_S = 120
# Two containers that reach each other: here two programs with one loopback, each with folders of its own
BOTH_NODES = """
for node in 0 1; do
    export MA_CURRENT_IP=127.0.0.$((node + 1)) VC_TASK_INDEX=$node MA_MOUNT_PATH=/home/ma-user/node$node
    train-caltech "$@" &
    workers="${workers:-} $!"
done
for worker in $workers; do wait "$worker" || exit 1; done
"""
GET = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"


@pytest.fixture(scope="module")
def can_make_roots() -> None:
    """Skip where no root can be made; CI fails there."""
    reason = image_roots.why_not()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def written_context(folder: Path, image: str, *package: str) -> Path:
    subprocess.run([str(ROOT / "images" / "make-context"), image, str(folder), *package], check=True)
    return folder


@pytest.fixture(scope="module")
def training(can_make_roots: None, packed_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The training image, with the data where the platform lays it."""
    folder = tmp_path_factory.mktemp("training")
    with image_roots.built(written_context(folder / "context", "training")) as image:
        lay_in(image, packed_data, INPUT)
        make_own(image, OUTPUT)
        yield image


def lay_in(image: Image, source: Path, place: str) -> None:
    shutil.copytree(source, image.root / place)


def make_own(image: Image, place: str) -> None:
    """Make a folder that belongs to the user of the jobs, as the platform's do."""
    (image.root / place).mkdir(parents=True)
    os.chown(image.root / place, *image.user)


@pytest.fixture(scope="module")
def trained(training: Image) -> Any:
    """What came of a job whose folders the platform names by flags, one of which the program cannot know."""
    flags = (f"--data_url=/{INPUT}", f"--train_url=/{OUTPUT}", "--unheard_of=1", "--num_epochs=1", *TINY_JOB)
    return training.run(*training.command, *flags, environment=JOB)


def test_a_job_trains_from_one_local_folder_into_the_other(training: Image, trained: Any) -> None:
    assert trained.returncode == 0, trained.stdout
    model = training.root / OUTPUT / "model"
    assert sorted(path.name for path in model.iterdir()) == [
        "config.json",
        "customize_service.py",
        "pred_model-0000.params",
        "pred_model-symbol.json",
        "preprocessing.json",
        "synset.txt",
    ]
    assert (model / "synset.txt").read_text().split() == list(KINDS_USED)


def test_what_a_job_leaves_belongs_to_the_user_of_the_platform(training: Image, trained: Any) -> None:
    config = (training.root / OUTPUT / "model" / "config.json").stat()
    assert (config.st_uid, config.st_gid) == (1000, 100)


def test_all_that_a_job_logs_is_on_standard_output(trained: Any) -> None:
    assert "Validation-accuracy" in trained.stdout
    assert trained.stderr == ""


def test_a_job_without_flags_takes_the_folders_of_the_platform(training: Image) -> None:
    tried = training.run(*training.command, environment={**JOB, "MA_MOUNT_PATH": "/home/ma-user/elsewhere"})
    assert tried.returncode == 1
    assert "--data_url: /home/ma-user/elsewhere/inputs/data_url_0 is not a folder" in tried.stdout
    assert "--train_url=/home/ma-user/elsewhere/outputs/train_url_0" in tried.stdout


def test_the_code_directory_of_a_job_comes_before_the_code_of_the_image(training: Image) -> None:
    code = training.root / "home/ma-user/code-of-job/user-job-dir/my-codes"
    code.mkdir(parents=True)
    (code / "train_caltech.py").write_text("import sys; print('changed', sys.argv[-1])")
    told = {**JOB, "MA_JOB_DIR": "/home/ma-user/code-of-job/user-job-dir"}
    done = training.run(*training.command, "--num_epochs=8", environment=told)
    assert done.stdout.endswith("changed --num_epochs=8\n")


def test_python3_is_the_python_that_has_mxnet(training: Image) -> None:
    # for a boot command that is python3 and the path of a program in the job's code directory
    done = training.run("python3", "-c", "import mxnet; print(mxnet.__version__)")
    assert done.stdout == "1.9.1\n"


def test_two_nodes_of_a_job_train_together(training: Image, packed_data: Path) -> None:
    names = ["ma-job-2-worker-0.ma-job-2", "ma-job-2-worker-1.ma-job-2"]
    with open(training.root / "etc/hosts", "a") as hosts:
        hosts.write(f"127.0.0.1 {names[0]}\n127.0.0.2 {names[1]}\n")
    for node in "01":
        lay_in(training, packed_data, f"home/ma-user/node{node}/inputs/data_url_0")
        make_own(training, f"home/ma-user/node{node}/outputs/train_url_0")
    told = {
        **JOB,
        "MA_NUM_HOSTS": "2",
        "VC_WORKER_NUM": "2",
        "VC_WORKER_HOSTS": ",".join(names),
        "OMP_NUM_THREADS": "1",
    }
    done = training.run("sh", "-c", BOTH_NODES, "sh", "--num_epochs=1", *TINY_JOB, environment=told)
    assert done.returncode == 0, done.stdout
    written = [node for node in "01" if (training.root / f"home/ma-user/node{node}/outputs/train_url_0/model").is_dir()]
    assert len(written) == 1  # MXNet's worker 0 alone writes, whichever node that is
    assert "worker 0: report:" in done.stdout


def test_a_node_whose_first_node_has_no_name_says_so(training: Image) -> None:
    script = (training.root / "usr/local/bin/train-caltech").read_text()
    impatient = training.root / "usr/local/bin/train-caltech-impatient"
    impatient.write_text(re.sub(r"seconds_to_wait=\d+", "seconds_to_wait=0", script))
    told = {**JOB, "MA_NUM_HOSTS": "2", "VC_TASK_INDEX": "1", "VC_WORKER_HOSTS": "nobody.invalid,other.invalid"}
    done = training.run("sh", "/usr/local/bin/train-caltech-impatient", environment=told)
    assert done.returncode == 1
    assert "the first node, nobody.invalid, has no address after 0 s" in done.stdout


def test_an_image_has_the_packages_of_the_list_and_no_other(training: Image) -> None:
    told = training.run(
        "python", "-c", "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    )
    installed = {name.lower().replace("-", "_"): version for name, version in map(str.split, told.stdout.splitlines())}
    listed = [line.split("==") for line in image_roots.PACKAGES.read_text().splitlines() if not line.startswith("#")]
    assert installed == {name.lower().replace("-", "_"): version for name, version in listed}


def test_no_trace_of_the_installation_is_left_in_an_image(training: Image) -> None:
    traces = ["pip.conf", "pip.ini", "pip", "pip3", "*.whl", "*.deb", "*_Packages*"]
    names = [word for trace in traces for word in ("-o", "-name", trace)][1:]
    found = training.run("find", "/", "-xdev", "(", *names, ")", "-not", "-path", "/proc/*")
    assert found.stdout.split() == []


@pytest.fixture(scope="module")
def service(training: Image, trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The inference image with the model that the job has trained."""
    assert trained.returncode == 0, trained.stdout
    folder = tmp_path_factory.mktemp("inference")
    context = written_context(folder / "context", "inference", str(training.root / OUTPUT))
    with image_roots.built(context) as image:
        yield image


@pytest.fixture(scope="module")
def serving(service: Image) -> Iterator[Any]:
    """The running service, which has said that it is ready."""
    program = service.start()
    assert program.stdout is not None
    try:
        lines = []
        for line in program.stdout:
            lines.append(line)
            if line.startswith("serving "):
                break
        assert lines and lines[-1] == "serving /opt/caltech/package on http://0.0.0.0:8080\n", "".join(lines)
        yield program
    finally:
        image_roots.end(program)


def beside(program: Any, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of this machine in the network of one that runs in an image."""
    entered = ["nsenter", f"--target={program.pid}", "--net", *command]
    return subprocess.run(entered, capture_output=True, text=True, timeout=ASK_TIMEOUT_S)


def test_the_service_is_healthy_on_every_address_of_its_container(serving: Any) -> None:
    # of the two only the first is 127.0.0.1, where serve listens unless told otherwise
    for address in ("127.0.0.1", "127.0.0.2"):
        told = beside(serving, sys.executable, "-c", GET, f"http://{address}:8080/health")
        assert told.returncode == 0, told.stderr


def test_the_service_answers_a_picture(serving: Any, drawn_images: Path) -> None:
    picture = str(next((drawn_images / KINDS_USED[0]).iterdir()))
    url = "http://127.0.0.2:8080/"
    told = beside(serving, sys.executable, "-m", "modelarts_local", "predict", picture, "--json", f"--url={url}")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["answer"]["predicted_label"] in KINDS_USED


def test_the_service_runs_as_the_user_of_the_platform(serving: Any) -> None:
    status = Path(f"/proc/{image_roots.program_of(serving)}/status").read_text()
    assert re.search(r"^Uid:\s+1000\s+1000", status, re.MULTILINE)
    assert re.search(r"^Gid:\s+100\s+100", status, re.MULTILINE)


def test_the_service_ends_in_peace_when_the_platform_stops_its_container(service: Image, serving: Any) -> None:
    program = image_roots.program_of(serving)
    assert program is not None
    os.kill(program, signal.SIGTERM)
    output, errors = serving.communicate(timeout=ASK_TIMEOUT_S)
    assert (serving.returncode, errors) == (0, ""), output


def test_a_variable_names_another_package(service: Image) -> None:
    done = service.run(*service.command, environment={"MODEL_PACKAGE": "/home/ma-user/other"})
    assert done.returncode == 1
    assert "there is no folder /home/ma-user/other" in done.stdout
