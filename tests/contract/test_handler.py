"""The handler that becomes model/customize_service.py, under the forms that contract sections 3.2 and 3.3 list."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fixtures_engines import CODES, ROOT, FinishedJob, HandlerFactory
from tests.picture_folders import draw, encode

from dataset.batches import EvaluationBatches
from dataset.preprocessing import Preprocessing, to_upright_rgb
from dataset.records import RecordFile


@pytest.fixture(scope="module")
def service(load_handler: HandlerFactory) -> Any:
    return load_handler()


@pytest.fixture
def picture(drawn_images: Path) -> bytes:
    return (drawn_images / "house" / "image_0003.jpg").read_bytes()


@pytest.fixture
def expected(service: Any, picture: bytes) -> Any:
    return service.inference([picture])


def test_the_answer_has_a_label_and_pairs_of_label_and_probability_best_first(expected: Any) -> None:
    scores = expected["scores"]
    assert [type(value) for pair in scores for value in pair] == [str, float] * 3
    assert expected["predicted_label"] == scores[0][0]
    assert [p for _, p in scores] == sorted((p for _, p in scores), reverse=True)
    assert sum(p for _, p in scores) == pytest.approx(1, abs=1e-5)
    assert json.loads(json.dumps(expected)) == expected


@pytest.mark.parametrize(
    "form", ["bytes in a list", "dict", "list of dicts", "base64", "wrapped base64", "data URL", "file object"]
)
def test_every_documented_form_of_a_request_gives_the_same_answer(
    form: str, service: Any, picture: bytes, expected: Any
) -> None:
    text = base64.b64encode(picture).decode()
    data = {
        "bytes in a list": [picture],
        "dict": {"images": {"house.jpg": io.BytesIO(picture)}},
        "list of dicts": [{"images": {"house.jpg": io.BytesIO(picture)}}],
        "base64": [text],
        "wrapped base64": [base64.encodebytes(picture).decode()],
        "data URL": ["data:image/jpeg;base64," + text],
        "file object": [io.BytesIO(picture)],
    }[form]
    assert service.inference(data) == expected


@pytest.mark.parametrize("number", [1, 2, 7, 19])
def test_requests_answered_together_get_the_answers_that_they_get_alone(
    number: int, service: Any, drawn_images: Path
) -> None:
    requests: list[Any] = [[path.read_bytes()] for path in sorted(drawn_images.glob("*/*.jpg"))[:number]]
    assert len(requests) == number
    alone = [service.inference(request) for request in requests]
    together = service.inference_many(requests)
    assert [answer["predicted_label"] for answer in together] == [answer["predicted_label"] for answer in alone]
    for one, other in zip(together, alone):
        assert dict(one["scores"]) == pytest.approx(dict(other["scores"]), abs=1e-5)


def test_a_picture_that_is_none_is_refused_without_the_others(
    service: Any, load_handler: HandlerFactory, picture: bytes, expected: Any
) -> None:
    first, refused, last = service.inference_many([[picture], [b"no picture"], [picture]])
    assert isinstance(refused, load_handler.module.BadImage)  # type: ignore[attr-defined]
    assert first["predicted_label"] == last["predicted_label"] == expected["predicted_label"]


def test_weights_are_held_once_however_many_pictures_are_taken_at_once(service: Any, picture: bytes) -> None:
    service.inference_many([[picture]] * 8)
    weights = [module._exec_group.execs[0].arg_dict["fc1_weight"] for module in service._modules.values()]
    service.mx_model._exec_group.execs[0].arg_dict["fc1_weight"][:] += 1
    assert len(weights) > 1
    assert len({float(weight.asnumpy().sum()) for weight in weights}) == 1


@pytest.mark.parametrize("form", ["missing", "empty dict", "dict with inputs", "shape as text", "file name"])
def test_the_signature_may_be_a_dict_a_file_name_or_missing(
    form: str, load_handler: HandlerFactory, finished_job: FinishedJob, picture: bytes, expected: Any, tmp_path: Path
) -> None:
    inputs = {"inputs": [{"data_name": "images", "data_shape": [0, 3, 48, 48]}]}
    model_dir = shutil.copytree(finished_job.model, tmp_path / "model")
    (model_dir / "signature.json").write_text(json.dumps(inputs))
    model = {
        "missing": {},
        "empty dict": {"Signature": {}},
        "dict with inputs": {"Signature": inputs, "Parameters": "pred_model-0000.params"},
        "shape as text": {"Signature": {"inputs": [{"data_name": "images", "data_shape": "0,3,48,48"}]}},
        "file name": {"Signature": "signature.json", "Symbol": "pred_model-symbol.json"},
    }[form]
    service = load_handler.module.CaltechService("caltech", str(model_dir), {"Model": model})  # type: ignore[attr-defined]
    assert service.inference([picture]) == expected
    assert service.signature["inputs"][0]["data_shape"] == [0, 3, 48, 48]


def test_the_platforms_dict_is_completed_in_place(load_handler: HandlerFactory) -> None:
    signature: dict[str, Any] = {}
    load_handler(Signature=signature)
    assert signature["inputs"] == [{"data_name": "images", "data_shape": [0, 3, 48, 48]}]


def test_a_wrong_input_data_shape_is_refused_at_start_with_the_right_one(
    load_handler: HandlerFactory,
) -> None:
    with pytest.raises(
        ValueError, match="input_data_shape is 0,3,224,224; this model takes one input of shape 0,3,48,48"
    ):
        load_handler(Signature={"inputs": [{"data_name": "images", "data_shape": [0, 3, 224, 224]}]})


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_other_file_formats_give_the_answer_of_their_pixels(kind: str, service: Any) -> None:
    picture = draw(90, 70)
    options = {"lossless": True} if kind == "WEBP" else {}
    answer = service.inference([encode(picture, kind, **options)])
    as_png = service.inference([encode(picture, "PNG")])
    tolerance = 0.2 if kind == "GIF" else 1e-6  # 256 colours
    assert dict(answer["scores"]) == pytest.approx(dict(as_png["scores"]), abs=tolerance)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_every_colour_mode_is_brought_to_rgb(mode: str, load_handler: HandlerFactory) -> None:
    grey = Image.linear_gradient("L").resize((60, 50))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    else:
        colours = {"palette": Image.ADAPTIVE} if mode == "P" else {}
        picture = (grey.convert("RGB") if mode in ("CMYK", "P", "RGBA") else grey).convert(mode, **colours)
    content = encode(picture, "TIFF" if mode == "CMYK" else "PNG")
    pixels = np.asarray(load_handler.module.read_image(content)).astype(int)
    assert pixels.shape == (50, 60, 3)
    if mode != "1":
        assert np.abs(pixels - np.asarray(grey.convert("RGB"))).max() <= 2


@pytest.mark.parametrize("kind", ["transparent", "16 bits", "palette", "rotated", "grey"])
def test_training_and_serving_decode_alike(kind: str, load_handler: HandlerFactory) -> None:
    picture, options = draw(60, 40), {}
    if kind == "transparent":
        picture.putalpha(Image.linear_gradient("L").resize((60, 40)))
    elif kind == "16 bits":
        picture = Image.fromarray(np.arange(60 * 40, dtype=np.uint16).reshape(40, 60) * 27)
    elif kind == "palette":
        picture, options = picture.convert("P"), {"transparency": 3}
    elif kind == "rotated":
        options = {"exif": Image.Exif()}
        options["exif"][0x0112] = 6
    elif kind == "grey":
        picture = picture.convert("L")
    content = encode(picture, "PNG", **options)
    training = np.asarray(to_upright_rgb(Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(np.asarray(load_handler.module.read_image(content)), training)


def test_transparent_pixels_become_white(load_handler: HandlerFactory) -> None:
    content = encode(Image.new("RGBA", (40, 40), (200, 0, 0, 0)), "PNG")
    assert load_handler.module.read_image(content).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright_by_its_exif_orientation(orientation: int, load_handler: HandlerFactory) -> None:
    upright = draw(60, 40)
    stored = {
        1: None,
        2: Image.FLIP_LEFT_RIGHT,
        3: Image.ROTATE_180,
        4: Image.FLIP_TOP_BOTTOM,
        5: Image.TRANSPOSE,
        6: Image.ROTATE_90,
        7: Image.TRANSVERSE,
        8: Image.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(upright if stored is None else upright.transpose(stored), "PNG", exif=exif)
    np.testing.assert_array_equal(np.asarray(load_handler.module.read_image(content)), np.asarray(upright))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([b""], r"the picture is empty \(0 bytes\)"),
        (
            [b"GET / HTTP"],
            r"this is not a picture in a known format \(10 bytes, starting with b'GET '\); send one of JPEG, MPO",
        ),
        ([b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"], "not a picture in a known format"),
        ([b"<svg xmlns='http://www.w3.org/2000/svg'/>"], "not a picture in a known format"),
        ([], "send one picture a request, as field 'images'; this request holds 0"),
        ({"images": {"a.png": b"1", "b.png": b"2"}}, "this request holds 2"),
        (["no base64!"], "text that is not base64; it starts with 'no base64!'"),
        ([7], "field 'images' is a int; send a picture file or its base64 text"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_was_found(
    data: Any, sentence: str, service: Any, load_handler: Any
) -> None:
    with pytest.raises(load_handler.module.BadImage, match=sentence) as refusal:
        service.inference(data)
    assert refusal.value.http_status == 400


def test_a_cut_off_picture_is_refused(service: Any, picture: bytes, load_handler: Any) -> None:
    with pytest.raises(load_handler.module.BadImage, match="the picture is damaged"):
        service.inference([picture[: len(picture) // 2]])


def test_a_decompression_bomb_is_refused_by_its_size_before_it_is_decoded(service: Any, load_handler: Any) -> None:
    for side, sentence in (
        (9000, "9000 x 9000 pixels; the limit for PNG is 32 million pixels"),
        (30000, "the picture has more pixels than the limit of 100 million"),
    ):
        bomb = encode(Image.new("1", (side, side)), "PNG")
        with pytest.raises(load_handler.module.BadImage, match=sentence):
            service.inference([bomb])


def test_serving_prepares_a_jpeg_exactly_as_the_validation_did(packed_data: Path, service: Any) -> None:
    records = RecordFile(str(packed_data / "Caltech101_val.rec"))
    try:
        validation = np.concatenate(
            [batch.images for batch in EvaluationBatches(records, 9, Preprocessing.for_image_size(48), 1)]
        )
        served = [service._preprocess([records.read(number)[0]])[0].asnumpy()[0] for number in range(len(records))]
    finally:
        records.close()
    np.testing.assert_array_equal(np.stack(served), validation)


@pytest.mark.parametrize("kind", ["RGBA", "LA", "I;16", "JPEG", "progressive JPEG", "WEBP"])
def test_the_largest_accepted_picture_fits_into_the_memory_of_a_small_service(
    kind: str, finished_job: FinishedJob, tmp_path: Path
) -> None:
    picture = tmp_path / "large"
    if kind == "JPEG":
        Image.new("RGB", (9990, 9990), "red").save(picture, "JPEG")
    elif kind == "progressive JPEG":
        Image.new("RGB", (5650, 5650), "red").save(picture, "JPEG", progressive=True, subsampling=0)
    elif kind == "WEBP":
        Image.new("RGBA", (4890, 4890), "red").save(picture, "WEBP", lossless=True, method=0)
    else:
        Image.new(kind, (5650, 5650)).save(picture, "PNG")
    program = Path(__file__).resolve().parents[1] / "programs" / "memory_of_one_picture.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), str(finished_job.model), str(picture)],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'modelarts_local' / 'handler_worker' / 'mms_standin'}:{CODES}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 700, "MB, the most that the whole process used"


def test_the_labels_must_be_as_many_as_the_network_has_outputs(
    finished_job: FinishedJob, load_handler: HandlerFactory, tmp_path: Path
) -> None:
    model = shutil.copytree(finished_job.model, tmp_path / "model")
    with open(model / "synset.txt", "a") as synset:
        synset.write("one_more\n")
    with pytest.raises(ValueError, match="the network has 3 outputs and synset.txt 4 labels"):
        load_handler.module.CaltechService("caltech", str(model), {})  # type: ignore[attr-defined]
