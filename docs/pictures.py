"""Make the pictures of docs/images from the demo: its report, and the page that is alive.

python docs/pictures.py REPORT.html [--all FOLDER]

`--all` puts every page at every width, light and dark, into a folder instead, to be looked at.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).with_name("images")
MOST = 300_000  # bytes of a picture
HEIGHTS = {1440: 1040, 768: 1024, 390: 844}  # of a window of that width
SCHEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class View:
    """Something to take a picture of.

    path: of the living page; empty for the report.
    top: id of what stands on top of the picture; empty for the beginning.
    """

    path: str = ""
    top: str = ""


VIEWS = {
    "report": View(),
    "report-figures": View(top="e0-durations-figure"),
    "runs": View("/"),
    "run": View("/run?experiment=demo&sim_id=1011"),
    "comparison": View("/compare?experiment=demo&phase=Cluster+idle&baseline=K8s&margin=5%25"),
    "data": View("/data?experiment=demo"),
}
# What is kept for the README: the view, the width of the window, its colours.
PICTURES = {
    "report.png": ("report", 1440, "light"),
    "report-dark.png": ("report-figures", 1440, "dark"),
    "report-phone.png": ("report", 390, "light"),
    "runs.png": ("runs", 1440, "light"),
    "runs-phone.png": ("runs", 390, "dark"),
    "run.png": ("run", 1440, "dark"),
    "run-tablet.png": ("run", 768, "light"),
    "comparison.png": ("comparison", 1440, "light"),
    "comparison-phone.png": ("comparison", 390, "dark"),
}


def main() -> None:
    """Write the pictures; ends with status 1 where one is too large to be kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="everything, to be looked at")
    options = parser.parse_args()
    folder = options.all or FOLDER
    wanted: Mapping[str, tuple[str, int, str]] = PICTURES
    if options.all:
        wanted = {
            f"{name}-{width}-{scheme}.png": (name, width, scheme)
            for name in VIEWS
            for width in HEIGHTS
            for scheme in SCHEMES
        }
    folder.mkdir(parents=True, exist_ok=True)
    with _served() as address, _browser() as browser:
        for file, (name, width, scheme) in wanted.items():
            view = VIEWS[name]
            page = _window(browser, width, scheme)
            page.goto(address + view.path if view.path else options.report.absolute().as_uri())
            _settle(page, view)
            page.screenshot(path=folder / file)
            page.close()
    large = [name for name in PICTURES if (folder / name).exists() and _size(folder / name) > MOST]
    if large:
        sys.exit(f"larger than {MOST} bytes: {', '.join(large)}; choose a smaller window")


def _size(path: Path) -> int:
    return path.stat().st_size


@contextmanager
def _served() -> Iterator[str]:
    """The address of `minion serve` on the store that the demo wrote to."""
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, "-m", "minion", "serve", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        said = process.stdout.readline() if process.stdout else ""
        if not said:
            errors.seek(0)
            sys.exit(errors.read().decode())
        try:
            yield said.split()[0].rstrip("/")
        finally:
            process.terminate()


@contextmanager
def _browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("no Chromium on the PATH: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def _window(browser: Browser, width: int, scheme: str) -> Page:
    size = {"width": width, "height": HEIGHTS[width]}
    page = browser.new_page(viewport=size, is_mobile=width < 500)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    return page


def _settle(page: Page, view: View) -> None:
    """Wait until everything that can be seen is there."""
    if view.path:
        page.wait_for_load_state("networkidle")
        page.wait_for_function("document.querySelector('main h1, main h2')")
        page.wait_for_function(
            "[...document.querySelectorAll('.chart')].every((box) => box.dataset.state)"
        )
        if "compare" in view.path:
            page.wait_for_selector(".chart[data-state=drawn]")
    if view.top:
        page.evaluate("(id) => document.getElementById(id).scrollIntoView()", view.top)
    page.wait_for_function(
        """[...document.querySelectorAll('[data-chart]')].every((box) => {
            const { top, bottom } = box.getBoundingClientRect();
            return bottom < 0 || top > innerHeight || !box.checkVisibility() || box.dataset.state;
        })"""
    )
    if view.top:  # what stands above it has grown meanwhile
        page.evaluate("(id) => document.getElementById(id).scrollIntoView()", view.top)


if __name__ == "__main__":
    main()
