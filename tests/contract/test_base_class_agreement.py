"""One handler gives one answer through our stand-in base class and through the real mxnet-model-server 0.4."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from modelarts_local.errors import HandlerError, HandlerLoadError
from modelarts_local.handler_process import HandlerProcess
from modelarts_local.package.model_package import find_package
from modelarts_local.package.signature import signature_from_environment
from tests.fixtures_engines import FinishedJob
from tests.model_packages import (
    COLOUR_ENVIRONMENT,
    START_DEADLINE_S,
    ServerProcess,
    one_colour_image,
    write_colour_package,
    write_package,
)

pytestmark = pytest.mark.parity

# MXNet 1.2.1 and 1.9.1 add up the float32 products of a convolution in different orders; scores differ in the fifth
# decimal for these networks, and what a wrong mean, crop or weight does shows in the second
TOLERANCE = 1e-3
# 8 x 8 pixels and one layer: the two sums have 192 terms
COLOUR_TOLERANCE = 1e-6


class Pair(NamedTuple):
    """One package on both: `ours` on this Python with the stand-in, `real` on Python 3.6 with the real base class."""

    ours: HandlerProcess
    real: HandlerProcess

    def answers(self, content: bytes) -> tuple[Any, Any]:
        """What each answers to one picture: its JSON, or the status and message of its error."""
        return answer_of(self.ours, content), answer_of(self.real, content)


def answer_of(process: HandlerProcess, content: bytes) -> Any:
    try:
        return json.loads(process.answer([content], START_DEADLINE_S))
    except HandlerError as error:
        return error.http_status, str(error)


@contextlib.contextmanager
def loaded_on_both(parent: Path, parity_python: str, environment: dict[str, str]) -> Iterator[Pair]:
    package = find_package(str(parent), str(parent))
    with HandlerProcess(package, signature_from_environment(environment)) as ours, HandlerProcess(
        package, signature_from_environment(environment), parity_python
    ) as real:
        mine, theirs = ours.wait_until_loaded(), real.wait_until_loaded()
        assert mine.engine["base_class"].startswith("the built-in stand-in")
        assert theirs.engine == {**theirs.engine, "mxnet": "1.2.1", "base_class": "mxnet-model-server"}
        assert mine.inputs == theirs.inputs
        yield Pair(ours, real)


@pytest.fixture(scope="module")
def caltech(finished_job: FinishedJob, parity_python: str) -> Iterator[Pair]:
    with loaded_on_both(finished_job.folder, parity_python, {}) as pair:
        yield pair


@pytest.fixture(scope="module")
def colour_parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_package(tmp_path_factory.mktemp("colour"))


@pytest.fixture(scope="module")
def colours(colour_parent: Path, parity_python: str) -> Iterator[Pair]:
    with loaded_on_both(colour_parent, parity_python, COLOUR_ENVIRONMENT) as pair:
        yield pair


def assert_agree(one: Any, other: Any, tolerance: float) -> None:
    assert one["predicted_label"] == other["predicted_label"]
    assert dict(one["scores"]) == pytest.approx(dict(other["scores"]), abs=tolerance)


def test_our_model_answers_drawn_pictures_alike(caltech: Pair, drawn_images: Path, tmp_path: Path) -> None:
    labels = set()
    for path in sorted(drawn_images.glob("*/image_000[0-4].jpg")):
        # as PNG: the JPEG decoders of Pillow for Python 3.6 and for today round differently
        with Image.open(path) as image:
            image.save(tmp_path / "picture.png")
        ours, real = caltech.answers((tmp_path / "picture.png").read_bytes())
        assert_agree(ours, real, TOLERANCE)
        labels.add(ours["predicted_label"])
    assert len(labels) > 1, "pictures that are all one class to the network prove little"


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n torn"])
def test_our_model_refuses_what_is_no_picture_with_the_same_words(caltech: Pair, content: bytes) -> None:
    ours, real = caltech.answers(content)
    assert ours == real
    assert ours[0] == 400


@pytest.mark.parametrize("colour", ["red", "lime", "blue", "white", "black", "orange"])
def test_the_colour_network_answers_alike(colours: Pair, tmp_path: Path, colour: str) -> None:
    ours, real = colours.answers(one_colour_image(tmp_path / "picture.png", colour).read_bytes())
    assert_agree(ours, real, COLOUR_TOLERANCE)


def test_a_handler_that_leaves_decoding_to_mxnet_gets_another_error_of_the_older_one(colours: Pair) -> None:
    # MXNet 1.2.1 raises nothing when it does not decode: it hands out an array that fails when it is looked at. A
    # handler that means to answer 400 there decodes by itself, as ours does
    ours, real = colours.answers(b"no picture")
    assert ours == (400, "these 10 bytes are not an image")
    assert real == (500, "customize_service.py raised Exception: unknown storage type: -1")


def test_a_base_class_without_inputs_is_refused_with_the_same_words(colour_parent: Path, parity_python: str) -> None:
    package = find_package(str(colour_parent), str(colour_parent))
    refusals = []
    for process in (HandlerProcess(package, {}), HandlerProcess(package, {}, parity_python)):
        with process, pytest.raises(HandlerLoadError) as refusal:
            process.wait_until_loaded()
        refusals.append(str(refusal.value))
    assert refusals[0] == refusals[1]
    assert refusals[0].startswith("customize_service.py does not load: ValueError: the signature has no inputs. ")


SIGNATURE_HANDLER = """
from mms.model_service.mxnet_model_service import MXNetBaseService


class SignatureService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self.given = manifest["Model"]["Signature"]
        # as the vendor's samples do: the dict is the handler's to change
        self.given["inputs"] = [{"data_name": "images", "data_shape": [0, 3, 8, 8]}]
        super(SignatureService, self).__init__(model_name, model_dir, manifest, gpu)

    def inference(self, data):
        return {"given": self.given, "own": self.signature, "same": self.given is self.signature,
                "manifest": type(self.given).__name__}
"""


def test_a_signature_is_the_dict_that_the_platform_hands_over_on_both(
    colour_parent: Path, parity_python: str, tmp_path: Path
) -> None:
    parent = write_package(tmp_path / "signature", SIGNATURE_HANDLER)
    for ending in ("-symbol.json", "-0000.params"):
        name = f"pred_model{ending}"
        (parent / "model" / name).write_bytes((colour_parent / "model" / name).read_bytes())
    with loaded_on_both(parent, parity_python, {}) as pair:
        ours, real = pair.answers(b"any")
        signature = {"inputs": [{"data_name": "images", "data_shape": [1, 3, 8, 8]}]}
        assert ours == real == {"given": signature, "own": signature, "same": True, "manifest": "dict"}


def test_serve_runs_on_the_parity_engine_and_answers_as_on_this_one(
    colour_parent: Path, colours: Pair, parity_python: str, tmp_path: Path
) -> None:
    picture = one_colour_image(tmp_path / "blue.png", "blue").read_bytes()
    flags = [f"--engine={parity_python}"]
    with contextlib.closing(ServerProcess(colour_parent, tmp_path, COLOUR_ENVIRONMENT, flags)) as server:
        server.wait_until_serving()
        assert_agree(server.post(files={"images": picture}).json(), answer_of(colours.ours, picture), COLOUR_TOLERANCE)
        assert "on MXNet-1.2.1-python3.6; MXNetBaseService is that of mxnet-model-server" in server.log()
        refusal = server.post(files={"images": b"no picture"})
        assert (refusal.status_code, refusal.json()["erno"]) == (500, "MR.0105")
