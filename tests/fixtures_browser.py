"""One browser for all tests of the test page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chromium import chromium, command, console_complaints, is_installed, requested_urls, set_colours, set_screen

DESKTOP = (1200, 900)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium; CI fails where a user's machine without one skips."""
    if not is_installed():
        message = "Chromium is not installed: apt-get install chromium chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with chromium() as driver:
        yield driver


@pytest.fixture
def desktop(browser: Any) -> Any:
    """The browser with a wide, light, English screen and nothing in its logs."""
    set_screen(browser, *DESKTOP)
    set_colours(browser, "light")
    agent = browser.execute_script("return navigator.userAgent")
    command(browser, "Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="en-GB")
    console_complaints(browser)
    requested_urls(browser)
    return browser
