"""`submit` with a model that our own job has trained, and a service that is really served and really asks for keys."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from tests.model_packages import ServerProcess
from tests.platform_stub import ACCESS_KEY, SECRET_KEY
from tests.submissions import Bundle


def put_folder(s3_client: Any, bucket: str, prefix: str, folder: Path) -> None:
    for path in folder.iterdir():
        s3_client.upload_file(str(path), bucket, f"{prefix}/{path.name}")


def test_the_answer_is_that_of_the_service_with_the_variables_that_the_job_printed(
    bundle: Bundle, finished_job: Any, drawn_images: Path, tmp_path: Path, s3_client: Any
) -> None:
    def train(obs_url: str) -> None:
        put_folder(s3_client, bundle.bucket, f"{obs_url.strip('/').partition('/')[2]}/model", finished_job.model)

    bundle.stub.on_output = train
    shutil.copy(drawn_images / "key" / "image_0004.jpg", bundle.folder / "cat.jpg")
    printed = dict(re.findall(r"\b(input_data_name|input_data_shape|output_data_shape)[= ]+([\w,]+)", finished_job.log))
    keys = {"HUAWEICLOUD_SDK_AK": ACCESS_KEY, "HUAWEICLOUD_SDK_SK": SECRET_KEY}
    server = ServerProcess(finished_job.folder, tmp_path, {**printed, **keys}, ["--auth=aksk"])
    with contextlib.closing(server):
        bundle.stub.service_url = server.wait_until_serving().url
        done = bundle.submit("--json")
    assert done.code == 0, done.err
    assert bundle.stub.bodies("POST", "services$")[0]["config"][0]["envs"] == printed
    answer = json.loads(done.out)["prediction"]["answer"]
    names = (finished_job.model / "synset.txt").read_text().split()
    assert answer["predicted_label"] in names and len(answer["scores"]) == min(5, len(names))
