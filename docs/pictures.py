"""Make the pictures of docs/images from the demo's report.

python docs/pictures.py REPORT.html
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

FOLDER = Path(__file__).with_name("images")
CHROMIUM = "/usr/bin/chromium"
MOST = 300_000  # bytes of a picture
# Width and height of the window, its colours, and what stands on top of the picture.
PICTURES = {
    "report.png": (1280, 1180, "light", ""),
    "report-dark.png": (1280, 860, "dark", "e0-durations-figure"),
    "report-phone.png": (390, 844, "light", ""),
}


def main(report: str) -> None:
    """Write report.png, the top of the report; report-dark.png, its figures; report-phone.png."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in PICTURES:
            _take(browser, Path(report).absolute().as_uri(), name)
        browser.close()
    large = [name for name in PICTURES if (FOLDER / name).stat().st_size > MOST]
    if large:
        sys.exit(f"larger than {MOST} bytes: {', '.join(large)}; choose a smaller window")


def _take(browser: Browser, address: str, name: str) -> None:
    width, height, scheme, top = PICTURES[name]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{address}#{top}" if top else address)
    # What can be seen is drawn.
    page.wait_for_function(
        """[...document.querySelectorAll('[data-chart]')].every((box) => {
            const { top, bottom } = box.getBoundingClientRect();
            return bottom < 0 || top > innerHeight || !box.checkVisibility() || box.dataset.state;
        })"""
    )
    if top:
        page.evaluate("(id) => document.getElementById(id).scrollIntoView()", top)
    page.screenshot(path=FOLDER / name)
    page.close()


if __name__ == "__main__":
    main(sys.argv[1])
