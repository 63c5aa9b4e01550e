"""Saved charts in a real browser: light, dark, on paper, and without a network."""

import re

import pytest

from analysis import charts, durations

pytestmark = pytest.mark.system

PAPER, NIGHT = "rgb(255, 255, 255)", "rgb(20, 24, 29)"


@pytest.fixture
def page(browser, study_store, tmp_path):
    """A timeline, opened; in the end nothing may have gone wrong in it."""
    chart = charts.timeline(durations(study_store, include_gaps=True), simulated=True)
    path = charts.save(chart, tmp_path / "chart.html")
    wrong = []
    context = browser.new_context(offline=True, color_scheme="light")
    page = context.new_page()
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: asked.url.startswith("file:") or wrong.append(asked.url[:99]))
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-state=drawn]")
    yield page
    context.close()
    assert wrong == []


def background(page):
    """The colours of the page and of the chart on it."""
    return tuple(
        page.locator(place).first.evaluate("e => getComputedStyle(e).backgroundColor")
        for place in ("body", "#chart svg.marks")
    )


def test_a_page_follows_its_reader_between_day_and_night(page):
    assert page.locator("svg .mark-rect.role-mark path").count() == 75 * 13
    assert background(page) == (PAPER, PAPER)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"getComputedStyle(document.body).backgroundColor === '{NIGHT}'")
    assert background(page) == (NIGHT, NIGHT)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"getComputedStyle(document.body).backgroundColor === '{PAPER}'")
    assert background(page) == (PAPER, PAPER)


def test_paper_is_white_at_night_too(page):
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"getComputedStyle(document.body).backgroundColor === '{NIGHT}'")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert background(page)[1] == PAPER
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert background(page)[1] == NIGHT


def test_a_bar_says_what_it_is(page):
    page.locator("svg .mark-rect.role-mark path").first.hover()
    tip = page.locator("#vg-tooltip-element")
    tip.wait_for()
    words = tip.inner_text()
    assert re.search(r"Run\s+3050", words)
    assert re.search(r"Phase\s+System idle 1", words)
