"""Fixtures for pages in a real browser without a network."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

SIZES = {"desktop": (1440, 900), "tablet": (768, 1024), "phone": (390, 844)}
DRAW_WITHIN_MS = 30_000


@pytest.fixture(scope="session")
def launch():
    """Starts a Chromium, with options of Playwright; skips where there is none.

    All of a test session come from here: there can be one Playwright in a thread.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium: install the package chromium")
    with playwright.sync_playwright() as running:
        yield partial(
            running.chromium.launch,
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu"],
        )


@pytest.fixture(scope="session")
def browser(launch):
    """The Chromium that tests of pages share."""
    with launch() as started:
        yield started


@pytest.fixture
def opened(browser) -> Iterator:
    """Opens a file; in the end nothing may have gone wrong in it, nor asked the network."""
    wrong = []

    def request(route):
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            wrong.append(f"asked the network for {route.request.url[:200]}")
            route.abort()

    with ExitStack() as stack:

        def open_file(path, size="desktop", scheme="light", **options):
            width, height = SIZES[size]
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                offline=True,
                **options,
            )
            stack.callback(context.close)
            context.route("**/*", request)
            page = context.new_page()
            page.set_default_timeout(DRAW_WITHIN_MS)
            page.on("console", lambda message: wrong.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
            page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
            page.goto(Path(path).as_uri())
            return page

        yield open_file
    assert wrong == []


@pytest.fixture(scope="session")
def study_report(study_store, tmp_path_factory):
    """The report of the whole simulated study, seed 1."""
    from analysis import report  # noqa: PLC0415  only where a browser is

    return report.write(study_store, tmp_path_factory.mktemp("report") / "report.html").path


def near(page, name):
    """A chart, scrolled to and drawn."""
    box = page.locator(f"[data-chart=e0-{name}-figure]")
    box.scroll_into_view_if_needed()
    page.wait_for_selector(f"[data-chart=e0-{name}-figure][data-state=drawn]")
    return box


def at_rest(page):
    """Every chart near what is seen is drawn: nothing moves any more."""
    page.wait_for_function(
        """[...document.querySelectorAll('[data-chart]')].every((box) => {
            const { top, bottom } = box.getBoundingClientRect();
            const far = bottom < -500 || top > innerHeight + 500;
            return far || !box.checkVisibility() || box.dataset.state;
        })"""
    )


def draw_everything(page):
    """Unfold all, scroll through it as a reader does, and wait for the charts."""
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    for chart in page.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('[data-chart]')].every((box) => box.dataset.state)"
    )
