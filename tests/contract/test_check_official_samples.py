"""What runs on the platform is not refused: packages in the shape of its samples, and what our own job writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from modelarts_local.check.findings import ERROR, Finding
from modelarts_local.check.package.checking import PackageSettings, check_package
from tests.fixtures_engines import FinishedJob
from tests.model_packages import COLOURS, write_colour_network

# As the samples of 2019 have it (contract 2.3): no runtime, procotol, lower-case post, a multipart answer, a list of
# one schema for items, a required member that is not described
CONFIG_OF_CLASSIFICATION = """\
{
    "model_type": "MXNet",
    "metrics": {"f1": 0.39542, "accuracy": 0.987426, "precision": 0.395875, "recall": 0.394966},
    "dependencies": [],
    "model_algorithm": "image_classification",
    "apis": [{
        "procotol": "http",
        "url": "/",
        "method": "post",
        "request": {
            "Content-type": "multipart/form-data",
            "data": {"type": "object", "properties": {"images": {"type": "file"}}}
        },
        "response": {
            "Content-type": "multipart/form-data",
            "data": {
                "type": "object",
                "properties": {"scores": {"type": "array", "items": [{"type": "string"}]}},
                "required": ["predicted_label", "scores"]
            }
        }
    }]
}
"""
# Those of other samples: a misspelt type of the answer, item for items, items that is an object, an empty restraint
CONFIG_OF_DIGITS = """\
{
    "model_algorithm": "image_classification",
    "model_type": "MXNet",
    "runtime": "python3.6",
    "metrics": {"accuracy": 0.9},
    "apis": [{
        "protocol": "http",
        "url": "/",
        "method": "post",
        "request": {
            "Content-type": "multipart/form-data",
            "data": {"type": "object", "properties": {"images": {"type": "file"}}}
        },
        "response": {
            "Content-type": "applicaton/json",
            "data": {
                "type": "object",
                "properties": {
                    "predicted_label": {"type": "string"},
                    "scores": {"type": "array", "item": {"type": "array", "items": {"type": "string"}}}
                },
                "required": ["scores", "detection_boxes"]
            }
        }
    }],
    "dependencies": [{
        "installer": "pip",
        "packages": [{"package_name": "numpy", "package_version": "", "restraint": ""}]
    }]
}
"""
# The service of a sample: signature filled in the constructor, that of the base class not called, logging not imported
# where the epoch is not a number, pictures decoded by the engine's own helpers
SERVICE = """\
import os

import mxnet as mx
from mms.log import get_logger
from mms.model_service.mxnet_model_service import MXNetBaseService
from mms.utils.mxnet import image, ndarray

logger = get_logger()


class DigitService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self.model_name = model_name
        self.ctx = mx.gpu(int(gpu)) if gpu is not None else mx.cpu()
        self._signature = manifest["Model"]["Signature"]
        {fill_signature}
        shapes = [("images", tuple([1] + list(self._signature["inputs"][0]["data_shape"])[1:]))]
        parameters = manifest["Model"]["Parameters"]
        try:
            epoch = int(parameters[len(model_name) + 1 : -len(".params")])
        except ValueError:
            logging.info("no epoch in the name of the weights")
            epoch = 0
        prefix = os.path.join(model_dir, manifest["Model"]["Symbol"][:-12])
        symbol, arg_params, aux_params = mx.model.load_checkpoint(prefix, epoch)
        self.mx_model = mx.mod.Module(symbol=symbol, context=self.ctx, data_names=["images"], label_names=None)
        self.mx_model.bind(for_training=False, data_shapes=shapes)
        self.mx_model.set_params(arg_params, aux_params, allow_missing=True, allow_extra=True)
        self.labels = [line.strip() for line in open(os.path.join(model_dir, "synset.txt"))]

    def _preprocess(self, data):
        pictures = []
        for index, content in enumerate(data):
            height, width = self.signature["inputs"][index]["data_shape"][2:]
            pixels = image.resize(image.read(content), width, height)
            pictures.append(image.transform_shape(pixels).astype("float32"))
        return pictures

    def _inference(self, data):
        self.mx_model.forward(mx.io.DataBatch(data))
        return self.mx_model.get_outputs()[0]

    def _postprocess(self, data):
        best = list(map(lambda each: [each["class"], each["probability"]], ndarray.top_probability(data, self.labels)))
        return {"predicted_label": best[0][0], "scores": best}

    def ping(self):
        return "pong"

    @property
    def signature(self):
        return self._signature
"""
FILLED = SERVICE.replace(
    "{fill_signature}", 'self._signature["inputs"] = [{"data_name": "images", "data_shape": [0, 3, 8, 8]}]'
)
# This one takes what the deployment's variables say and has nothing without them
FROM_THE_VARIABLES = SERVICE.replace("{fill_signature}", "self.data_shape = self._signature['inputs'][0]['data_shape']")
VARIABLES = {"input_data_name": "images", "input_data_shape": "0,3,8,8", "output_data_shape": "0,5"}


def write_sample(parent: Path, config: str, service: str) -> str:
    model = parent / "model"
    model.mkdir()
    (model / "config.json").write_text(config)
    (model / "customize_service.py").write_text(service)
    (model / "synset.txt").write_text("\n".join(COLOURS))
    write_colour_network(model)
    return str(parent)


def errors(findings: list[Finding]) -> list[str]:
    return [finding.as_text() for finding in findings if finding.severity == ERROR]


def test_a_sample_without_runtime_and_with_the_typing_errors_of_2019_is_not_refused(tmp_path: Path) -> None:
    parent = write_sample(tmp_path, CONFIG_OF_CLASSIFICATION, FROM_THE_VARIABLES)
    findings = check_package(parent, parent, PackageSettings())
    assert errors(findings) == []
    # the numbers of the sample, its typing error and its traps are told all the same
    assert {finding.rule for finding in findings} == {"M7", "M9", "S6", "S11", "S13"}


def test_a_sample_with_an_empty_restraint_and_item_for_items_is_not_refused(tmp_path: Path) -> None:
    parent = write_sample(tmp_path, CONFIG_OF_DIGITS, FILLED)
    findings = check_package(parent, parent, PackageSettings(environ=VARIABLES))
    assert errors(findings) == []
    assert {finding.rule for finding in findings} == {"S11", "S13"}


def test_our_own_job_writes_a_package_without_any_finding(finished_job: FinishedJob) -> None:
    side = finished_job.model.joinpath("preprocessing.json").read_text().split('"image_size": ')[1].split(",")[0]
    settings = PackageSettings(
        model_name="caltech101",
        model_version="0.0.1",
        description="Pictures by what they show",
        environ={"input_data_name": "images", "input_data_shape": f"0,3,{side},{side}", "output_data_shape": "0,3"},
    )
    assert check_package(str(finished_job.folder), "s3://bucket/output/V0001", settings) == []


@pytest.mark.parity
def test_nothing_is_refused_on_the_engine_of_the_platform(
    parity_python: str, finished_job: FinishedJob, tmp_path: Path
) -> None:
    parent = write_sample(tmp_path, CONFIG_OF_DIGITS, FILLED)
    settings = PackageSettings(engine_name=parity_python, environ=VARIABLES)
    findings = check_package(parent, parent, settings)
    assert errors(findings) == []
    # MXNet 1.2.1 ends its process over an empty file
    assert "for an empty file: the process of customize_service.py ended: killed by SIGABRT" in findings[-1].found
    ours = shutil.copytree(finished_job.folder, tmp_path / "ours")
    assert check_package(str(ours), "V0001", PackageSettings(engine_name=parity_python)) == []
