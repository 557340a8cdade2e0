"""The stand-in for mxnet-model-server has the names, argument lists and results of version 0.4.0."""

from __future__ import annotations

import base64
import importlib
import inspect
import io
import logging
from pathlib import Path
from typing import Any

import pytest

from mxnet_support import engine

STAND_IN_FOLDER = Path(__file__).resolve().parents[2] / "modelarts_local" / "handler_worker" / "mms_standin"
SERVICE_ARGUMENTS = "(self, model_name, model_dir, manifest, gpu=None)"

# Name and argument list of everything that the contract lists, as version 0.4.0 has it.
ARGUMENT_LISTS = {
    "mms.utils.mxnet.image:read": "(buf, flag=1, to_rgb=True, out=None)",
    "mms.utils.mxnet.image:resize": "(src, new_width, new_height, interp=2)",
    "mms.utils.mxnet.image:transform_shape": "(img_arr, dim_order='NCHW')",
    "mms.utils.mxnet.image:color_normalize": "(src, mean, std=None)",
    "mms.utils.mxnet.image:fixed_crop": "(src, x0, y0, w, h, size=None, interp=2)",
    "mms.utils.mxnet.image:write": "(img_arr, flag=1, format='jpeg', dim_order='CHW')",
    "mms.utils.mxnet.ndarray:top_probability": "(data, labels, top=5)",
    "mms.log:get_logger": "(name=None, filename=None, level='NOTSET', rotate_value='H', rotate_interval=1)",
    "mms.model_service.model_service:load_service": "(path, name=None)",
    "mms.model_service.model_service:SingleNodeService.__init__": SERVICE_ARGUMENTS,
    "mms.model_service.model_service:SingleNodeService.inference": "(self, data)",
    "mms.model_service.model_service:SingleNodeService._preprocess": "(self, data)",
    "mms.model_service.model_service:SingleNodeService._inference": "(self, data)",
    "mms.model_service.model_service:SingleNodeService._postprocess": "(self, data)",
    "mms.model_service.mxnet_model_service:MXNetBaseService.__init__": SERVICE_ARGUMENTS,
    "mms.model_service.mxnet_model_service:MXNetBaseService._preprocess": "(self, data)",
    "mms.model_service.mxnet_model_service:MXNetBaseService._inference": "(self, data)",
    "mms.model_service.mxnet_model_service:MXNetBaseService._postprocess": "(self, data)",
    "mms.model_service.mxnet_model_service:MXNetBaseService.ping": "(self)",
    "mms.model_service.mxnet_model_service:check_input_shape": "(inputs, signature)",
}


@pytest.fixture(scope="module")
def mx() -> Any:
    return engine.import_mxnet()


@pytest.fixture(scope="module", autouse=True)
def stand_in_on_path(mx: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STAND_IN_FOLDER))
        yield


def named(reference: str) -> Any:
    module_name, _, path = reference.partition(":")
    found = importlib.import_module(module_name)
    for name in path.split("."):
        found = getattr(found, name)
    return found


def argument_list(function: Any) -> str:
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(bare))


@pytest.mark.parametrize("reference", ARGUMENT_LISTS)
def test_argument_list_is_that_of_version_0_4(reference: str) -> None:
    assert argument_list(named(reference)) == ARGUMENT_LISTS[reference]


def test_base_class_is_a_single_node_service_with_a_signature_property() -> None:
    base = named("mms.model_service.mxnet_model_service:MXNetBaseService")
    assert issubclass(base, named("mms.model_service.model_service:SingleNodeService"))
    assert isinstance(base.signature, property)


def test_inference_passes_through_the_three_steps_in_order() -> None:
    class Tracing(named("mms.model_service.model_service:SingleNodeService")):  # type: ignore[misc]
        def _preprocess(self, data: Any) -> Any:
            return [*data, "preprocess"]

        def _inference(self, data: Any) -> Any:
            return [*data, "inference"]

        def _postprocess(self, data: Any) -> Any:
            return [*data, "postprocess"]

    assert Tracing("name", "folder", {}).inference([b"raw"]) == [
        b"raw",
        "preprocess",
        "inference",
        "postprocess",
    ]


def encoded_image(size: tuple[int, int], colour: str) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


def test_read_gives_height_width_channels_in_rgb() -> None:
    image = named("mms.utils.mxnet.image:read")(encoded_image((6, 4), "red"))
    assert image.shape == (4, 6, 3)
    assert image[0, 0].asnumpy().tolist() == [255, 0, 0]


def test_read_gives_one_channel_for_flag_0_and_bgr_when_asked() -> None:
    read = named("mms.utils.mxnet.image:read")
    assert read(encoded_image((6, 4), "red"), flag=0).shape == (4, 6, 1)
    assert read(encoded_image((6, 4), "red"), to_rgb=False)[0, 0].asnumpy().tolist() == [0, 0, 255]


def test_resize_takes_the_width_first(mx: Any) -> None:
    image = mx.nd.zeros((4, 6, 3), dtype="uint8")
    assert named("mms.utils.mxnet.image:resize")(image, 10, 20).shape == (20, 10, 3)


def test_transform_shape_adds_the_batch_axis_and_moves_channels_only_for_nchw(mx: Any) -> None:
    transform_shape = named("mms.utils.mxnet.image:transform_shape")
    image = mx.nd.arange(24).reshape((2, 4, 3))
    assert transform_shape(image).shape == (1, 3, 2, 4)
    assert transform_shape(image)[0, 2, 1, 3].asscalar() == image[1, 3, 2].asscalar()
    assert transform_shape(image, dim_order="NHWC").shape == (1, 2, 4, 3)


def test_transform_shape_refuses_an_order_that_is_a_part_of_nchw(mx: Any) -> None:
    with pytest.raises(ValueError, match=r"dim_order is 'NC'; an image is given .* as 'NCHW' or 'NHWC'\."):
        named("mms.utils.mxnet.image:transform_shape")(mx.nd.zeros((2, 4, 3)), dim_order="NC")


def test_color_normalize_casts_to_float32_first(mx: Any) -> None:
    image = mx.nd.full((1, 1, 3), 200, dtype="uint8")
    normal = named("mms.utils.mxnet.image:color_normalize")(
        image, mx.nd.array([210.0, 200.0, 100.0]), mx.nd.array([1.0, 1.0, 50.0])
    )
    assert normal.dtype.__name__ == "float32"
    assert normal.asnumpy().ravel().tolist() == [-10.0, 0.0, 2.0]


def test_fixed_crop_cuts_at_the_corner_and_resizes_on_request(mx: Any) -> None:
    fixed_crop = named("mms.utils.mxnet.image:fixed_crop")
    image = mx.nd.arange(4 * 6 * 3).reshape((4, 6, 3))
    crop = fixed_crop(image, 1, 2, 3, 2)
    assert crop.shape == (2, 3, 3)
    assert crop[0, 0, 0].asscalar() == image[2, 1, 0].asscalar()
    assert fixed_crop(image, 1, 2, 3, 2, size=(8, 5)).shape == (5, 8, 3)


@pytest.mark.parametrize("dim_order, shape", [("CHW", (3, 4, 6)), ("HWC", (4, 6, 3))])
def test_write_gives_base64_of_an_image_file(mx: Any, dim_order: str, shape: tuple[int, ...]) -> None:
    from PIL import Image

    text = named("mms.utils.mxnet.image:write")(mx.nd.full(shape, 90), format="png", dim_order=dim_order)
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    assert (image.size, image.mode, image.getpixel((0, 0))) == ((6, 4), "RGB", (90, 90, 90))


def test_write_gives_a_grey_image_for_flag_0(mx: Any) -> None:
    from PIL import Image

    text = named("mms.utils.mxnet.image:write")(mx.nd.full((1, 4, 6), 90), flag=0)
    assert Image.open(io.BytesIO(base64.b64decode(text))).mode == "L"


def test_write_refuses_another_order(mx: Any) -> None:
    with pytest.raises(ValueError, match=r"dim_order is 'NCHW'; an image is written from 'CHW' or 'HWC'\."):
        named("mms.utils.mxnet.image:write")(mx.nd.zeros((1, 3, 4, 6)), dim_order="NCHW")


def test_top_probability_lists_the_best_first(mx: Any) -> None:
    best = named("mms.utils.mxnet.ndarray:top_probability")(mx.nd.array([[0.25, 0.5, 0.125]]), ["a", "b", "c"], top=2)
    assert best == [{"probability": 0.5, "class": "b"}, {"probability": 0.25, "class": "a"}]


def test_top_probability_drops_axes_of_length_one(mx: Any) -> None:
    scores = mx.nd.array([[0.25, 0.5]]).reshape((1, 2, 1, 1))
    best = named("mms.utils.mxnet.ndarray:top_probability")(scores, ["a", "b"])
    assert [entry["class"] for entry in best] == ["b", "a"]


def test_get_logger_gives_a_named_logger_one_output(tmp_path: Path) -> None:
    get_logger = named("mms.log:get_logger")
    log_file = tmp_path / "handler.log"
    logger = get_logger("handler_under_test", filename=str(log_file), level="INFO")
    assert get_logger("handler_under_test") is logger
    logger.info("seen")
    logger.debug("not seen")
    (output,) = logger.handlers
    output.close()
    (line,) = log_file.read_text().splitlines()
    assert line.startswith("[INFO ") and line.endswith("] seen")


def test_get_logger_without_a_name_leaves_the_root_logger_alone() -> None:
    before = list(logging.getLogger().handlers)
    assert named("mms.log:get_logger")() is logging.getLogger()
    assert logging.getLogger().handlers == before


def test_load_service_runs_a_file_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "a_handler_file.py").write_text("answer = __name__")
    module = named("mms.model_service.model_service:load_service")(str(tmp_path / "a_handler_file.py"))
    assert module.answer == "a_handler_file"


@pytest.mark.parametrize(
    "arrays, error, message",
    [
        (
            lambda mx: (mx.nd.zeros((1, 3, 8, 8)),),
            TypeError,
            "_preprocess returned tuple; _inference takes a list of NDArray.",
        ),
        (lambda mx: [], ValueError, "_preprocess returned 0 arrays for 1 inputs."),
        (lambda mx: [b"raw"], TypeError, "_preprocess returned a list of bytes; each entry is NDArray."),
        (
            lambda mx: [mx.nd.zeros((1, 3, 8, 9))],
            ValueError,
            "input 'images' has shape (1, 3, 8, 9); the signature says (0, 3, 8, 8).",
        ),
    ],
)
def test_check_input_shape_says_what_does_not_fit(mx: Any, arrays: Any, error: type, message: str) -> None:
    signature = {"inputs": [{"data_name": "images", "data_shape": [0, 3, 8, 8]}]}
    with pytest.raises(error) as refusal:
        named("mms.model_service.mxnet_model_service:check_input_shape")(arrays(mx), signature)
    assert str(refusal.value) == message


def test_check_input_shape_admits_any_length_where_the_signature_has_0(mx: Any) -> None:
    signature = {"inputs": [{"data_name": "images", "data_shape": [0, 3, 0, 8]}]}
    named("mms.model_service.mxnet_model_service:check_input_shape")([mx.nd.zeros((2, 3, 5, 8))], signature)


def test_base_class_refuses_a_signature_without_inputs(tmp_path: Path) -> None:
    manifest = {"Model": {"Signature": {}, "Symbol": "m-symbol.json", "Parameters": "m-0000.params"}}
    with pytest.raises(ValueError) as refusal:
        named("mms.model_service.mxnet_model_service:MXNetBaseService")("m", str(tmp_path), manifest)
    assert str(refusal.value) == (
        "the signature has no inputs. Set input_data_name and input_data_shape in the environment, or fill "
        "manifest['Model']['Signature']['inputs'] before calling MXNetBaseService.__init__."
    )
