"""Debian's Chromium, driven by its own chromedriver; neither is fetched from anywhere."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
PAGE_DEADLINE_S = 30
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root has none, and CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en",
)


def is_installed() -> bool:
    """Tell whether both programs are there."""
    return CHROMIUM.exists() and CHROMEDRIVER.exists()


@contextlib.contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Yield a browser with a fresh profile, which keeps a log of its console and of its requests."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        # a proxy of the environment would stand between Selenium and its driver
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        service = Service(str(CHROMEDRIVER), env=environment)
        driver = webdriver.Chrome(options=options, service=service)
        driver.set_page_load_timeout(PAGE_DEADLINE_S)
        driver.set_script_timeout(PAGE_DEADLINE_S)
        try:
            yield driver
        finally:
            driver.quit()


def command(driver: webdriver.Chrome, name: str, **parameters: Any) -> dict[str, Any]:
    """Run one command of the DevTools protocol."""
    result = driver.execute_cdp_cmd(name, parameters)
    return dict(result or {})


def set_screen(driver: webdriver.Chrome, width: int, height: int, scale: float = 1, is_phone: bool = False) -> None:
    """Give the page a screen of this many CSS pixels."""
    command(
        driver,
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=scale,
        mobile=is_phone,
    )


def set_colours(driver: webdriver.Chrome, scheme: str) -> None:
    """Prefer "dark" or "light" colours."""
    command(driver, "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def requested_urls(driver: webdriver.Chrome) -> list[str]:
    """Return the address of every request since this was last asked."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [
        str(message["params"]["request"]["url"])
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def console_complaints(driver: webdriver.Chrome) -> list[str]:
    """Return the warnings and errors of the console since this was last asked."""
    return [str(entry["message"]) for entry in driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]
