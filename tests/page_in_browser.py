"""The test page as a user sees it: what can be done on it and what can be read from it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from modelarts_local.service.page import PageModel
from tests.chromium import PAGE_DEADLINE_S, command
from tests.page_server import ScriptedService, application, running


@contextlib.contextmanager
def opened(driver: webdriver.Chrome, *services: ScriptedService, models: Sequence[PageModel]) -> Iterator[TestPage]:
    """Serve `services`, one for each of `models`, and open their page."""
    with running(application(services, models)) as url:
        yield TestPage(driver, url)


class TestPage:
    """One opened page. Everything that takes a moment is waited for."""

    __test__ = False  # no class of tests

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.address = f"{url}/"
        driver.get(url)
        self.wait(lambda: self.text("#about") != "")

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until `condition` returns something true, and return that."""
        deadline = time.monotonic() + PAGE_DEADLINE_S
        while time.monotonic() < deadline:
            try:
                found = condition()
            # the page was drawn again between finding and reading
            except StaleElementReferenceException:
                continue
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"this did not come about on the page:\n{self.text('body')}")

    def all(self, selector: str) -> list[WebElement]:
        """Return every element, hidden ones too."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Return the first element."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return what can be read in the first element, one line for each block."""
        return self.one(selector).text

    def texts(self, selector: str) -> list[str]:
        """Return what can be read in every element."""
        return [element.text for element in self.all(selector)]

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a piece of JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def choose(self, *paths: Path) -> None:
        """Choose files as the browser's own dialogue does."""
        self.one("#file").send_keys("\n".join(map(str, paths)))

    def click(self, selector: str) -> None:
        """Click the first element."""
        self.one(selector).click()

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def press_control(self, key: str) -> None:
        """Press a key with Control."""
        chain = webdriver.ActionChains(self.driver)
        chain.key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()

    def drop(self, *paths: Path) -> None:
        """Drop files onto the place for the picture as a file manager does."""
        box = self.one("#stage").rect
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            command(self.driver, "Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def wait_for_cards(self, state: str, count: int = 1) -> list[WebElement]:
        """Wait until `count` cards are "answered" or "failed", and return them."""
        selector = f"#results article[data-state={state}]"
        return list(self.wait(lambda: cards if len(cards := self.all(selector)) == count else None))

    def wait_for_history(self, count: int) -> None:
        """Wait until this many pictures were asked about."""
        self.wait(lambda: len(self.all("#history button")) == count)

    def wait_for_newest(self, name: str) -> None:
        """Wait until the picture `name` is the one that was asked about last."""
        self.wait(lambda: [image.get_attribute("alt") for image in self.all("#history img")][:1] == [name])

    def label(self) -> str:
        """Return the label of the first answer once it is there."""
        self.wait_for_cards("answered", len(self.all("#results article")))
        return self.text("#results .label strong")
