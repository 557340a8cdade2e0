"""Picture the test page of a running service for the documents:

    modelarts-local serve out/V0001 &
    python -m tools.page_screenshots http://127.0.0.1:8080

A service of one model gives docs/page.png and docs/page-phone.png, one of several docs/page-side-by-side.png. Needs
Chromium with its driver, and the packages of the extra `test`.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.chromium import PAGE_DEADLINE_S, chromium, set_colours, set_screen

DOCS = Path(__file__).resolve().parents[1] / "docs"
DESKTOP = (1200, 800)
PHONE = (390, 844)
SAMPLES = ("umbrella", "fish", "key", "cup")  # asked in this order, the last one is shown


def ask_about(driver: webdriver.Chrome, sample: str) -> None:
    """Click a sample picture and wait for all answers."""
    before = len(driver.find_elements(By.CSS_SELECTOR, "#history button"))
    driver.find_element(By.CSS_SELECTOR, f"#samples button[title={sample}]").click()
    WebDriverWait(driver, PAGE_DEADLINE_S).until(
        lambda _: len(driver.find_elements(By.CSS_SELECTOR, "#history button")) > before
    )


def shoot(driver: webdriver.Chrome, path: Path, size: tuple[int, int], is_phone: bool = False) -> None:
    """Write the page as a PNG: all of it, of a phone's as much as two screens."""
    driver.execute_script("document.activeElement.blur()")
    set_screen(driver, *size, is_phone=is_phone)
    height = driver.execute_script("return document.documentElement.scrollHeight")
    set_screen(driver, size[0], min(height, 2 * size[1]), scale=1.5 if is_phone else 1, is_phone=is_phone)
    driver.execute_script("scrollTo(0, 0)")
    # bars have stopped growing when no animation runs any more
    WebDriverWait(driver, PAGE_DEADLINE_S).until(
        lambda _: driver.execute_script("return document.getAnimations().length === 0")
    )
    picture = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    # a palette takes a third of the size
    picture.quantize(256).save(path, optimize=True)


def picture_service(url: str, folder: Path, language: str, colours: str) -> None:
    """Ask the service at `url` about the samples, and write what a browser shows into `folder`."""
    with chromium() as driver:
        set_screen(driver, *DESKTOP)
        set_colours(driver, colours)
        try:
            driver.get(url)
            WebDriverWait(driver, PAGE_DEADLINE_S).until(
                lambda _: driver.find_elements(By.CSS_SELECTOR, "#samples button")
            )
        except WebDriverException as error:
            raise SystemExit(f"there is no test page at {url}. Start a service first; --help tells how.") from error
        driver.find_element(By.CSS_SELECTOR, f"[data-language={language}]").click()
        for sample in SAMPLES:
            ask_about(driver, sample)
        if len(driver.find_elements(By.CSS_SELECTOR, "#results article")) > 1:
            shoot(driver, folder / "page-side-by-side.png", DESKTOP)
            return
        shoot(driver, folder / "page.png", DESKTOP)
        shoot(driver, folder / "page-phone.png", PHONE, is_phone=True)


def main() -> None:
    """Read the command line and write the pictures."""
    parser = argparse.ArgumentParser(
        prog="page_screenshots", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="address of a running service")
    parser.add_argument("--folder", type=Path, default=DOCS, help="where the pictures go")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="of the page")
    parser.add_argument("--colours", choices=("light", "dark"), default="light", help="that the browser prefers")
    arguments = parser.parse_args()
    picture_service(arguments.url, arguments.folder, arguments.language, arguments.colours)


if __name__ == "__main__":
    main()
