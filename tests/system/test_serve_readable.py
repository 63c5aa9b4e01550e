"""The living page is text, and readable: hostile names, small screens, dark ones, no sight."""

from contextlib import suppress

import pytest
from served_pages import HOSTILE, QUOTED, drawn, names, scroll, titled
from waiting import wait_for

from analysis.web.address import run_address

pytestmark = pytest.mark.system


# ---------------------------------------------------------------- names, sizes, colours


def test_hostile_names_are_text(served, visited):
    address, _ = served
    page = visited(address)
    names(page)
    for name in (HOSTILE, QUOTED, "a&b"):
        assert page.get_by_text(name, exact=True).count() > 0
    page.get_by_role("link", name=QUOTED).click()
    drawn(page)
    titled(page, f"Run {QUOTED} · Minion")
    page.locator(".chart svg text", has_text=HOSTILE).first.wait_for()
    page.goto(f"{address}/?experiment=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&text=%22%27")
    page.get_by_text("No run fits these filters.").wait_for()
    page.goto(f"{address}/run?experiment=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&sim_id=<b>")
    page.locator(".alert", has_text="no simulation <b>").wait_for()
    assert page.locator("main img, main b, main script").count() == 0


PATHS = {
    "/": "#runs tbody th",
    run_address("study", "3", "net"): ".chart svg",
    "/compare?experiment=study&margin=5%25": ".chart svg",
    "/data?experiment=study": "#report a",
    run_address(HOSTILE, QUOTED): ".chart svg",
}


@pytest.mark.parametrize(
    ("size", "scheme"), [("phone", "light"), ("phone", "dark"), ("tablet", "light")]
)
def test_small_screens_need_no_scrolling_sideways(served, visited, size, scheme):
    for path, selector in PATHS.items():
        page = visited(served[0] + path, size, scheme)
        page.wait_for_selector(selector)
        width, room = scroll(page)
        assert width <= room, path


def test_dark_and_light(served, visited):
    address = served[0] + run_address("study", "3")

    def ground(page):
        drawn(page)
        body = page.evaluate("getComputedStyle(document.body).backgroundColor")
        chart = page.evaluate("document.querySelector('.chart svg').style.backgroundColor")
        return body, chart

    light, dark = "rgb(255, 255, 255)", "rgb(20, 24, 29)"
    assert ground(visited(address)) == (light, light)
    page = visited(address, scheme="dark")
    assert ground(page) == (dark, dark)
    page.get_by_role("button", name="Light").click()
    wait_for(lambda: ground(page) == (light, light), 10, "a light page")
    page.reload()
    assert ground(page) == (light, light)


@pytest.fixture(scope="module")
def faults():
    """The serious accessibility faults of a page, by axe.

    Marks of a chart that is being drawn have no names yet: what is gone soon is no fault.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")

    def at_once(page):
        return [
            (fault["id"], fault["nodes"][0]["html"][:200])
            for fault in axe.Axe().run(page).response["violations"]
            if fault["impact"] in ("serious", "critical")
        ]

    def lasting(page):
        with suppress(TimeoutError):
            wait_for(lambda: not at_once(page), 5)
        return at_once(page)

    return lasting


def test_it_can_be_used_by_those_who_do_not_see_it(served, visited, faults):
    for place, (path, selector) in enumerate(PATHS.items()):
        page = visited(served[0] + path, "desktop", "dark" if place % 2 else "light")
        page.wait_for_selector(selector)
        assert faults(page) == [], path


def test_what_unfolds_can_be_used_by_them_too(served, visited, faults):
    for path, identity, name in (
        ("/", "filter-platform", "Platform"),
        ("/compare?experiment=study", "compare-metric", "Metric"),
    ):
        page = visited(served[0] + path)
        page.wait_for_selector(f"#{identity}[tabindex='0']")
        page.click(f"#{identity}")
        choice = page.get_by_role("radiogroup", name=name)
        choice.locator("label").last.wait_for()
        assert faults(page) == [], path
        choice.locator("label").last.click()
        choice.wait_for(state="detached")
        page.click(f"#{identity}")
        choice.locator("label").last.wait_for()
        assert choice.get_by_role("radio").last.is_checked(), path
        assert faults(page) == [], path
