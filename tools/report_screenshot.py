"""Picture the report of a finished training for the documents:

    python -m tools.report_screenshot out/V0001/report/index.html

gives docs/training-report.png. Needs Chromium with its driver, and the packages of the extra `test`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.chromium import chromium, set_colours, set_screen
from tools.page_screenshots import DESKTOP, DOCS, shoot


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(
        prog="report_screenshot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path, help="index.html of a report")
    parser.add_argument("--to", type=Path, default=DOCS / "training-report.png", help="where the picture goes")
    arguments = parser.parse_args()
    with chromium() as driver:
        set_screen(driver, *DESKTOP)
        set_colours(driver, "light")
        driver.get(arguments.page.resolve().as_uri())
        shoot(driver, arguments.to, DESKTOP)


if __name__ == "__main__":
    main()
