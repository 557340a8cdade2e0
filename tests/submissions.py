"""What tests of `submit` submit: a bundle on the disk, a bucket, and the stub of the platform that it goes to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from tests.asking import Asked, run_command
from tests.fixtures_engines import ROOT
from tests.platform_stub import ACCESS_KEY, PROJECT, SECRET_KEY, PlatformStub

PROGRAM = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('--data_url')
parser.add_argument('--train_url')
parser.add_argument('--num_gpus', type=int, default=0)
parser.add_argument('--num_epochs', type=int, default=1)
print(parser.parse_known_args())
"""
MODEL_FILES = {
    "pred_model-symbol.json": "{}",
    "pred_model-0000.params": "weights",
    "customize_service.py": "",
    "synset.txt": "cat\ndog\nowl\n",
    "preprocessing.json": json.dumps({"image_size": 96}),
}


class Bundle(NamedTuple):
    """A bundle and where it goes. folder: has codes/, mxnet_format/ and cat.jpg. flags: of submit."""

    folder: Path
    bucket: str
    stub: PlatformStub

    @property
    def state_path(self) -> Path:
        return self.folder / "home" / "submissions" / "trial.json"

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.state_path.read_text()))

    def command(self, *flags: str) -> list[str]:
        """Return `submit` with flags; a flag that is given replaces the usual one."""
        usual = {
            "--name": "trial",
            "--codes": self.folder / "codes",
            "--data": self.folder / "mxnet_format",
            "--to": f"obs://{self.bucket}/run",
            "--train-image": "org/mxnet-train:1",
            "--train-flavor": "modelarts.vm.cpu.8u",
            "--serve-image": "swr.example.com/org/mxnet-serve:1",
            "--serve-flavor": "modelarts.vm.cpu.2u",
            "--image": self.folder / "cat.jpg",
            "--endpoint": self.stub.server.url,
            "--region": "cn-north-4",
            "--interval": "0.01",
            "--retries": "2",
        }
        given = {flag.partition("=")[0] for flag in flags}
        return ["submit", *(f"{name}={value}" for name, value in usual.items() if name not in given), *flags]

    def submit(self, *flags: str) -> Asked:
        return run_command(*self.command(*flags))

    def act(self, *words: str) -> Asked:
        """Run `submit show` or `submit cleanup`."""
        return run_command("submit", *words, "--interval=0.01", "--retries=1")


def write_bundle(folder: Path) -> None:
    """Write a small bundle: a program that the platform would take, two files of data, a picture."""
    (folder / "codes").mkdir()
    (folder / "codes" / "train_caltech.py").write_text(PROGRAM)
    (folder / "mxnet_format").mkdir()
    for name in ("Caltech101_train.rec", "Caltech101_val.rec"):
        (folder / "mxnet_format" / name).write_bytes(name.encode())
    (folder / "cat.jpg").write_bytes(b"\xff\xd8 a picture")


def put_model(s3_client: Any, obs_url: str, files: dict[str, str]) -> None:
    """Put model/ where a job's output goes, as the platform does when the job ends."""
    bucket, _, key = obs_url.strip("/").partition("/")
    for name, content in files.items():
        s3_client.put_object(Bucket=bucket, Key=f"{key}/model/{name}", Body=content.encode())


def config_text() -> str:
    """The config.json of our own template."""
    return (ROOT / "codes" / "model_template" / "config.json").read_text()


def environment(folder: Path) -> dict[str, str]:
    """The variables with which `submit` finds the platform's keys and its own home."""
    return {
        "HUAWEICLOUD_SDK_AK": ACCESS_KEY,
        "HUAWEICLOUD_SDK_SK": SECRET_KEY,
        "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT,
        "MODELARTS_LOCAL_HOME": str(folder / "home"),
    }


def keys_in(s3_client: Any, bucket: str, prefix: str = "") -> list[str]:
    """The keys of a bucket's objects below a prefix."""
    return [item["Key"] for item in s3_client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]


def interpreter_environment(folder: Path) -> dict[str, str]:
    """The environment of a process of its own."""
    return {**os.environ, **environment(folder)}
