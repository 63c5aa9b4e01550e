"""Make the pictures of docs/images from the demo's report.

python docs/pictures.py REPORT.html
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).with_name("images")
CHROMIUM = "/usr/bin/chromium"


def main(report: str) -> None:
    """Write report.png, the top of the report."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        page.goto(Path(report).absolute().as_uri())
        page.screenshot(path=FOLDER / "report.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
