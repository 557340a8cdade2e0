"""The test page in other languages, on small screens, with a keyboard alone, and with strangers' words on it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from modelarts_local.errors import RequestError
from modelarts_local.service.page import PageModel
from tests.chromium import command, console_complaints, requested_urls, set_screen
from tests.model_packages import one_colour_image
from tests.page_in_browser import TestPage, opened
from tests.page_server import CAT, FILE_API, ONE, TWO, ScriptedService

TAG = '<img src=x onerror="document.title=1">'
LONG = TAG + "W" * 120
# What tells whether a reader would have to scroll sideways, and what sticks out
TOO_WIDE = """
    const width = document.documentElement.clientWidth;
    const scrolls = document.documentElement.scrollWidth > width;
    return [scrolls, [...document.querySelectorAll("main *")].filter((node) =>
        node.getBoundingClientRect().right > width + 1 && !node.closest("pre")).map((node) => node.className)];
"""


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return one_colour_image(tmp_path / "red.png", "red")


def test_chinese_is_chosen_by_a_click_and_remembered(desktop: webdriver.Chrome, red: Path) -> None:
    with opened(desktop, ScriptedService(CAT), models=[ONE]) as page:
        page.choose(red)
        assert page.label() == "cat"
        page.click("[data-language=zh]")
        assert page.text("h1") == "给模型看一张图片"
        assert page.text("#send") == "识别"
        assert page.text("#results .latency").startswith("用时 ")
        assert page.run("return document.documentElement.lang") == "zh-CN"
        again = TestPage(desktop, page.run("return location.href"))
        assert again.text("h1") == "给模型看一张图片"
        again.click("[data-language=en]")
        assert (again.text("h1"), again.run("return document.documentElement.lang")) == (
            "Show the model a picture",
            "en",
        )


def test_a_chinese_browser_gets_chinese(desktop: webdriver.Chrome, red: Path) -> None:
    agent = desktop.execute_script("return navigator.userAgent")
    command(desktop, "Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="zh-TW")
    with opened(desktop, ScriptedService(RequestError(413, "APIG.0201", "too much")), models=[ONE]) as page:
        page.choose(red)
        page.wait_for_cards("failed")
        assert page.texts("#results .failure p") == ["请求超过了平台上限 12 MB。", "too much", "HTTP 413 · APIG.0201"]
        assert page.one("#results .detail").get_attribute("lang") == "en"


def test_everything_is_reached_by_the_keyboard(desktop: webdriver.Chrome) -> None:
    focused = "const at = document.activeElement; return at.id || at.title || at.lang || at.className"
    service = ScriptedService(CAT)
    with opened(desktop, service, models=[ONE]) as page:
        reached = []
        for _ in range(6):
            page.press(Keys.TAB)
            reached.append(page.run(focused))
        assert reached[:5] == ["en", "zh-CN", "choose", "send", "cup"]
        page.run("document.querySelector('#samples button').focus()")
        page.press(Keys.ARROW_RIGHT)
        assert page.run(focused) == "fish"
        page.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        assert page.run(focused) == "umbrella"
        page.press(Keys.HOME, Keys.ENTER)
        assert page.label() == "cat"
        assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.wait_for_newest("cup.jpg")
        assert page.one("#spoken").get_attribute("textContent") == "cat, 75.0%"
        page.run("document.activeElement.blur()")
        page.press(Keys.ENTER)
        page.wait(lambda: len(service.requests) == 2)


def test_everything_has_a_name_for_who_cannot_see_it(desktop: webdriver.Chrome) -> None:
    with opened(desktop, ScriptedService(CAT), models=[ONE]) as page:
        page.click("#samples button")
        page.wait_for_newest("cup.jpg")
        nodes = command(desktop, "Accessibility.getFullAXTree")["nodes"]
        roles = ("button", "textbox", "image", "combobox", "group", "heading")
        named = [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node.get("ignored") and node["role"]["value"] in roles
        ]
        assert ("button", "Recognise") in named
        assert ("image", "cup.jpg") in named
        assert [role for role, name in named if not name and role != "group"] == []


@pytest.mark.parametrize("width", [360, 390])
@pytest.mark.parametrize("models", [[ONE], [ONE, TWO]], ids=["one", "two"])
def test_a_phone_needs_no_sideways_scrolling(
    desktop: webdriver.Chrome, tmp_path: Path, width: int, models: list[PageModel]
) -> None:
    set_screen(desktop, width, 740, is_phone=True)
    answer = {"predicted_label": LONG, "scores": [[LONG, 0.6], ["dog", 0.4]]}
    named = [model._replace(name=model.name + "n" * 90) for model in models]
    with opened(desktop, *[ScriptedService(answer) for _ in models], models=named) as page:
        page.choose(one_colour_image(tmp_path / ("long" * 40 + ".png"), "red"))
        page.wait_for_cards("answered", len(models))
        page.wait_for_history(1)
        page.run("document.querySelectorAll('details').forEach((node) => (node.open = true))")
        assert page.run(TOO_WIDE) == [False, []]


def test_on_a_phone_the_answer_comes_into_view(desktop: webdriver.Chrome, red: Path) -> None:
    set_screen(desktop, 360, 640, is_phone=True)
    with opened(desktop, ScriptedService(CAT), models=[ONE]) as page:
        page.choose(red)
        assert page.label() == "cat"
        box = "const box = document.querySelector('.label').getBoundingClientRect();"
        top, bottom, height = page.run(box + "return [box.top, box.bottom, innerHeight]")
        assert top >= 0 and bottom <= height


def test_labels_names_and_reasons_of_strangers_stay_text(desktop: webdriver.Chrome, tmp_path: Path) -> None:
    name = TAG.replace("/", "") + "'; $(touch x) \"`.png"
    picture = one_colour_image(tmp_path / "a.png", "red").rename(tmp_path / name)
    answer = {"predicted_label": TAG, "scores": [[TAG, 0.5], ["<b>x</b>", 0.5]]}
    api = {**FILE_API, "method": TAG, "response": {"data": {"properties": {TAG: {"type": TAG}}}}}
    model = ONE._replace(name=TAG, config={"apis": [api], "metrics": {TAG: 0.5}}, engine={"mxnet": TAG})
    service = ScriptedService(answer, RequestError(400, TAG, TAG))
    with opened(desktop, service, models=[model]) as page:
        page.choose(picture)
        assert page.label() == TAG
        assert page.texts("#results .name") == [TAG, "<b>x</b>"]
        assert page.text("#picture-facts").startswith(name)
        page.click("#send")
        page.wait_for_cards("failed")
        assert page.text("#results .detail") == TAG
        page.click("#guide summary")
        assert TAG in page.text("#guide-body")
        page.run("document.querySelectorAll('details').forEach((node) => (node.open = true))")
        assert page.all("img[src=x], b") == []
        assert page.run("return document.title").startswith(TAG)
        # a shell and curl get the very name
        assert shlex.split(page.text("#commands code"))[2] == 'images=@"' + name.replace('"', '\\"') + '"'


def test_the_page_asks_no_other_host_and_breaks_no_rule_of_its_policy(desktop: webdriver.Chrome, red: Path) -> None:
    with opened(desktop, ScriptedService(CAT), ScriptedService(CAT), models=[ONE, TWO]) as page:
        page.choose(red)
        page.wait_for_history(1)
        page.click("#samples button")
        page.wait_for_history(2)
        page.click("[data-language=zh]")
        origin = page.run("return location.origin")
        own = (f"{origin}/", f"blob:{origin}/")
        assert [url for url in requested_urls(desktop) if not url.startswith(own)] == []
        assert console_complaints(desktop) == []


def test_the_policy_keeps_foreign_scripts_and_hosts_out(desktop: webdriver.Chrome) -> None:
    with opened(desktop, ScriptedService(CAT), models=[ONE]) as page:
        page.run(
            "const script = document.createElement('script'); script.textContent = 'window.broken = true';"
            "document.body.append(script); const image = new Image(); image.src = 'http://192.0.2.1/x.png';"
            "document.body.append(image);"
        )
        assert page.run("return window.broken") is None
        page.wait(lambda: len([line for line in console_complaints(desktop) if "Content Security Policy" in line]))


def test_a_service_that_asks_for_a_token_gets_it_in_the_header_that_is_chosen(
    desktop: webdriver.Chrome, red: Path
) -> None:
    refused = RequestError(401, "APIG.0301", "no token")
    service = ScriptedService(refused, CAT)
    with opened(desktop, service, models=[ONE]) as page:
        assert not page.one("#token-part").is_displayed()
        page.choose(red)
        page.wait_for_cards("failed")
        assert page.texts("#results .failure p") == [
            "The service asks who you are. Fill in the token below the picture and send again.",
            "no token",
            "HTTP 401 · APIG.0301",
        ]
        assert not page.one("#history-part").is_displayed()
        assert page.one("#token").get_attribute("type") == "password"
        page.one("#token-header").send_keys("X-Apig")
        page.one("#token").send_keys("se cret", Keys.ENTER)
        assert page.label() == "cat"
        page.wait_for_history(1)
        assert service.headers[-1]["x-apig-appcode"] == "se cret"
        assert "x-auth-token" not in service.headers[-1]
        assert page.text("#commands code") == f'curl -H "X-Apig-AppCode: $TOKEN" -F images=@red.png {page.address}'
        stored = page.run("return JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
        assert "cret" not in stored


def test_without_a_picture_the_button_is_disabled_and_says_what_it_waits_for(
    desktop: webdriver.Chrome, red: Path
) -> None:
    service = ScriptedService(CAT)
    with opened(desktop, service, models=[ONE]) as page:
        send = page.one("#send")
        assert (send.get_attribute("aria-disabled"), send.get_attribute("title")) == ("true", "Choose a picture first.")
        page.click("#send")
        assert page.text("#message") == "Choose a picture first."
        assert service.requests == []
        page.choose(red)
        assert page.label() == "cat"
        assert (send.get_attribute("aria-disabled"), send.get_attribute("title")) == ("false", "")


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["cat", "cup"], "Drawn pictures: a model of photographs will be wrong on most."),
        (["cup", "fish", "flower", "house", "key", "umbrella"], ""),
        (None, ""),
    ],
)
def test_the_samples_are_called_drawn_where_the_model_has_other_classes(
    desktop: webdriver.Chrome, labels: list[str] | None, note: str
) -> None:
    with opened(desktop, ScriptedService(CAT), models=[ONE._replace(labels=labels)]) as page:
        assert len(page.all("#samples button")) == 6
        assert page.text("#samples-note") == note
