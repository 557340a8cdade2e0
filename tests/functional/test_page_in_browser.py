"""The test page in a real browser: pictures in, answers out."""

from __future__ import annotations

import base64
import contextlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from modelarts_local.errors import RequestError
from modelarts_local.service.page import PageModel
from tests.chromium import command, set_colours
from tests.model_packages import COLOUR_ENVIRONMENT, ServerProcess, one_colour_image, write_colour_package
from tests.page_in_browser import TestPage, opened
from tests.page_server import CAT, DOG, FILE_API, ONE, TWO, ScriptedService

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def colour_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    parent = write_colour_package(tmp_path_factory.mktemp("served") / "colours")
    config = {"model_type": "MXNet", "apis": [FILE_API], "metrics": {"accuracy": 0.8375}}
    (parent / "model" / "config.json").write_text(json.dumps(config))
    process = ServerProcess(parent, tmp_path_factory.mktemp("server"), COLOUR_ENVIRONMENT)
    with contextlib.closing(process) as server:
        yield server.wait_until_serving().url


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return one_colour_image(tmp_path / "red.png", "red")


def test_a_chosen_picture_gets_its_label_and_five_bars(desktop: webdriver.Chrome, colour_url: str, red: Path) -> None:
    page = TestPage(desktop, colour_url)
    name, classes, engine, accuracy = page.text("#about").split(" · ")
    assert (name, classes, engine[:6], accuracy) == ("colours", "5 classes", "MXNet ", "accuracy 83.8%")
    page.choose(red)
    assert page.label() == "red"
    assert [text.split("\n")[0] for text in page.texts("#results .bars li")][0] == "red"
    assert len(page.all("#results .bars li")) == 5
    assert page.text("#results .share").endswith("%")
    assert page.text("#results .latency").startswith("answered in ")
    assert page.text("#picture-facts") == f"red.png · 40 × 30 · {red.stat().st_size} B"
    page.click("#results summary")
    assert json.loads(page.text("#results pre"))["predicted_label"] == "red"


def test_the_page_shows_how_the_service_does(desktop: webdriver.Chrome, colour_url: str, red: Path) -> None:
    page = TestPage(desktop, colour_url)
    page.wait(lambda: page.one("#status-part").is_displayed())
    before = int(page.text("[data-fact=s_answered]"))
    page.choose(red)
    page.wait(lambda: int(page.text("[data-fact=s_answered]")) == before + 1)
    assert page.text("[data-fact=s_p50]").endswith(" ms")
    assert page.text("[data-fact=s_workers]") == "1 / 1"
    page.click("[data-language=zh]")
    page.wait(lambda: "已回答" in page.text("#status-body"))
    page.click("[data-language=en]")


def test_a_service_without_a_status_shows_no_block(desktop: webdriver.Chrome) -> None:
    with opened(desktop, ScriptedService(CAT), models=[ONE]) as page:
        assert not page.one("#status-part").is_displayed()


def test_a_sample_is_asked_by_a_click(desktop: webdriver.Chrome, colour_url: str) -> None:
    page = TestPage(desktop, colour_url)
    page.click("#samples button[title=key]")
    page.label()
    assert page.texts("#commands code")[:2] == [
        f"curl -sO {colour_url}/page/samples/key.jpg",
        f"curl -F images=@key.jpg {colour_url}/",
    ]


def test_a_picture_is_pasted_from_the_clipboard(desktop: webdriver.Chrome, colour_url: str, red: Path) -> None:
    page = TestPage(desktop, colour_url)
    permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    command(desktop, "Browser.grantPermissions", origin=colour_url, permissions=permissions)
    put = """
        const [text, done] = arguments;
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const item = new ClipboardItem({"image/png": new Blob([bytes], {type: "image/png"})});
        navigator.clipboard.write([item]).then(() => done("written"), (error) => done(String(error)));
    """
    assert desktop.execute_async_script(put, base64.b64encode(red.read_bytes()).decode()) == "written"
    page.press_control("v")
    assert page.label() == "red"
    page.click("#commands .copy")  # text takes the picture's place
    page.wait(lambda: page.text("#commands .copy") == "Copied")
    read = "navigator.clipboard.readText().then(arguments[0])"
    assert desktop.execute_async_script(read) == page.text("#commands code")
    page.press_control("v")
    assert page.text("#message") == (
        "There is no picture on the clipboard. Copy a picture, not its address, and paste again."
    )


def test_a_dropped_file_is_asked_about_and_of_several_the_first(
    desktop: webdriver.Chrome, colour_url: str, red: Path, tmp_path: Path
) -> None:
    page = TestPage(desktop, colour_url)
    page.drop(red, one_colour_image(tmp_path / "blue.png", "blue"))
    assert page.label() == "red"
    assert page.text("#message") == "One picture a request: red.png was taken, the others were left."
    page.drop(tmp_path)
    page.wait(lambda: page.text("#message").startswith(f"{tmp_path.name} cannot be read from the disk."))


@pytest.mark.keeps("page-request-size", "serve")
def test_a_picture_of_8_mb_is_told_and_not_sent(desktop: webdriver.Chrome, tmp_path: Path) -> None:
    service = ScriptedService(CAT)
    large, allowed = tmp_path / "large.jpg", tmp_path / "allowed.jpg"
    large.write_bytes(b"x" * 8 * MIB)
    allowed.write_bytes(b"x" * (8 * MIB - 1))
    with opened(desktop, service, models=[ONE]) as page:
        page.choose(large)
        page.wait(lambda: page.text("#message"))
        assert page.text("#message") == (
            "large.jpg has 8388608 B; the test page of the platform takes 8 MB. "
            "A program may send up to 12 MB with the command below."
        )
        assert service.requests == []
        assert page.text("#commands code").startswith("curl -F images=@large.jpg http://127.0.0.1:")
        page.choose(allowed)
        assert page.label() == "cat"
        assert page.text("#message") == ""
        assert [len(images[0]) for images in service.requests] == [8 * MIB - 1]


def test_a_file_that_the_model_cannot_read_is_told_in_its_words(
    desktop: webdriver.Chrome, colour_url: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.tiff").write_bytes(b"no picture")
    page = TestPage(desktop, colour_url)
    page.choose(tmp_path / "notes.tiff")
    page.wait_for_cards("failed")
    assert page.texts("#results .failure p") == [
        "The model cannot read this as a picture.",
        "these 10 bytes are not an image",
        "HTTP 400 · MR.0105",
    ]
    page.wait(
        lambda: page.text("#stage-text") == "notes.tiff cannot be shown by this browser. It is sent all the same."
    )
    page.wait(lambda: page.text("#history .tile") == "TIFF")


REFUSALS = (
    (RequestError(400, "ModelArts.4104", "why"), "The service refused the request."),
    (RequestError(403, "APIG.0304", "why"), "The service does not accept this token."),
    (RequestError(404, "APIG.0101", "why"), "There is no model at /."),
    (RequestError(413, "APIG.0201", "why"), "The request is too large for the platform, which takes 12 MB."),
    (RequestError(429, "APIG.0308", "why"), "Too many requests wait. Send again in a moment."),
    (RequestError(503, "ModelArts.4206", "why"), "Too many requests wait. Send again in a moment."),
    (RequestError(504, "ModelArts.4503", "why"), "The model took longer than the 40 s that the platform allows."),
    (
        RequestError(500, "MR.0105", "why"),
        "The model's code failed on this picture. The service's log has the traceback.",
    ),
    (RequestError(418, "X.1", "why"), "The service answered 418."),
)


def test_a_refusal_has_a_sentence_the_services_reason_and_the_platforms_code(
    desktop: webdriver.Chrome, red: Path
) -> None:
    service = ScriptedService(*(error for error, _ in REFUSALS))
    with opened(desktop, service, models=[ONE]) as page:
        page.choose(red)
        for error, sentence in REFUSALS:
            told = [sentence, "why", f"HTTP {error.http_status} · {error.code}"]
            page.wait(lambda told=told: page.texts("#results .failure p") == told)
            page.wait_for_history(1)
            page.click("#send")


def test_a_service_that_is_gone_is_told_and_asked_again_when_it_is_back(desktop: webdriver.Chrome, red: Path) -> None:
    with opened(desktop, ScriptedService(CAT), models=[ONE]) as page:
        page.wait(lambda: page.text("#health") == "ready")
    page.choose(red)
    page.wait_for_cards("failed")
    assert page.texts("#results .failure p") == [
        "The service does not answer. Is it still running? Start it again with modelarts-local serve, then send again."
    ]
    page.wait(lambda: page.text("#health") == "no answer")


def test_a_file_that_vanished_since_it_was_chosen_is_told(
    desktop: webdriver.Chrome, colour_url: str, red: Path
) -> None:
    page = TestPage(desktop, colour_url)
    page.choose(red)
    page.label()
    red.unlink()
    page.click("#send")
    page.wait(lambda: page.text("#message"))
    assert page.text("#message") == (
        "red.png cannot be read from the disk. A folder cannot be sent; a file may be gone: choose it again."
    )


def test_a_slow_answer_is_waited_for_in_words(desktop: webdriver.Chrome, red: Path) -> None:
    service = ScriptedService(CAT)
    service.gate.clear()
    with opened(desktop, service, models=[ONE]) as page:
        page.choose(red)
        page.wait(lambda: page.text("#results .ghost") == "Working… 1 s of at most 40 s")
        service.gate.set()
        assert page.label() == "cat"


@pytest.mark.parametrize(
    ("health", "pill", "sentence"),
    [
        (
            "warming up",
            "warming up",
            "The service is still warming up. The picture is sent by itself when it is ready.",
        ),
        (
            "restarting",
            "starting again",
            "The model's process ended and is being started again. The picture is sent by itself when it is ready.",
        ),
    ],
)
def test_a_picture_for_a_service_that_starts_is_sent_by_itself_when_it_is_ready(
    desktop: webdriver.Chrome, red: Path, health: str, pill: str, sentence: str
) -> None:
    service = ScriptedService(CAT, health=health)
    with opened(desktop, service, models=[ONE]) as page:
        page.wait(lambda: page.text("#health") == pill)
        page.choose(red)
        page.wait_for_cards("failed")
        assert page.texts("#results .failure p") == [sentence, "the model is not there", "HTTP 503 · ModelArts.4302"]
        service.health = "healthy"
        assert page.label() == "cat"
        assert page.text("#health") == "ready"


def test_one_model_that_has_failed_leaves_the_answers_of_the_others(desktop: webdriver.Chrome, red: Path) -> None:
    failed = ScriptedService(CAT, health="failed")
    with opened(desktop, ScriptedService(CAT), failed, models=[ONE, TWO]) as page:
        page.choose(red)
        page.wait_for_cards("answered")
        page.wait_for_cards("failed")
        sentence = "The model has failed and is not started again. The service's log says why."
        assert page.text("#results .failure .sentence") == sentence
        page.wait_for_history(1)
        assert page.text("#health") == "failed"
        assert page.text("#history button") == "cat\n–"


def test_side_by_side_every_model_answers_and_the_page_says_whether_they_agree(
    desktop: webdriver.Chrome, red: Path, tmp_path: Path
) -> None:
    with opened(desktop, ScriptedService(CAT), ScriptedService(DOG, CAT), models=[ONE, TWO]) as page:
        page.choose(red)
        page.wait_for_cards("answered", 2)
        page.wait_for_history(1)
        assert page.texts("#results h3") == ["V0001", "V0002"]
        assert page.texts("#results .label strong") == ["cat", "dog"]
        assert page.text("#verdict") == "The models disagree."
        assert page.text("#history button") == "cat\ndog"
        left, right = (card.rect for card in page.all("#results article"))
        assert left["y"] == right["y"] and left["x"] + left["width"] < right["x"]
        page.choose(one_colour_image(tmp_path / "blue.png", "blue"))
        page.wait_for_history(2)
        assert page.text("#verdict") == "All 2 models say cat."
        commands = page.texts("#commands code")
        assert [line.split("/", 3)[3] for line in commands] == ["", "v1/infers/V0002"] * 2


def test_the_history_brings_back_an_answer_without_asking_again(desktop: webdriver.Chrome, tmp_path: Path) -> None:
    service = ScriptedService(DOG, CAT)
    with opened(desktop, service, models=[ONE]) as page:
        for number in range(10):
            page.choose(one_colour_image(tmp_path / f"{number}.png", "blue"))
            page.wait_for_newest(f"{number}.png")
            if number == 0:
                assert page.text("#history button") == "dog\n90.0%"
        names = [image.get_attribute("alt") for image in page.all("#history img")]
        assert names == [f"{number}.png" for number in range(9, 1, -1)]
        page.click("#history button:last-child")
        assert page.text("#picture-facts").startswith("2.png")
        assert page.label() == "cat"
        assert len(service.requests) == 10


def test_a_config_without_a_file_gives_a_json_box(desktop: webdriver.Chrome, red: Path) -> None:
    schema = {"type": "object", "properties": {"images": {"type": "string"}, "top": {"type": "number"}}}
    config = {"apis": [{"request": {"Content-type": "application/json", "data": schema}}]}
    service = ScriptedService({"words": ["a"]})
    with opened(desktop, service, models=[ONE._replace(config=config)]) as page:
        assert page.one("#json").get_attribute("value") == '{\n  "images": "",\n  "top": 0\n}'
        assert not page.one("#picture-part").is_displayed()
        page.choose(red)
        encoded = base64.b64encode(red.read_bytes()).decode()
        page.wait(lambda: encoded in page.one("#json").get_attribute("value"))
        sent = json.loads(page.one("#json").get_attribute("value"))
        page.click("#send")
        page.wait_for_cards("answered")
        assert page.text("#results pre") == '{\n  "words": [\n    "a"\n  ]\n}'
        assert shlex.split(page.text("#commands code"))[3:5] == ["-d", json.dumps(sent, separators=(",", ":"))]
        assert service.requests == [[red.read_bytes()]]
        page.one("#json").send_keys("x")
        page.click("#send")
        page.wait(lambda: page.text("#message").startswith("This is not JSON: "))
        assert len(service.requests) == 1


def test_a_config_without_apis_gets_the_handlers_fields_and_a_note(desktop: webdriver.Chrome, red: Path) -> None:
    service = ScriptedService(CAT, input_names=["images", "mask"])
    model = PageModel("pair", "/", ["images", "mask"])
    with opened(desktop, service, models=[model]) as page:
        assert page.text("#picture-facts").startswith("config.json declares no apis; ")
        page.click("#send")
        assert page.text("#message") == "Choose a picture for each of: images, mask."
        page.choose(red)
        page.wait(lambda: page.texts("#fields button") == ["images: red.png", "mask: –"])
        assert service.requests == []
        page.choose(red)
        assert page.label() == "cat"
        assert service.requests == [[red.read_bytes()] * 2]


def test_a_field_beside_the_picture_is_asked_for_and_sent(desktop: webdriver.Chrome, red: Path) -> None:
    properties = {"images": {"type": "file"}, "top": {"type": "number"}}
    config = {"apis": [{"request": {"data": {"properties": properties}}}]}
    service = ScriptedService(CAT)
    with opened(desktop, service, models=[ONE._replace(config=config)]) as page:
        page.choose(red)
        page.wait(lambda: page.text("#picture-facts").startswith("red.png"))
        assert page.text("#extras label") == "top"
        assert service.requests == []
        page.one("#extras input").send_keys("3 x", Keys.ENTER)
        assert page.label() == "cat"
        assert page.texts("#commands code") == [f"curl -F images=@red.png -F 'top=3 x' {page.address}"]
        assert b'name="top"\r\n\r\n3 x\r\n' in service.bodies[0]


def test_the_dark_is_respected(desktop: webdriver.Chrome, colour_url: str) -> None:
    page = TestPage(desktop, colour_url)
    ground = "return getComputedStyle(document.body).backgroundColor"
    assert page.run(ground) == "rgb(246, 245, 242)"
    set_colours(desktop, "dark")
    assert page.run(ground) == "rgb(20, 24, 26)"


def test_a_tiff_that_the_browser_cannot_show_is_answered_all_the_same(
    desktop: webdriver.Chrome, colour_url: str, tmp_path: Path
) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.tiff")
    page = TestPage(desktop, colour_url)
    page.choose(tmp_path / "red.tiff")
    assert page.label() == "red"


def test_an_answer_of_another_form_is_shown_as_json(desktop: webdriver.Chrome, red: Path) -> None:
    answers = [["a", 1], {"predicted_label": 3, "scores": []}, {"predicted_label": "x"}, None, {"scores": [["a", "b"]]}]
    with opened(desktop, ScriptedService(*answers), models=[ONE]) as page:
        page.choose(red)
        for answer in answers:
            text = json.dumps(answer, indent=2)
            page.wait(lambda text=text: page.texts("#results pre") == [text])
            page.wait_for_history(1)
            page.click("#send")
